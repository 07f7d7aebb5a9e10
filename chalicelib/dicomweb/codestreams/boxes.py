"""Boxes of the ISO base media file format and its kin: JP2, JPEG XL, MP4 (ISO/IEC 14496-12 4.2)."""

from collections.abc import Iterator
from struct import unpack_from

from chalicelib.dicomweb.codestreams.header import UnreadableCodestream

MAX_BOXES = 1000


def boxes(
    first: bytes | memoryview, position: int = 0, end: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each box whose header lies in the bytes.

    ``end`` may lie past the bytes; the box of length 0 goes on to ``end``, or to their end.

    Raises
    ------
    UnreadableCodestream
        For a box shorter than its header, or more than MAX_BOXES of them.
    """
    limit = len(first) if end is None else min(end, len(first))
    for _ in range(MAX_BOXES):
        if position + 8 > limit:
            return
        length, kind = unpack_from(">I4s", first, position)
        start = position + 8
        if length == 1:
            if position + 16 > limit:
                return
            (length,) = unpack_from(">Q", first, position + 8)
            start = position + 16
        elif length == 0:
            length = limit - position
        if position + length < start:
            raise UnreadableCodestream(f"A box at byte {position} is shorter than its header.")
        position += length
        yield kind, start, position
    raise UnreadableCodestream(f"It has more than {MAX_BOXES} boxes.")
