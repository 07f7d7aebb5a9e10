"""``make test-deployed``: the packaged product, deployed to an emulator that knows nothing of it."""
