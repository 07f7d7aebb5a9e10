"""Records, verdicts and the index in one DynamoDB table."""
