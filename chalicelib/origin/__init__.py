"""What an origin server does, on ports. No AWS, no clock of its own, no environment."""
