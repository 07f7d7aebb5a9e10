"""What a run needs beside its threads: batches to share, and files that are copies of others."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from threading import Lock

from chalicelib.dicomweb.multipart_writer import Buffer
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.journal_entries import Entry
from chalicelib.useragent.model import Cause, Instance, Outcome, State
from chalicelib.useragent.sources import FileSource


class Shared:
    """Batches that threads take from one another's hands.

    Parameters
    ----------
    batches : iterator
    is_at_hand : callable
        Whether the next batch need not be waited for.
    """

    def __init__(
        self, batches: Iterator[list[Instance]], is_at_hand: Callable[[], bool] = lambda: False
    ) -> None:
        self._batches = batches
        self._is_at_hand = is_at_hand
        self._prepared: deque[list[Instance]] = deque()
        self._error: Exception | None = None
        self._lock = Lock()

    def take(self) -> list[Instance] | None:
        """Return the next batch, None when there is none."""
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._prepared.popleft() if self._prepared else next(self._batches, None)

    def prepare(self) -> None:
        """Have the next batch made, if nothing is to be waited for, so that ``take`` is brief.

        What fails here fails in ``take``: whoever prepares is in the middle of something else.
        """
        if self._prepared or not self._is_at_hand() or not self._lock.acquire(blocking=False):
            return
        try:
            self._prepared.extend(islice(self._batches, 1))
        except Exception as error:  # noqa: BLE001 - ``take`` raises it
            self._error = error
        finally:
            self._lock.release()


def failed(entry: Entry, cause: Cause, detail: str) -> Outcome:
    """Return the outcome of an entry that is not sent."""
    return Outcome(entry.instance(), State.FAILED, cause, detail=detail)


def as_twin(entry: Entry, state: State, reason: int | None = None) -> Outcome:
    """Return the outcome of a copy, which is that of the first."""
    detail = "It is a copy of another file here, which was sent."
    return Outcome(entry.instance(), state, Cause.TWIN, reason, detail=detail)


def is_same(first: FileSource, second: FileSource) -> bool:
    """Return whether two files hold the same bytes."""
    if first.size != second.size:
        return False
    try:
        return all(
            bytes(one) == bytes(other)
            for one, other in zip(_pieces(first), _pieces(second), strict=True)
        )
    except (SourceError, ValueError):
        return False


def _pieces(source: FileSource) -> Iterator[Buffer]:
    for offset in range(0, source.size, 1 << 16):
        yield source.read(offset, min(1 << 16, source.size - offset))
