"""Just enough of S3, DynamoDB, EventBridge and SQS to measure against, limits enforced.

What belongs here: the AWS behaviour that the product leans on, and the refusals that an emulator
forgets. What does not: rules, queues that deliver, policies, signatures in headers.
"""
