"""A JPEG without what is not picture: its metadata dropped, every coded byte kept.

Kept are the segments that decoding needs, JFIF and Adobe's among them, for they say what the
colours mean. EXIF, XMP, positions, comments, thumbnails, previews behind the picture and whatever
else makers append are dropped. The ICC profile is taken out to be (0028,2000) ICC Profile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import pack, unpack_from
from typing import NamedTuple

from chalicelib.useragent.acquire.errors import AcquireError

_START, _SCAN, _END = 0xD8, 0xDA, 0xD9
_JFIF, _EXIF_OR_XMP, _ICC, _ADOBE, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_WITHOUT_SEGMENT = frozenset({0x01, *range(0xD0, 0xD8)})
_EXIF_NAME, _ICC_NAME = b"Exif\0\0", b"ICC_PROFILE\0"
_JFIF_BYTES = 14
_MAX_SEGMENTS = 10_000
# In coded data 0xFF is followed by 0x00 or a restart marker (ISO/IEC 10918-1 B.1.1.5).
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


class _Span(NamedTuple):
    """A marker; where its segment starts, the payload behind its length, where it ends."""

    marker: int
    start: int
    payload: bytes
    end: int


@dataclass(slots=True)
class JpegParts:
    """A JPEG taken apart.

    Attributes
    ----------
    picture : bytes
        From the start of the image to its end.
    exif : bytes
        The TIFF structure of EXIF, empty where there is none.
    icc : bytes
        The whole profile, empty where there is none or it is not whole.
    is_profile_broken : bool
        Whether chunks of a profile are missing.
    dropped : int
        Bytes that are not in ``picture``.
    """

    picture: bytes = b""
    exif: bytes = b""
    icc: bytes = b""
    is_profile_broken: bool = False
    dropped: int = 0
    _kept: list[bytes] = field(default_factory=list)
    _profile: dict[tuple[int, int], bytes] = field(default_factory=dict)


def take_apart(content: bytes) -> JpegParts:
    """Return the parts of a JPEG file.

    Raises
    ------
    AcquireError
        When its segments cannot be walked to the end of the image.
    """
    parts = JpegParts()
    for span in _spans(content):
        if span.marker in _APPLICATION or span.marker == _COMMENT:
            _take(parts, span)
        else:
            parts._kept.append(content[span.start : span.end])
    parts.picture = b"".join(parts._kept)
    parts.icc = _whole_profile(parts._profile)
    parts.is_profile_broken = bool(parts._profile) and not parts.icc
    parts.dropped = len(content) - len(parts.picture)
    return parts


def _take(parts: JpegParts, span: _Span) -> None:
    """Keep, take out or drop an application segment."""
    payload = span.payload
    if span.marker == _JFIF and payload.startswith(b"JFIF\0") and len(payload) >= _JFIF_BYTES:
        # Its thumbnail may show what was cut off the picture: without it.
        header = payload[: _JFIF_BYTES - 2] + b"\0\0"
        parts._kept.append(b"\xff\xe0" + pack(">H", len(header) + 2) + header)
    elif span.marker == _ADOBE and payload.startswith(b"Adobe"):
        parts._kept.append(b"\xff\xee" + pack(">H", len(payload) + 2) + payload)
    elif span.marker == _EXIF_OR_XMP and payload.startswith(_EXIF_NAME) and not parts.exif:
        parts.exif = payload[len(_EXIF_NAME) :]
    elif span.marker == _ICC and payload.startswith(_ICC_NAME) and len(payload) > 14:
        number, count = payload[12], payload[13]
        parts._profile[number, count] = payload[14:]


def _whole_profile(chunks: dict[tuple[int, int], bytes]) -> bytes:
    """Return the profile if all its chunks are there (ICC.1 B.4)."""
    count = len(chunks)
    ordered = [chunks.get((number, count)) for number in range(1, count + 1)]
    return b"".join(chunk for chunk in ordered if chunk is not None) if all(ordered) else b""


def _spans(content: bytes) -> Iterator[_Span]:
    """Yield all of the first image, coded data included with the scan they belong to."""
    yield _Span(_START, 0, b"", 2)
    position = 2
    for _ in range(_MAX_SEGMENTS):
        at = position
        while content[position : position + 2] == b"\xff\xff":  # fill bytes
            position += 1
        if position + 2 > len(content):
            raise _cut_short()
        if content[position] != 0xFF:
            raise AcquireError(f"The JPEG is damaged: no marker stands at byte {position}.")
        marker = content[position + 1]
        if marker == _END:
            yield _Span(marker, at, b"", position + 2)
            return
        if marker in _WITHOUT_SEGMENT:
            position += 2
            yield _Span(marker, at, b"", position)
            continue
        end = _segment_end(content, position)
        payload = content[position + 4 : end]
        if marker == _SCAN:
            found = _MARKER_IN_SCAN.search(content, end)
            if found is None:
                raise _cut_short()
            end = found.start()
        yield _Span(marker, at, payload, end)
        position = end
    raise AcquireError(f"The JPEG has more than {_MAX_SEGMENTS} segments.")


def _segment_end(content: bytes, position: int) -> int:
    if position + 4 > len(content):
        raise _cut_short()
    length: int = unpack_from(">H", content, position + 2)[0]
    if length < 2:
        raise AcquireError(f"The JPEG is damaged: a segment at byte {position} has no length.")
    if position + 2 + length > len(content):
        raise _cut_short()
    return position + 2 + length


def _cut_short() -> AcquireError:
    return AcquireError("The JPEG is cut short: it ends before the end of its picture.")
