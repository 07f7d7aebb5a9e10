"""Any bytes of a payload's body, without those before them: what parts of a session are cut from.

Memory does not depend on the body's size, nor on that of a slice: files are read in chunks, or left
to the system to send.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from chalicelib.dicomweb.multipart_writer import Buffer, Content, MultipartBody
from chalicelib.useragent.sources import FileSlice


class BodyView:
    """A multipart body that can be read from anywhere, by several threads at once.

    Parameters
    ----------
    body : MultipartBody
        Its length is known.

    Attributes
    ----------
    length : int
        Bytes in all.
    offsets : tuple of int
        Where the content of each part begins.
    """

    __slots__ = ("_contents", "_starts", "length", "offsets")

    def __init__(self, body: MultipartBody) -> None:
        self._contents = tuple(body.contents())
        self._starts: list[int] = []
        position = 0
        for content in self._contents:
            if content.length is None:
                raise ValueError("the length of a part is not known")
            self._starts.append(position)
            position += content.length
        self.length = position
        self.offsets = tuple(self._starts[1::2])

    def slice(self, start: int, length: int) -> "BodySlice":
        """Return some of the body as a content of its own."""
        return BodySlice(self, start, length)

    def segments(self, start: int, end: int) -> Iterator[object]:
        """Yield the bytes from start to end: slices of files, buffers of anything else."""
        index = bisect_right(self._starts, start) - 1
        while index < len(self._starts) and (first := self._starts[index]) < end:
            content = self._contents[index]
            low, high = max(start - first, 0), min(end - first, content.length or 0)
            if low < high:
                yield from _ranged(content, low, high)
            index += 1


@dataclass(frozen=True, slots=True)
class BodySlice:
    """Bytes of a body, in order: a Content."""

    view: BodyView
    start: int
    length: int

    def __iter__(self) -> Iterator[Buffer]:
        for segment in self.segments():
            if isinstance(segment, FileSlice):
                yield from segment.chunks()
            else:
                yield cast("Buffer", segment)

    def segments(self) -> Iterator[object]:
        """Yield slices of files, which a transport can send unread, and buffers."""
        return self.view.segments(self.start, self.start + self.length)


def _ranged(content: Content, start: int, end: int) -> Iterator[object]:
    """Yield bytes of a content; one that cannot be read at random is read from its beginning."""
    ranged = getattr(content, "ranged", None)
    if ranged is not None:
        yield from ranged(start, end)
        return
    position = 0
    for chunk in content:
        low, high = max(start - position, 0), min(end - position, len(chunk))
        if low < high:
            yield memoryview(chunk)[low:high]
        position += len(chunk)
        if position >= end:
            return
