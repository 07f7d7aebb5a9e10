"""The protocol: bytes to values and back. No I/O, no clock, no log; shared by both roles."""
