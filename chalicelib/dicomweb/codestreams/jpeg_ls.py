"""The header of a JPEG-LS codestream (ISO/IEC 14495-1 Annex C; PS3.5 8.2.3 and A.4.3)."""

from struct import unpack_from

from chalicelib.dicomweb.codestreams.header import Codec, FrameHeader, UnreadableCodestream
from chalicelib.dicomweb.codestreams.markers import (
    START_OF_SCAN,
    frame_segment,
    scan_parameters,
    segments,
)

_FRAME, _PARAMETERS = 0xF7, 0xF8
_OVERSIZE = 4


def read_jpeg_ls(first: bytes) -> FrameHeader:
    """Return what a JPEG-LS header says.

    Parameters
    ----------
    first : bytes
        From the start of image up to the first scan at least.

    Raises
    ------
    UnreadableCodestream
    """
    frame = near = None
    oversize: tuple[int, int] | None = None
    for marker, payload in segments(first, Codec.JPEG_LS):
        if marker == _FRAME:
            frame = frame_segment(payload)
        elif marker == _PARAMETERS and payload[:1] == bytes([_OVERSIZE]):
            oversize = _oversize(payload)
        elif marker == START_OF_SCAN:
            near, _, _ = scan_parameters(payload)
    if frame is None or near is None:
        raise UnreadableCodestream("It has no JPEG-LS frame header before its first scan.")
    if not 2 <= frame.precision <= 16:
        raise UnreadableCodestream("Its frame header has an impossible precision.")
    rows, columns = oversize or (frame.rows, frame.columns)
    return FrameHeader(
        codec=Codec.JPEG_LS,
        process=f"NEAR {near}",
        rows=rows or None,
        columns=columns or None,
        samples=len(frame.components),
        bits=frame.precision,
        lossless=near == 0,
        transfer_syntax="1.2.840.10008.1.2.4.80" if near == 0 else "1.2.840.10008.1.2.4.81",
    )


def _oversize(payload: bytes) -> tuple[int, int] | None:
    """Return rows and columns of an oversize image (ISO/IEC 14495-1 C.2.4.1.4)."""
    size = payload[1] if len(payload) > 1 else 0
    if size == 2 and len(payload) >= 6:
        rows, columns = unpack_from(">HH", payload, 2)
        return rows, columns
    if size in (3, 4) and len(payload) >= 2 + 2 * size:
        return (
            int.from_bytes(payload[2 : 2 + size]),
            int.from_bytes(payload[2 + size : 2 + 2 * size]),
        )
    return None
