"""The header of a JPEG codestream (ISO/IEC 10918-1; PS3.5 8.2.1 and A.4.1)."""

from struct import unpack_from

from chalicelib.dicomweb.codestreams.header import (
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
)
from chalicelib.dicomweb.codestreams.markers import (
    START_OF_SCAN,
    FrameSegment,
    frame_segment,
    scan_parameters,
    segments,
)

_BASELINE, _EXTENDED, _LOSSLESS = 0xC0, 0xC1, 0xC3
_LOSSLESS_PROCESSES = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_LS_FRAME = 0xF7
_HIERARCHICAL = 0xDE
_JFIF, _EXIF, _ADOBE = 0xE0, 0xE1, 0xEE
_ADOBE_COLOUR = {0: Colour.RGB, 1: Colour.YCBCR}
_ORIENTATION = 0x0112


def read_jpeg(first: bytes) -> FrameHeader:
    """Return what a JPEG header says.

    Parameters
    ----------
    first : bytes
        From the start of image up to the first scan at least.

    Raises
    ------
    UnreadableCodestream
    """
    found: dict[int, bytes] = {}
    process = None
    for marker, payload in segments(first, Codec.JPEG):
        if marker == _JPEG_LS_FRAME:
            raise UnreadableCodestream("It is JPEG-LS.")
        if marker in _FRAMES and process is None:
            process = marker
        key = marker
        if marker == _EXIF and not payload.startswith(b"Exif\0\0"):
            continue
        found.setdefault(key, payload)
    if process is None:
        raise UnreadableCodestream("It has no frame header before its first scan.")
    frame = frame_segment(found[process])
    if not frame.columns or not 2 <= frame.precision <= 16:
        raise UnreadableCodestream("Its frame header has no columns or an impossible precision.")
    selection, _, approximation = scan_parameters(found[START_OF_SCAN])
    is_lossless = process in _LOSSLESS_PROCESSES and not approximation & 15
    return FrameHeader(
        codec=Codec.JPEG,
        process=_name(process, selection, _HIERARCHICAL in found),
        rows=frame.rows or None,
        columns=frame.columns,
        samples=len(frame.components),
        bits=frame.precision,
        signed=None,
        lossless=is_lossless,
        transfer_syntax=_transfer_syntax(process, frame, selection, _HIERARCHICAL in found),
        colour=_colour(found, frame),
        orientation=_orientation(found.get(_EXIF, b"")),
    )


def _name(process: int, selection: int, is_hierarchical: bool) -> str:
    name = f"SOF{process - 0xC0}"
    if process in _LOSSLESS_PROCESSES:
        name += f" selection value {selection}"
    return f"hierarchical {name}" if is_hierarchical else name


def _transfer_syntax(
    process: int, frame: FrameSegment, selection: int, is_hierarchical: bool
) -> str | None:
    """Return the syntax of PS3.5 Table A.4-3; progressive and arithmetic ones are retired."""
    if is_hierarchical:
        return None
    if process == _BASELINE and frame.precision == 8:
        return "1.2.840.10008.1.2.4.50"
    if process == _EXTENDED and frame.precision in (8, 12):
        return "1.2.840.10008.1.2.4.51"
    if process == _LOSSLESS:
        return "1.2.840.10008.1.2.4.70" if selection == 1 else "1.2.840.10008.1.2.4.57"
    return None


def _colour(found: dict[int, bytes], frame: FrameSegment) -> Colour | None:
    """Return what the stream declares; Adobe's marker outweighs JFIF's, which implies YCbCr."""
    if len(frame.components) != 3:
        return None
    adobe = found.get(_ADOBE, b"")
    if adobe.startswith(b"Adobe") and len(adobe) >= 12:
        return _ADOBE_COLOUR.get(adobe[11])
    if found.get(_JFIF, b"").startswith(b"JFIF\0"):
        return Colour.YCBCR
    return Colour.RGB if frame.components == b"RGB" else None


def _orientation(exif: bytes) -> int | None:
    """Return the orientation of EXIF's first directory (TIFF 6.0, section 2)."""
    tiff = exif[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return None
    (at,) = unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return None
    (count,) = unpack_from(f"{order}H", tiff, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, number, value = unpack_from(f"{order}HHIH", tiff, entry)
        if (tag, kind, number) == (_ORIENTATION, 3, 1):
            return value if 1 <= value <= 8 else None
    return None
