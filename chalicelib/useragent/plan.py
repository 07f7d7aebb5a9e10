"""Batches: as many instances in a request as the destination takes, by bytes and by parts."""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from chalicelib.useragent.model import Instance

DEFAULT_BATCH_BYTES = 4_000_000
"""Below what API gateways and reverse proxies take by default."""
DEFAULT_BATCH_PARTS = 100
_SMALLEST = 64 * 1024


class BatchLimits:
    """What one request may hold. They only ever shrink, as refusals (413) teach.

    Parameters
    ----------
    max_bytes : int
        Of a body, framing included. One instance that is larger travels alone.
    max_parts : int
        Instances of a request.

    Attributes
    ----------
    learnt_bytes : int or None
        What refusals have taught, to be remembered with the destination.
    """

    def __init__(
        self, max_bytes: int = DEFAULT_BATCH_BYTES, max_parts: int = DEFAULT_BATCH_PARTS
    ) -> None:
        self.max_bytes = max(max_bytes, 1)
        self.max_parts = max(max_parts, 1)
        self.learnt_bytes: int | None = None
        self._lock = Lock()

    def refused(self, size: int, parts: int) -> None:
        """Take note that a body was too large (413): the next are half of it."""
        with self._lock:
            if parts > 1:
                self.max_bytes = min(self.max_bytes, max(size // 2, _SMALLEST))
                self.learnt_bytes = self.max_bytes

    def lower_parts(self, parts: int) -> None:
        """Take note of what the server says that it takes."""
        with self._lock:
            self.max_parts = max(1, min(self.max_parts, parts))

    def lower_bytes(self, size: int) -> None:
        """Take note of what the server says that it takes, or once refused."""
        with self._lock:
            self.max_bytes = max(1, min(self.max_bytes, size))


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
