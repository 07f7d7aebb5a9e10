"""Batches: as many instances in a request as the destination takes, by bytes and by parts."""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from chalicelib.useragent.model import Instance

DEFAULT_BATCH_BYTES = 4_000_000
"""Below what API gateways and reverse proxies take by default."""
MOST_BATCH_BYTES = 16_000_000
"""What a request that grows ends at: what it costs beside its bytes hardly counts by then."""
DEFAULT_BATCH_PARTS = 100
_GOOD_SECONDS = 1.0
"""For a request that grows: long beside what it costs, short beside any server's patience."""
_SMALLEST = 64 * 1024
_MARGIN = 16
"""A growing request keeps one of so many bytes of a said limit free: rewriting and framing add."""


class BatchLimits:
    """What one request may hold: as much as the server takes, as far as that is known.

    Refusals (413) lower it for good. Where ``most_bytes`` is more than ``max_bytes``, requests grow
    to find out what the server takes: each holds what the one before carried in a second, but no
    more than twice what was answered before. So a failure costs little, wherever it is met.

    Parameters
    ----------
    max_bytes : int
        Of a body at first, framing included. One instance that is larger travels alone.
    max_parts : int
        Instances of a request.
    most_bytes : int, optional
        What requests may grow to; by default they do not.

    Attributes
    ----------
    first_bytes : int
        What is sent without having been tried.
    learnt_bytes : int or None
        What refusals have taught, to be remembered with the destination.
    """

    def __init__(
        self,
        max_bytes: int = DEFAULT_BATCH_BYTES,
        max_parts: int = DEFAULT_BATCH_PARTS,
        *,
        most_bytes: int = 0,
    ) -> None:
        self.first_bytes = self.max_bytes = max(max_bytes, 1)
        self.max_parts = max(max_parts, 1)
        self.learnt_bytes: int | None = None
        self._most = max(most_bytes, self.max_bytes)
        self._answered = 0
        self._lock = Lock()

    @property
    def may_grow(self) -> bool:
        """Whether a request may come to hold more than now."""
        return self._most > self.max_bytes

    def answered(self, size: int, seconds: float) -> None:
        """Take note that a request was answered instance by instance, and how long that took.

        Parameters
        ----------
        size : int
            Bytes, as ``batches`` counts them.
        seconds : float
            From the first byte to the answer.
        """
        with self._lock:
            self._answered = max(self._answered, size)
            if 2 * size > self.max_bytes:  # the last of a run tell little
                carried = int(_GOOD_SECONDS * size / max(seconds, 0.001))
                wanted = max(self.first_bytes, min(carried, 2 * self._answered))
                self.max_bytes = min(self._most, wanted)

    def unanswered(self, size: int) -> bool:
        """Take note that a request was not; return whether its size may be why.

        Then smaller ones are known to be answered, or are what anything begins with, and no more
        is tried.
        """
        with self._lock:
            known = max(self.first_bytes, self._answered)
            if size <= known:
                return False
            self._lower(known)
            return True

    def refused(self, size: int, parts: int) -> None:
        """Take note that a body was too large (413): the next are half of it, or what passed.

        Parameters
        ----------
        size : int
            Bytes, as ``batches`` counts them.
        parts : int
            One instance alone cannot be made less.
        """
        with self._lock:
            if parts > 1:
                half = max(size // 2, _SMALLEST)
                self._lower(max(half, self._answered) if self._answered < size else half)
                self.learnt_bytes = self.max_bytes

    def lower_parts(self, parts: int) -> None:
        """Take note of what the server says that it takes."""
        with self._lock:
            self.max_parts = max(1, min(self.max_parts, parts))

    def lower_bytes(self, size: int) -> None:
        """Take note of what the server says that it takes, or once refused."""
        with self._lock:
            self._lower(max(1, min(self.max_bytes, size), size - size // _MARGIN))

    def _lower(self, most: int) -> None:
        self._most = min(self._most, most)
        self.max_bytes = min(self.max_bytes, self._most)


def batches(
    instances: Iterable[Instance],
    limits: BatchLimits,
    cost: Callable[[Instance], int] = lambda instance: instance.source.size + 256,
) -> Iterator[list[Instance]]:
    """Yield batches in order; no UID stands twice in one, or the answer could not tell them apart.

    Parameters
    ----------
    instances : iterable of Instance
        Read only as far as the batches that were asked for.
    limits : BatchLimits
        Looked at for each instance.
    cost : callable
        Bytes that an instance adds to a body.
    """
    batch: list[Instance] = []
    uids: set[str] = set()
    total = 0
    for instance in instances:
        size = cost(instance)
        is_full = len(batch) >= limits.max_parts or total + size > limits.max_bytes
        if batch and (is_full or instance.sop_instance in uids):
            yield batch
            batch, uids, total = [], set(), 0
        batch.append(instance)
        uids.add(instance.sop_instance)
        total += size
    if batch:
        yield batch
