"""The product while AWS fails: throttled, slow, broken off, half answered."""
