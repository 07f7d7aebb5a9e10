"""How many senders are at work: a few, and another whenever all of them wait.

Against a server that is far away, or takes its time, connections side by side make up for waiting.
Against one next door senders are busy all the time, and more of them than there are processors,
beside one whose answer is waited for, contend for the interpreter, which costs more than it brings.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock, get_ident

_LOOK_SECONDS = 0.05
"""Between two looks at those at work: short beside a request that waits, long beside a batch."""


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Crew:
    """Lets senders begin; shared by their threads.

    Parameters
    ----------
    at_once : int
        So many begin at once, the others one by one.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._next = Lock()
        self._changed = Condition()
        self._begun = 0
        self._is_dismissed = False
        self._waiting: set[int] = set()
        self._did_all_wait = False

    def join(self) -> None:
        """Wait until another sender is of use, or there is nothing more to do."""
        with self._next, self._changed:
            while self._begun >= self._at_once and not self._is_dismissed:
                self._changed.wait(_LOOK_SECONDS)
                if self._is_short():
                    break
            self._begun += 1

    def dismiss(self) -> None:
        """Let everybody find out that there is nothing more to do."""
        with self._changed:
            self._is_dismissed = True
            self._changed.notify_all()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Mark what a sender does for a batch, from taking it in hand to its end."""
        try:
            yield
        finally:
            self._waiting.discard(get_ident())

    def waits(self) -> None:
        """Take note that the sender that calls it waits for the server, with its batch at hand."""
        self._waiting.add(get_ident())

    def _is_short(self) -> bool:
        """Return whether all waited at this look, and at the last."""
        do_all_wait = len(self._waiting) >= self._begun
        is_short = do_all_wait and self._did_all_wait
        self._did_all_wait = do_all_wait and not is_short
        return is_short
