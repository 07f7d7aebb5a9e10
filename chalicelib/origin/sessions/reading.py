"""Reading a staged body from front to back, the next piece while the last is worked on."""

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
    """Yield each stretch with its bytes; the next one is read meanwhile if both are at most
    ``most`` bytes.

    Raises
    ------
    Unavailable, KeyError
        As ``Staging.read`` does.
    """

    def read(stretch: Stretch) -> Future[bytes]:
        return executor.submit(staging.read, key, stretch.start, stretch.length)

    rest = iter(wanted)
    stretch, task = next(rest, None), None
    while stretch is not None:
        content = (task or read(stretch)).result()
        following = next(rest, None)
        task = None
        if following is not None and stretch.length + following.length <= most:
            task = read(following)
        yield stretch, content
        del content
        stretch = following
