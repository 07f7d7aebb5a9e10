"""The start of an MPEG-2 stream: elementary, program or transport (PS3.5 8.2.5 and 8.2.6)."""

from chalicelib.dicomweb.codestreams.header import (
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
)

_PACK, _SEQUENCE, _EXTENSION = b"\0\0\1\xba", b"\0\0\1\xb3", b"\0\0\1\xb5"
_SEARCHED_FOR_EXTENSION = 512
_PROFILES = {5: "Simple", 4: "Main", 1: "High"}
_LEVELS = {10: "Low", 8: "Main", 6: "High 1440", 4: "High"}
_SYNC, _PACKET_BYTES = 0x47, 188


def is_transport_stream(first: bytes) -> bool:
    """Return whether the bytes start with packets of a transport stream (ISO/IEC 13818-1)."""
    packets = first[: 2 * _PACKET_BYTES + 1 : _PACKET_BYTES]
    return len(packets) > 1 and all(sync == _SYNC for sync in packets)


def read_mpeg2(first: bytes) -> FrameHeader:
    """Return what the first sequence header says (ISO/IEC 13818-2 6.2.2), None where it is later.

    Parameters
    ----------
    first : bytes
        From the start of the stream.

    Raises
    ------
    UnreadableCodestream
    """
    if not first.startswith((_PACK, _SEQUENCE)) and not is_transport_stream(first):
        raise UnreadableCodestream("It does not start as MPEG-2 does.")
    at = first.find(_SEQUENCE)
    rows = columns = 0
    process, syntax = "unknown", None
    if 0 <= at <= len(first) - 7:
        extents = int.from_bytes(first[at + 4 : at + 7])
        columns, rows = extents >> 12, extents & 0xFFF
        profile, level, wider, higher = _extension(first, at)
        columns |= wider << 12
        rows |= higher << 12
        process = f"{_PROFILES.get(profile, profile)}@{_LEVELS.get(level, level)}"
        syntax = _transfer_syntax(profile, level)
    return FrameHeader(
        codec=Codec.MPEG2,
        process=process,
        rows=rows or None,
        columns=columns or None,
        samples=3,
        bits=8,
        signed=False,
        lossless=False,
        transfer_syntax=syntax,
        colour=Colour.YCBCR,
        boxed=not first.startswith(_SEQUENCE),
    )


def _extension(first: bytes, at: int) -> tuple[int, int, int, int]:
    """Return profile, level and the upper bits of columns and rows; zeros in MPEG-1."""
    start = first.find(_EXTENSION, at, at + _SEARCHED_FOR_EXTENSION) + len(_EXTENSION)
    fields = int.from_bytes(first[start : start + 4])
    if start < len(_EXTENSION) or start + 4 > len(first) or fields >> 28 != 1:
        return 0, 0, 0, 0
    return fields >> 24 & 7, fields >> 20 & 15, fields >> 15 & 3, fields >> 13 & 3


def _transfer_syntax(profile: int, level: int) -> str | None:
    if profile not in (4, 5):
        return None
    if level in (8, 10):
        return "1.2.840.10008.1.2.4.100"
    return "1.2.840.10008.1.2.4.101" if level in (4, 6) else None
