"""The command ``stowage``: terminal, environment and files around the user agent.

Only this package reads the environment, and only it imports click and rich.
"""

from chalicelib.useragent.cli.commands import main

__all__ = ["main"]
