"""Multipart/related bodies, written as they are sent (RFC 2046 5.1, RFC 2387, PS3.18 8.6.1.2).

What belongs here: the framing of parts and its length. What must not: where a part's bytes come
from. A body can be iterated any number of times, and each time it is whole: a retry that sends
what is left of the first attempt stores nothing and may be answered 200.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from chalicelib.standard.media_types import MULTIPART_RELATED

Buffer = bytes | memoryview


class Content(Protocol):
    """Bytes that can be read again and again.

    A buffer that iteration yields is valid until the next one is asked for.
    """

    @property
    def length(self) -> int | None:
        """Bytes in all, None where that is not known before they are read."""
        ...

    def __iter__(self) -> Iterator[Buffer]:
        """Yield the bytes from the first on."""
        ...


@dataclass(frozen=True, slots=True)
class BytesContent:
    """Bytes at hand."""

    data: Buffer

    @property
    def length(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Buffer]:
        yield self.data

    def ranged(self, start: int, end: int) -> Iterator[Buffer]:
        """Yield the bytes from start to end."""
        yield memoryview(self.data)[start:end]

    def __repr__(self) -> str:
        return f"BytesContent({len(self.data)} bytes)"


class OutgoingPart(NamedTuple):
    """A part: header fields in order, Content-Type first (PS3.18 Table 8.6.1-1), and content."""

    headers: tuple[tuple[str, str], ...]
    content: Content


class MultipartBody:
    """The parts framed as one body: a Content of its own.

    Parameters
    ----------
    parts : sequence of OutgoingPart
        At least one (PS3.18 10.5.1.4).
    boundary : str
        Of 1 to 70 characters that need no quoting, random enough that no part holds it: 128 bits
        make a scan of the parts superfluous.
    """

    __slots__ = ("_closing", "_heads", "_parts", "boundary", "length")

    def __init__(self, parts: Sequence[OutgoingPart], boundary: str) -> None:
        if not parts:
            raise ValueError("a multipart body needs a part")
        self.boundary = boundary
        self._parts = tuple(parts)
        heads = {headers: _head(headers, boundary) for headers in {one.headers for one in parts}}
        self._heads = (heads[parts[0].headers].removeprefix(b"\r\n"),) + tuple(
            heads[part.headers] for part in parts[1:]
        )
        self._closing = f"\r\n--{boundary}--\r\n".encode("ascii")
        self.length = self._length()

    def content_type(self, root_type: str, *, is_quoted: bool = True, parameters: str = "") -> str:
        """Return the message's Content-Type.

        Parameters
        ----------
        root_type : str
            Media type of the first part, without parameters.
        is_quoted : bool
            RFC 2045 needs the quotes because of the slash; some servers cannot read them
            (PS3.18 8.7.1 note).
        parameters : str
            Further ones, each with its semicolon in front.
        """
        kind = f'"{root_type}"' if is_quoted else root_type
        return f"{MULTIPART_RELATED}; type={kind}; boundary={self.boundary}{parameters}"

    def __iter__(self) -> Iterator[Buffer]:
        for head, part in zip(self._heads, self._parts, strict=True):
            yield head
            yield from part.content
        yield self._closing

    def segments(self) -> Iterator[object]:
        """Yield what iteration does, but what a content has as segments of its own as those.

        A transport that knows them can send them without reading them.
        """
        for head, part in zip(self._heads, self._parts, strict=True):
            yield head
            segments = getattr(part.content, "segments", None)
            yield from part.content if segments is None else segments()
        yield self._closing

    def contents(self) -> Iterator[Content]:
        """Yield what iteration does as contents: each part's head and content, the closing last."""
        for head, part in zip(self._heads, self._parts, strict=True):
            yield BytesContent(head)
            yield part.content
        yield BytesContent(self._closing)

    def _length(self) -> int | None:
        total = len(self._closing) + sum(map(len, self._heads))
        for part in self._parts:
            length = part.content.length
            if length is None:
                return None
            total += length
        return total


def part_overhead(part: OutgoingPart, boundary_length: int) -> int:
    """Return the bytes that framing adds to a part's content."""
    return len(_head(part.headers, "b" * boundary_length))


def _head(headers: tuple[tuple[str, str], ...], boundary: str) -> bytes:
    """Return the head of a part that follows another; the first has no line break before it."""
    lines = ["", f"--{boundary}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("utf-8")
