"""``make test-deployed``: the package, deployed to an emulator that knows nothing of it."""
