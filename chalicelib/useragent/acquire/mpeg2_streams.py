"""The video out of an MPEG-2 program or transport stream, to count its frames (ISO/IEC 13818-1).

Only for counting: what goes into an instance is the file as it is.
"""

import re
from collections.abc import Iterator

from chalicelib.dicomweb.codestreams.mpeg2 import is_transport_stream

_PACKET, _SYNC = 188, 0x47
_PES = re.compile(rb"\x00\x00\x01[\xe0-\xef]")
# A picture, then its coding extension whose third byte ends in picture_structure (13818-2 6.2.3).
_PICTURE = re.compile(rb"\x00\x00\x01\x00")
_STRUCTURE = re.compile(rb"\x00\x00\x01\xb5[\x80-\x8f].(.)", re.DOTALL)
_FRAME_STRUCTURE = 3
_SEQUENCE = re.compile(rb"\x00\x00\x01\xb3...(.)", re.DOTALL)
_RATES = {
    1: 24000 / 1001,
    2: 24.0,
    3: 25.0,
    4: 30000 / 1001,
    5: 30.0,
    6: 50.0,
    7: 60000 / 1001,
    8: 60.0,
}
"""frame_rate_code (13818-2 Table 6-4)."""


def count_frames(content: bytes) -> tuple[int | None, float | None]:
    """Return frames and milliseconds of a frame, None where the stream does not tell.

    Two field pictures are one frame.
    """
    video = _video_of(content)
    sequence = _SEQUENCE.search(video)
    if sequence is None:
        return None, None
    rate = _RATES.get(sequence[1][0] & 15)
    pictures = sum(1 for _ in _PICTURE.finditer(video))
    fields = sum(1 for found in _STRUCTURE.finditer(video) if found[1][0] & 3 != _FRAME_STRUCTURE)
    frames = pictures - fields // 2
    return frames or None, 1000 / rate if rate else None


def _video_of(content: bytes) -> bytes:
    if is_transport_stream(content):
        return b"".join(_of_transport_stream(content))
    if content.startswith(b"\0\0\1\xba"):
        return b"".join(_of_program_stream(content))
    return content


def _of_program_stream(content: bytes) -> Iterator[bytes]:
    """Yield the payload of each packet of the first video stream."""
    stream, position = 0, 0
    while (found := _PES.search(content, position)) is not None:
        start = found.start()
        length = int.from_bytes(content[start + 4 : start + 6])
        end = start + 6 + length
        if not stream:
            stream = content[start + 3]
        if content[start + 3] == stream:
            yield content[_payload(content, start) : end]
        position = max(end, start + 6)


def _of_transport_stream(content: bytes) -> Iterator[bytes]:
    """Yield what the packets of the first video stream carry."""
    wanted = -1
    for start in range(0, len(content) - _PACKET + 1, _PACKET):
        packet = content[start : start + _PACKET]
        if packet[0] != _SYNC or not packet[3] & 0x10:
            continue
        identifier = int.from_bytes(packet[1:3]) & 0x1FFF
        at = 5 + packet[4] if packet[3] & 0x20 else 4
        is_start = bool(packet[1] & 0x40)
        if wanted < 0 and is_start and _PES.match(packet, at):
            wanted = identifier
        if identifier == wanted:
            yield packet[_payload(packet, at) if is_start else at :]


def _payload(content: bytes, start: int) -> int:
    """Return where the payload of a PES packet starts: MPEG-2's header, or MPEG-1's."""
    at = start + 6
    if content[at : at + 1] and content[at] & 0xC0 == 0x80:
        return at + 3 + content[at + 2] if at + 2 < len(content) else at
    while at < len(content) and content[at] == 0xFF:
        at += 1
    if at < len(content) and content[at] & 0xC0 == 0x40:
        at += 2
    flags = content[at] if at < len(content) else 0
    return at + {2: 5, 3: 10}.get(flags >> 4, 1)
