"""Multipart/related bodies, parsed as they arrive (RFC 2046 5.1, RFC 2387, PS3.18 8.6.1).

What belongs here: the framing of parts and the syntax of their header fields. What must not: what
a part's media type means, and nested multiparts, which the caller sees by the Content-Type.

Where peers differ we go this way. Preamble and epilogue are ignored. Lines end with CRLF: an
LF-only delimiter is body data and an LF-only header is an error, because a guess here moves the
bytes of an image. What follows the boundary on its line is white space and CRLF, or two hyphens;
``--b`` at the start of a longer line is body data. A missing closing delimiter is a truncated
upload, hence an error: nothing of it may be stored.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import TOKEN
from chalicelib.dicomweb.messages import Headers

_MAX_PADDING = 128
_BLANK_LINE = b"\r\n\r\n"
# What makes a boundary at the start of a line a delimiter, and what may yet become that.
_LINE_END = re.compile(rb"(?P<closing>--)|[ \t]{0,%d}(?=\r\n)" % _MAX_PADDING)
_LINE_END_BEGUN = re.compile(rb"-|[ \t]{0,%d}\r?" % _MAX_PADDING)
_FOLD = re.compile(r"\r\n[ \t]+")
_FIELD = re.compile(rf"({TOKEN}):([\t -~\x80-\xff]*)")
_SINGULAR = ("content-type", "content-length", "content-location", "content-id")
_LENGTH = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class PartBegin:
    """A part's header is complete.

    ``number`` is 1-based; ``header_offset`` and ``body_offset`` count bytes from the start of the
    whole multipart body. Header values are decoded as ISO 8859-1, byte for character.
    """

    number: int
    headers: Headers
    header_offset: int
    body_offset: int


@dataclass(frozen=True, slots=True)
class PartData:
    """More bytes of the part begun last: a view of the caller's buffer where that is possible."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part is complete: ``size`` bytes, the last before ``end_offset`` of the whole body.

    ``delimiter_offset`` is where the hyphens of the delimiter behind it stand.
    """

    number: int
    size: int
    end_offset: int
    delimiter_offset: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The closing delimiter was read; all that follows is ignored."""


Event = PartBegin | PartData | PartEnd | Closed


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body at hand; ``offset`` is that of ``body`` in it, in bytes."""

    number: int
    headers: Headers
    body: memoryview
    offset: int


class _State(Enum):
    PREAMBLE = auto()
    HEADER = auto()
    BODY = auto()
    EPILOGUE = auto()


class MultipartParser:
    """Turns the bytes of one multipart body, in chunks of any size, into events.

    Between two calls it holds no more than ``max_header_bytes`` or a delimiter line. After an
    error it must not be fed again.

    Parameters
    ----------
    boundary : str
        As ``request_media_type`` returns it.
    max_parts : int
        Parts that a body may have.
    max_header_bytes : int
        Size of a part's header without the blank line that ends it.
    max_header_fields : int
        Fields that a part's header may have.
    """

    def __init__(
        self,
        boundary: str,
        *,
        max_parts: int = 500,
        max_header_bytes: int = 16_384,
        max_header_fields: int = 32,
    ) -> None:
        self._dashed = b"--" + boundary.encode("ascii")
        self._max_parts = max_parts
        self._max_header_bytes = max_header_bytes
        self._max_header_fields = max_header_fields
        self._state = _State.PREAMBLE
        self._number = 0
        self._declared_size: int | None = None
        self._body_offset = 0
        self._buffer: bytes | bytearray = b""
        self._start = 0  # of what is fed, in the whole body
        self._offset = 0  # of the buffer's first byte in the whole body
        self._cursor = 0  # in the buffer: all before it is settled

    def resume(self, number: int, delimiter_offset: int) -> None:
        """Go on behind a part that another parser ended, before anything is fed.

        The first byte fed is then that of the delimiter behind the part (``PartEnd``).
        """
        self._number = number
        self._start = self._offset = delimiter_offset

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[Event]:
        """Return what the chunk completes.

        Views are of ``chunk`` itself, hence valid until the caller changes it, unless ``chunk`` is
        a memoryview or bytes had to be held back before it; then they are of one copy.

        Raises
        ------
        RequestError
            413 for a part beyond ``max_parts``. 400 for a body without parts, for a part header
            that exceeds ``max_header_bytes`` or ``max_header_fields``, holds a control character
            or a line that is no field, or repeats a field that may stand once, and for a part
            whose Content-Length is not its size.
        """
        if isinstance(chunk, memoryview):
            chunk = chunk.tobytes()  # only bytes and bytearray can be searched at full speed
        self._buffer = self._buffer + chunk if self._buffer else chunk
        events: list[Event] = []
        while self._advance(events):
            pass
        self._buffer = bytes(self._buffer[self._cursor :])
        self._offset += self._cursor
        self._cursor = 0
        return events

    def close(self) -> None:
        """Confirm that the body ended where its closing delimiter says.

        Raises
        ------
        RequestError
            400 if the closing delimiter was not seen.
        """
        if self._state is _State.EPILOGUE:
            return
        if self._state is not _State.PREAMBLE:
            where = "header" if self._state is _State.HEADER else "body"
            raise self._malformed(
                f"The payload ends inside the {where} of part {self._number}: "
                "the closing delimiter is missing."
            )
        if self._offset + len(self._buffer) == 0:
            raise self._malformed("The payload is empty; at least one part is expected.")
        raise self._malformed(
            "The payload holds no delimiter line with the boundary of Content-Type and CRLF."
        )

    def _advance(self, events: list[Event]) -> bool:
        """Settle one piece of the buffer; False when that needs more bytes."""
        if self._state is _State.EPILOGUE:
            self._cursor = len(self._buffer)
            return False
        if self._state is _State.HEADER:
            return self._read_header(events)
        return self._seek_delimiter(events)

    def _seek_delimiter(self, events: list[Event]) -> bool:
        """Settle preamble or body up to the next delimiter, or to where one may begin."""
        end, line_end = self._find_delimiter()
        if line_end is None:
            self._settle(events, end)
            return False
        self._end_part(events, end)
        self._begin_part(events, is_last=line_end["closing"] is not None)
        self._cursor = line_end.end()
        return True

    def _find_delimiter(self) -> tuple[int, re.Match[bytes] | None]:
        """Return where the bytes before a delimiter end, and its own end if that is certain."""
        found = self._buffer.find(self._dashed, self._cursor)
        while found >= 0:
            after = found + len(self._dashed)
            if self._is_line_start(found):
                line_end = _LINE_END.match(self._buffer, after)
                if line_end or _LINE_END_BEGUN.fullmatch(self._buffer, after):
                    return max(found - 2, 0), line_end
            found = self._buffer.find(self._dashed, after)
        return self._tail(), None

    def _is_line_start(self, position: int) -> bool:
        if self._offset + position == self._start:
            return True
        line_break = position - 2
        return line_break >= self._cursor and self._buffer[line_break:position] == b"\r\n"

    def _tail(self) -> int:
        """Return where the last bytes begin that the next chunk may complete to a delimiter."""
        if self._offset + self._cursor == self._start and self._dashed.startswith(self._buffer):
            return 0
        delimiter = b"\r\n" + self._dashed
        nearest = max(self._cursor, len(self._buffer) - len(delimiter) + 1)
        start = self._buffer.rfind(b"\r", nearest)
        if start >= 0 and delimiter.startswith(self._buffer[start:]):
            return start
        return len(self._buffer)

    def _settle(self, events: list[Event], end: int) -> None:
        """Take the buffer up to ``end`` as the part's data; outside a part, drop it."""
        if self._state is _State.BODY:
            start = max(self._cursor, self._body_offset - self._offset)
            if start < end:
                events.append(PartData(memoryview(self._buffer)[start:end]))
        self._cursor = end

    def _end_part(self, events: list[Event], end: int) -> None:
        if self._state is not _State.BODY:
            return
        self._settle(events, end)
        # The CRLF of a delimiter right behind the header is that of the blank line itself.
        end_offset = max(self._offset + end, self._body_offset)
        size = end_offset - self._body_offset
        if self._declared_size not in (None, size):
            raise self._malformed(
                f"Part {self._number} has {size} bytes, "
                f"but its Content-Length says {self._declared_size}."
            )
        events.append(PartEnd(self._number, size, end_offset, self._offset + end + 2))

    def _begin_part(self, events: list[Event], *, is_last: bool) -> None:
        if is_last and self._number == 0:
            raise self._malformed("The payload has no part; at least one is expected.")
        if is_last:
            self._state = _State.EPILOGUE
            events.append(Closed())
            return
        if self._number == self._max_parts:
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The payload has more than {self._max_parts} parts.",
                limit=("max_parts", self._max_parts),
            )
        self._number += 1
        self._state = _State.HEADER

    def _read_header(self, events: list[Event]) -> bool:
        """Settle a part's header; the cursor is at the CRLF that ends the delimiter line."""
        start = self._cursor + 2
        search_end = start + self._max_header_bytes + len(_BLANK_LINE)
        end = self._buffer.find(_BLANK_LINE, self._cursor, search_end)
        if end < 0 and len(self._buffer) < search_end:
            return False
        if end < 0:
            raise self._header_over("bytes", ("max_part_header_bytes", self._max_header_bytes))
        headers = self._parse_header(bytes(self._buffer[start:end]))
        self._declared_size = self._parse_content_length(headers)
        self._body_offset = self._offset + end + len(_BLANK_LINE)
        events.append(PartBegin(self._number, headers, self._offset + start, self._body_offset))
        self._cursor = end + 2  # that CRLF may be the next delimiter's own
        self._state = _State.BODY
        return True

    def _parse_header(self, block: bytes) -> Headers:
        """Return the fields of a part's header, folded lines joined (RFC 5322 2.2.3)."""
        lines = _FOLD.sub(" ", block.decode("latin-1")).split("\r\n") if block else []
        if len(lines) > self._max_header_fields:
            raise self._header_over("fields", ("max_part_header_fields", self._max_header_fields))
        fields = []
        for number, line in enumerate(lines, start=1):
            field = _FIELD.fullmatch(line)
            if field is None:
                raise self._malformed(
                    f"Field {number} in the header of part {self._number} is not a name, "
                    "a colon and text without control characters, ended by CRLF."
                )
            fields.append((field[1], field[2].strip(" \t")))
        headers = Headers(fields)
        for name in _SINGULAR:
            if len(headers.all(name)) > 1:
                raise self._malformed(f"Part {self._number} has more than one {name}.")
        return headers

    def _parse_content_length(self, headers: Headers) -> int | None:
        text = headers.get("content-length")
        if text is None:
            return None
        if _LENGTH.fullmatch(text) is None:
            raise self._malformed(f"The Content-Length of part {self._number} is not a number.")
        return int(text)

    def _header_over(self, unit: str, limit: tuple[str, int]) -> RequestError:
        detail = f"The header of part {self._number} has more than {limit[1]} {unit}."
        return self._malformed(detail, limit)

    def _malformed(self, detail: str, limit: tuple[str, int] | None = None) -> RequestError:
        part = self._number or None
        return RequestError(HTTPStatus.BAD_REQUEST, detail, part=part, limit=limit)


def split_parts(body: bytes, boundary: str, **limits: int) -> tuple[Part, ...]:
    """Return the parts of a body at hand as views of it; ``limits`` as ``MultipartParser`` takes.

    Raises
    ------
    RequestError
        As ``MultipartParser.feed`` and ``MultipartParser.close``.
    """
    parser = MultipartParser(boundary, **limits)
    events = parser.feed(body)
    parser.close()
    whole = memoryview(body)
    begins = (event for event in events if isinstance(event, PartBegin))
    ends = (event for event in events if isinstance(event, PartEnd))
    return tuple(
        Part(begin.number, begin.headers, whole[begin.body_offset :][: end.size], begin.body_offset)
        for begin, end in zip(begins, ends, strict=True)
    )
