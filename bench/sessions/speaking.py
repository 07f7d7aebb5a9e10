"""The other end of `bench.sessions.processes`: lines of JSON in, lines of JSON out."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO


def quiet_output() -> TextIO:
    """Return standard output; whatever else is printed goes to the null device from now on."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return output


def say(output: TextIO, document: object) -> None:
    """Write a document."""
    output.write(json.dumps(document) + "\n")
    output.flush()


def answer_all(output: TextIO, answer: Callable[[Any], object]) -> None:
    """Answer each document until there are no more."""
    for line in sys.stdin:
        say(output, answer(json.loads(line)))
