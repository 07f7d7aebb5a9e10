"""How many requests are under way at once: more while the server takes them, half when it asks.

Additive increase and multiplicative decrease, as TCP does it: with many clients each ends with a
fair share, and a server that is throttled is not kept so.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Condition

from chalicelib.useragent.clock import Clock

_SECONDS_BETWEEN_CUTS = 1.0


class AdaptiveGate:
    """Lets at most so many requests out at once.

    Parameters
    ----------
    most : int
        Never more than this many.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = max(most, 1)
        self._allowed = float(self._most)
        self._under_way = 0
        self._clock = clock
        self._last_cut = float("-inf")
        self._condition = Condition()

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return int(self._allowed)

    def slot(self) -> AbstractContextManager[object]:
        """Wait for leave to send one request."""
        return self._slot()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        with self._condition:
            while self._under_way >= self.allowed:
                self._condition.wait()
            self._under_way += 1
        try:
            yield
        finally:
            with self._condition:
                self._under_way -= 1
                self._condition.notify_all()

    def throttled(self) -> None:
        """Halve; requests that were out together count as one refusal."""
        with self._condition:
            now = self._clock.monotonic()
            if now - self._last_cut >= _SECONDS_BETWEEN_CUTS:
                self._last_cut = now
                self._allowed = max(1.0, self._allowed / 2)

    def accepted(self) -> None:
        """Grow by one for as many answers as are under way."""
        with self._condition:
            self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
            self._condition.notify_all()
