"""How many frames a video has and how long each lasts, where its container or stream says so.

An MP4's sample table tells both (ISO/IEC 14496-12 8.6.1, 8.4.2). In other streams the pictures are
counted: MPEG-2 by their headers, which also tell the rate and what is a field, of which two are a
frame (ISO/IEC 13818-2 6.2), H.264 and H.265 by the first slice of each; there the two fields of a
picture cannot be told from two pictures.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack, unpack_from

from chalicelib.dicomweb.codestreams.boxes import boxes
from chalicelib.dicomweb.codestreams.elementary import elementary_pieces, elementary_start
from chalicelib.dicomweb.codestreams.header import Codec

_SEQUENCE = b"\0\0\1\xb3"
_PICTURE = re.compile(rb"\x00\x00\x01\x00")
# Picture coding extension whose picture_structure, two bits, is not 3, a frame (13818-2 6.2.3.1).
_FIELD = re.compile(
    rb"\x00\x00\x01\xb5[\x80-\x8f].["
    + b"".join(re.escape(bytes([code])) for code in range(256) if code & 3 != 3)
    + rb"]",
    re.DOTALL,
)
# A slice of a coded picture that starts with the first macroblock or block of it.
_H264_PICTURE = re.compile(rb"\x00\x00\x01[\x01\x21\x41\x61\x25\x45\x65][\x80-\xff]")
_H265_PICTURE = re.compile(rb"\x00\x00\x01[\x00-\x12\x20-\x2a][\x01-\x07][\x80-\xff]")
_LONGEST_PATTERN = 7
_FRAME_RATES = {
    1: 24000 / 1001,
    2: 24.0,
    3: 25.0,
    4: 30000 / 1001,
    5: 30.0,
    6: 50.0,
    7: 60000 / 1001,
    8: 60.0,
}
_FILE_TYPE = b"ftyp"
_MAX_TABLE_ENTRIES = 100_000
_MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class VideoTiming:
    """``frames`` and ``frame_time`` in milliseconds; None where not known or not constant."""

    frames: int | None = None
    frame_time: float | None = None


def read_timing(video: memoryview, codec: Codec) -> VideoTiming:
    """Return what is known of a whole video.

    Raises
    ------
    UnreadableCodestream
        For boxes that cannot be walked.
    """
    if video[4:8].tobytes() == _FILE_TYPE:
        return _in_mp4(video)
    if codec is Codec.MPEG2:
        start = elementary_start(video, 8)
        rate = _FRAME_RATES.get(start[7] & 15) if start[:4] == _SEQUENCE and start[7:] else None
        frames = _count(video, _PICTURE) - _count(video, _FIELD) // 2
        return VideoTiming(frames or None, 1000 / rate if rate else None)
    pattern = _H265_PICTURE if codec is Codec.H265 else _H264_PICTURE
    return VideoTiming(_count(video, pattern) or None)


def _count(video: memoryview, pattern: re.Pattern[bytes]) -> int:
    """Return how often a pattern occurs, over the ends of pieces too."""
    count, carried = 0, b""
    for piece in elementary_pieces(video):
        text = carried + piece if carried else piece
        end = 0
        for found in pattern.finditer(text):
            count, end = count + 1, found.end()
        carried = bytes(text[max(end, len(text) - _LONGEST_PATTERN + 1) :])
    return count


def mp4_description(video: memoryview) -> bytes | None:
    """Return the boxes of an MP4 that describe it, wherever they stand; None for other videos."""
    if video[4:8].tobytes() != _FILE_TYPE:
        return None
    return b"".join(
        pack(">I4s", 8 + min(end - start, _MAX_DESCRIPTION_BYTES), kind)
        + video[start : min(end, start + _MAX_DESCRIPTION_BYTES)]
        for kind, start, end in boxes(video)
        if kind in (_FILE_TYPE, b"moov")
    )


def _in_mp4(video: memoryview) -> VideoTiming:
    for media in _nested(video, (b"moov", b"trak", b"mdia")):
        handler = next((span for span in _nested(video, (b"hdlr",), media)), None)
        if handler is not None and video[handler[0] + 8 : handler[0] + 12].tobytes() == b"vide":
            return _of_track(video, media)
    return VideoTiming()


def _of_track(video: memoryview, media: tuple[int, int]) -> VideoTiming:
    scale = next((_time_scale(video, *span) for span in _nested(video, (b"mdhd",), media)), None)
    for start, end in _nested(video, (b"minf", b"stbl", b"stts"), media):
        if start + 8 > min(end, len(video)):
            return VideoTiming()
        (count,) = unpack_from(">I", video, start + 4)
        if count > _MAX_TABLE_ENTRIES or start + 8 + 8 * count > min(end, len(video)):
            return VideoTiming()
        table = unpack_from(f">{2 * count}I", video, start + 8)
        frames, durations = sum(table[::2]), set(table[1::2])
        constant = durations.pop() if len(durations) == 1 else 0
        return VideoTiming(frames or None, 1000 * constant / scale if scale and constant else None)
    return VideoTiming()


def _time_scale(video: memoryview, start: int, end: int) -> int | None:
    """Return the units of a second of Media Header (14496-12 8.4.2)."""
    at = start + (20 if start < len(video) and video[start] == 1 else 12)
    if at + 4 > min(end, len(video)):
        return None
    scale: int = unpack_from(">I", video, at)[0]
    return scale


def _nested(
    video: memoryview, path: tuple[bytes, ...], within: tuple[int, int] | None = None
) -> Iterator[tuple[int, int]]:
    """Yield the content of each box at the end of a path."""
    for kind, start, end in boxes(video, *(within or (0, len(video)))):
        if kind == path[0]:
            if len(path) == 1:
                yield start, end
            else:
                yield from _nested(video, path[1:], (start, end))
