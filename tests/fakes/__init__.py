"""Ports in memory: what they hold is what the AWS adapters would, and they pass the same tests."""
