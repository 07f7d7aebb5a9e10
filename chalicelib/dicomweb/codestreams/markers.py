"""Marker segments, as JPEG and JPEG-LS share them (ISO/IEC 10918-1 B.1)."""

from collections.abc import Iterator
from struct import unpack_from
from typing import NamedTuple

from chalicelib.dicomweb.codestreams.header import Codec, UnreadableCodestream, cut

START_OF_IMAGE = b"\xff\xd8"
END_OF_IMAGE = 0xD9
START_OF_SCAN = 0xDA
_WITHOUT_SEGMENT = frozenset({0x01, *range(0xD0, 0xD8)})


class Segment(NamedTuple):
    """A marker and the bytes after its length field."""

    marker: int
    payload: bytes


class FrameSegment(NamedTuple):
    """A frame header segment (ISO/IEC 10918-1 B.2.2). ``rows`` 0 means: told later by DNL."""

    precision: int
    rows: int
    columns: int
    components: bytes


def segments(first: bytes, codec: Codec) -> Iterator[Segment]:
    """Yield the segments from the start of the image up to the first scan header, and that.

    Raises
    ------
    UnreadableCodestream
    """
    if not first.startswith(START_OF_IMAGE):
        raise UnreadableCodestream(f"It does not start as {codec.value} does.")
    position = 2
    while True:
        if position + 4 > len(first):
            raise cut(codec)
        if first[position] != 0xFF:
            raise UnreadableCodestream(f"No marker stands at byte {position} of its header.")
        marker = first[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _WITHOUT_SEGMENT:
            position += 2
            continue
        if marker in (0x00, END_OF_IMAGE):
            raise UnreadableCodestream("It ends before a scan begins.")
        (length,) = unpack_from(">H", first, position + 2)
        end = position + 2 + length
        if length < 2:
            raise UnreadableCodestream(f"A segment at byte {position} has length {length}.")
        if end > len(first):
            raise cut(codec)
        yield Segment(marker, first[position + 4 : end])
        if marker == START_OF_SCAN:
            return
        position = end


def frame_segment(payload: bytes) -> FrameSegment:
    """Return the fields of a frame header.

    Raises
    ------
    UnreadableCodestream
    """
    if len(payload) < 6 or len(payload) < 6 + 3 * payload[5] or not payload[5]:
        raise UnreadableCodestream("Its frame header is too short for its components.")
    precision, rows, columns, count = unpack_from(">BHHB", payload)
    return FrameSegment(precision, rows, columns, payload[6 : 6 + 3 * count : 3])


def scan_parameters(payload: bytes) -> tuple[int, int, int]:
    """Return the three bytes that end a scan header.

    Raises
    ------
    UnreadableCodestream
    """
    if not payload or len(payload) < 4 + 2 * payload[0]:
        raise UnreadableCodestream("Its scan header is too short for its components.")
    at = 1 + 2 * payload[0]
    return payload[at], payload[at + 1], payload[at + 2]
