"""``python -m chalicelib.useragent.cli``."""

from chalicelib.useragent.cli.commands import main

main()
