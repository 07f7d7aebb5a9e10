"""The standard's tables as data, each once, each row with its source. Imports nothing of ours."""
