"""The main header of a JPEG 2000 codestream: Part 1, Part 2 and high throughput.

ISO/IEC 15444-1 Annex A, 15444-2 Annex A and 15444-15; PS3.5 8.2.4, 10.18 and A.4.4.
"""

from dataclasses import dataclass, field
from struct import unpack_from

from chalicelib.dicomweb.codestreams.boxes import boxes
from chalicelib.dicomweb.codestreams.header import (
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
    cut,
)

START = b"\xff\x4f\xff\x51"
BOXED = b"\0\0\0\x0cjP  \r\n\x87\n"
_CAPABILITIES, _SIZE, _CODING, _TILE_PART_LENGTHS = 0xFF50, 0xFF51, 0xFF52, 0xFF55
_COMPONENT_COLLECTION, _TILE_PART = 0xFF75, 0xFF90
_PART_15 = 1 << (32 - 15)
_HT_IRREVERSIBLE = 1 << 5
_EXTENSIONS = 1 << 15
_MULTI_COMPONENT = 1 << 8
_RPCL = 2
_LARGEST_BASE_RESOLUTION = 64


@dataclass(slots=True)
class _Main:
    """The marker segments that matter."""

    size: bytes = b""
    coding: bytes = b""
    capabilities: bytes = b""
    collections: list[bytes] = field(default_factory=list)
    has_tile_part_lengths: bool = False


def read_jpeg_2000(first: bytes) -> FrameHeader:
    """Return what a JPEG 2000 or HTJ2K main header says.

    Parameters
    ----------
    first : bytes
        A codestream, or a JP2, JPX or JPH file, up to its first tile-part at least.

    Raises
    ------
    UnreadableCodestream
    """
    is_boxed = first.startswith(BOXED)
    start = _codestream_start(first) if is_boxed else 0
    if first[start : start + 4] != START:
        raise UnreadableCodestream("It does not start as JPEG 2000 does.")
    main = _read_main(first, start + 2)
    capabilities, x1, y1, x0, y0 = unpack_from(">H4I", main.size)
    (samples,) = unpack_from(">H", main.size, 34)
    components = main.size[36 : 36 + 3 * samples : 3]
    if x1 <= x0 or y1 <= y0 or not samples or len(components) != samples:
        raise UnreadableCodestream("Its image or its components have no extent.")
    is_ht = _is_ht(main)
    is_reversible = _is_reversible(main, capabilities)
    signs = {bool(component & 0x80) for component in components}
    return FrameHeader(
        codec=Codec.HTJ2K if is_ht else Codec.JPEG_2000,
        process=_process(main, capabilities),
        rows=y1 - y0,
        columns=x1 - x0,
        samples=samples,
        bits=max((component & 0x7F) + 1 for component in components),
        signed=signs.pop() if len(signs) == 1 else None,
        lossless=is_reversible,
        transfer_syntax=_transfer_syntax(main, is_ht, is_reversible, min(x1 - x0, y1 - y0)),
        colour=_colour(main, samples),
        boxed=is_boxed,
    )


def _codestream_start(first: bytes) -> int:
    for kind, start, _ in boxes(first):
        if kind == b"jp2c":
            return start
    raise cut(Codec.JPEG_2000)


def _read_main(first: bytes, position: int) -> _Main:
    main = _Main()
    while True:
        if position + 4 > len(first):
            raise cut(Codec.JPEG_2000)
        marker, length = unpack_from(">HH", first, position)
        if marker == _TILE_PART:
            break
        if marker < 0xFF00 or length < 2:
            raise UnreadableCodestream(f"No marker segment stands at byte {position}.")
        end = position + 2 + length
        if end > len(first):
            raise cut(Codec.JPEG_2000)
        _keep(main, marker, first[position + 4 : end])
        position = end
    if len(main.size) < 39 or len(main.coding) < 10:
        raise UnreadableCodestream("Its main header has no whole SIZ and COD.")
    return main


def _keep(main: _Main, marker: int, payload: bytes) -> None:
    if marker == _SIZE:
        main.size = payload
    elif marker == _CODING:
        main.coding = payload
    elif marker == _CAPABILITIES:
        main.capabilities = payload
    elif marker == _TILE_PART_LENGTHS:
        main.has_tile_part_lengths = True
    elif marker == _COMPONENT_COLLECTION:
        main.collections.append(payload)


def _is_ht(main: _Main) -> bool:
    """Return whether block coding is that of Part 15 (ISO/IEC 15444-15 A.2)."""
    if len(main.capabilities) < 6:
        return False
    (parts,) = unpack_from(">I", main.capabilities)
    return bool(parts & _PART_15)


def _is_reversible(main: _Main, capabilities: int) -> bool:
    """Return whether wavelet and component transforms lose nothing (15444-1 A.6.1, -2 A.3.8)."""
    if main.coding[9] != 1:
        return False
    if not capabilities & _EXTENSIONS or not capabilities & _MULTI_COMPONENT:
        return True
    return all(_is_collection_reversible(payload) for payload in main.collections)


def _is_collection_reversible(payload: bytes) -> bool:
    """Return whether the first transform of a component collection (MCC) is reversible.

    Zmcc 2, Imcc 1, Ymcc 2 and Qmcc 2 bytes; then Xmcc 1, Nmcc 2 and its component numbers, Mmcc 2
    and its own, Tmcc 3 bytes. The top bit of Nmcc and Mmcc makes component numbers two bytes long.
    """
    position = 8
    for _ in range(2):
        if position + 2 > len(payload):
            return False
        (count,) = unpack_from(">H", payload, position)
        position += 2 + (count & 0x7FFF) * (2 if count & 0x8000 else 1)
    return len(payload) > position and bool(payload[position] & 1)


def _process(main: _Main, capabilities: int) -> str:
    wavelet = "5/3 reversible" if main.coding[9] == 1 else "9/7 irreversible"
    return f"Part 2, {wavelet}" if capabilities & _EXTENSIONS else wavelet


def _transfer_syntax(main: _Main, is_ht: bool, is_reversible: bool, extent: int) -> str:
    if is_ht:
        if not is_reversible or unpack_from(">H", main.capabilities, 4)[0] & _HT_IRREVERSIBLE:
            return "1.2.840.10008.1.2.4.203"
        return "1.2.840.10008.1.2.4.202" if _is_rpcl(main, extent) else "1.2.840.10008.1.2.4.201"
    if main.collections:
        return "1.2.840.10008.1.2.4.92" if is_reversible else "1.2.840.10008.1.2.4.93"
    return "1.2.840.10008.1.2.4.90" if is_reversible else "1.2.840.10008.1.2.4.91"


def _is_rpcl(main: _Main, extent: int) -> bool:
    """Return whether PS3.5 10.18 is met: RPCL order, TLM, a base 64 or less wide or high."""
    levels = min(main.coding[5], 32)
    base = -(-extent >> levels)
    return (
        main.coding[1] == _RPCL and main.has_tile_part_lengths and base <= _LARGEST_BASE_RESOLUTION
    )


def _colour(main: _Main, samples: int) -> Colour | None:
    if samples < 3:
        return None
    transform = main.coding[4]
    if transform == 1:
        return Colour.RCT if main.coding[9] == 1 else Colour.ICT
    return Colour.UNTRANSFORMED if transform == 0 else None
