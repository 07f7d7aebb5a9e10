"""The video inside a program or transport stream (ISO/IEC 13818-1 2.4.3, 2.5.3), piece by piece."""

from collections.abc import Iterator

_PACKET_BYTES, _SYNC = 188, 0x47
_START_CODE = b"\0\0\1"
_PACK, _END = 0xBA, 0xB9
_VIDEO = range(0xE0, 0xF0)


def elementary_pieces(video: memoryview) -> Iterator[memoryview]:
    """Yield what the first video stream is made of, in order; a bare stream is one piece."""
    if len(video) > _PACKET_BYTES and video[0] == video[_PACKET_BYTES] == _SYNC:
        yield from _transport(video)
    elif video[:4].tobytes() == _START_CODE + bytes([_PACK]):
        yield from _program(video)
    else:
        yield video


def elementary_start(video: memoryview, length: int) -> bytes:
    """Return the first bytes of the elementary stream."""
    start = bytearray()
    for piece in elementary_pieces(video):
        start += piece[: length - len(start)]
        if len(start) >= length:
            break
    return bytes(start)


def _transport(video: memoryview) -> Iterator[memoryview]:
    wanted = None
    for at in range(0, len(video) - _PACKET_BYTES + 1, _PACKET_BYTES):
        packet = video[at : at + _PACKET_BYTES]
        if packet[0] != _SYNC:
            return
        stream = (packet[1] & 0x1F) << 8 | packet[2]
        payload = _transport_payload(packet)
        starts_packet = bool(packet[1] & 0x40) and _is_video(payload)
        if wanted is None and starts_packet:
            wanted = stream
        if stream == wanted:
            yield payload[_header_length(payload) :] if starts_packet else payload


def _transport_payload(packet: memoryview) -> memoryview:
    control = packet[3] >> 4 & 3
    if not control & 1:
        return packet[:0]
    return packet[5 + packet[4] :] if control & 2 else packet[4:]


def _program(video: memoryview) -> Iterator[memoryview]:
    at, wanted = 0, None
    while at + 14 <= len(video) and video[at : at + 3].tobytes() == _START_CODE:
        code = video[at + 3]
        if code == _END:
            return
        if code == _PACK:
            at += 14 + (video[at + 13] & 7) if video[at + 4] >> 6 == 1 else 12
            continue
        packet = video[at : at + 6 + int.from_bytes(video[at + 4 : at + 6])]
        if code in _VIDEO and wanted in (None, code):
            wanted = code
            yield packet[_header_length(packet) :]
        at += max(len(packet), 6)


def _is_video(payload: memoryview) -> bool:
    return len(payload) > 8 and payload[:3].tobytes() == _START_CODE and payload[3] in _VIDEO


def _header_length(packet: memoryview) -> int:
    """Return the length of a PES header (2.4.3.6); MPEG-1 packets have none that is read."""
    return 9 + packet[8] if len(packet) > 8 and packet[6] >> 6 == 2 else 6
