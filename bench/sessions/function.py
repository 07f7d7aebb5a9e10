"""``python -m bench.sessions.function NAME``: one function behind a queue, as a process.

Takes SQS events and says what the function answers.
"""

import importlib
import sys
from functools import partial
from typing import Any

from bench.sessions.speaking import answer_all, quiet_output
from infra.local.functions import LocalFunction

SECONDS = 900.0


def main(arguments: list[str]) -> None:
    """Answer events until there are no more."""
    [name] = arguments
    output = quiet_output()
    handler: Any = getattr(importlib.import_module("app"), name)
    answer_all(output, partial(LocalFunction(handler, name, SECONDS)))


if __name__ == "__main__":
    main(sys.argv[1:])
