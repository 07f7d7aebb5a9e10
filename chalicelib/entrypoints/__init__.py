"""AWS event shapes to our values and back. Translates; decides nothing."""
