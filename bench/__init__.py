"""What Stowage costs: an AWS stand-in on the loopback, synthetic requests and a table of rows."""
