"""How many senders are at work: one, and another whenever those at work wait more than they work.

Against a server that is far away, or takes its time, connections side by side make up for waiting.
Against one next door a sender is busy all the time, and a second would only contend with it for
the interpreter, which costs more than it brings. TLS and compressors work outside the interpreter,
so there all begin at once.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from chalicelib.useragent.clock import Clock

_LOOK_SECONDS = 0.02
"""Between two looks at those at work: short beside a request that waits, long beside a batch."""
_WAITED_TO_WORKED = 3


class Crew:
    """Lets senders begin one by one; shared by their threads.

    Parameters
    ----------
    clock : Clock
    is_eager : bool
        Let all begin at once.
    worked_seconds : callable
        How long the thread that calls it has worked.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        is_eager: bool = False,
        worked_seconds: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock = clock
        self._is_eager = is_eager
        self._worked_seconds = worked_seconds
        self._next = Lock()
        self._changed = Condition()
        self._is_dismissed = False
        self._has_begun = False
        self._looked = 0.0
        self._under_way: dict[object, float] = {}
        self._waited = self._worked = 0.0

    def join(self) -> None:
        """Wait until another sender is of use, or there is nothing more to do."""
        with self._next, self._changed:
            while self._has_begun and not (self._is_eager or self._is_dismissed):
                self._changed.wait(_LOOK_SECONDS)
                if self._is_short():
                    return
            self._has_begun = True

    def dismiss(self) -> None:
        """Let everybody find out that there is nothing more to do."""
        with self._changed:
            self._is_dismissed = True
            self._changed.notify_all()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Mark what a sender does for a batch, from taking it in hand to its end."""
        one, began, worked = object(), self._clock.monotonic(), self._worked_seconds()
        self._under_way[one] = began
        try:
            yield
        finally:
            del self._under_way[one]
            worked = self._worked_seconds() - worked
            with self._changed:
                self._worked += worked
                self._waited += self._clock.monotonic() - max(began, self._looked) - worked

    def _is_short(self) -> bool:
        """Return whether, since the last look, those at work have mostly waited.

        What a batch under way has worked is not known yet: it counts as waiting, and is little
        where batches end many times between two looks.
        """
        now = self._clock.monotonic()
        waited = self._waited + sum(
            now - max(began, self._looked) for began in tuple(self._under_way.values())
        )
        is_short = waited > max(_WAITED_TO_WORKED * self._worked, (now - self._looked) / 2)
        self._looked, self._waited, self._worked = now, 0.0, 0.0
        return is_short
