"""Reading a staged body from front to back, the next pieces while one is worked on."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from chalicelib.origin.sessions.ports import Staging


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of bytes of an object."""

    start: int
    length: int


def stretches(start: int, end: int, length: int) -> Iterator[Stretch]:
    """Yield the bytes from start to end in stretches that end at multiples of the length."""
    while start < end:
        stop = min((start // length + 1) * length, end)
        yield Stretch(start, stop - start)
        start = stop


def read_ahead(
    staging: Staging, key: str, wanted: Iterable[Stretch], executor: Executor, most: int
) -> Iterator[tuple[Stretch, bytes]]:
    """Yield each stretch with its bytes, and read the following meanwhile, side by side: as many
    as are at most ``most`` bytes together with it.

    Raises
    ------
    Unavailable, KeyError
        As ``Staging.read`` does.
    """
    rest = iter(wanted)
    following = next(rest, None)
    begun: deque[tuple[Stretch, Future[bytes]]] = deque()
    held = 0
    while begun or following is not None:
        while following is not None and (not begun or held + following.length <= most):
            task = executor.submit(staging.read, key, following.start, following.length)
            begun.append((following, task))
            held += following.length
            following = next(rest, None)
        stretch, task = begun.popleft()
        yield stretch, task.result()
        del task
        held -= stretch.length
