"""PNG photographs: decoded, for no transfer syntax holds PNG (PS3.18 Table 10.5.2-1)."""

import zlib
from collections.abc import Iterator
from struct import unpack_from
from typing import TYPE_CHECKING

from chalicelib.dicomweb.dataset import Value
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.transformed import Picture, decode_picture
from chalicelib.useragent.acquire.errors import AcquireError
from chalicelib.useragent.acquire.exif import read_exif
from chalicelib.useragent.acquire.options import AcquireOptions
from chalicelib.useragent.acquire.photographs import (
    IGNORED_ORIENTATION,
    check_depth,
    check_extent,
    hints_of,
    profile_of,
)
from chalicelib.useragent.acquire.prepared import Prepared

if TYPE_CHECKING:
    from PIL.Image import Transpose

_SIGNATURE_BYTES, _CHUNK_BYTES = 8, 12
_SAMPLES, _PHOTOMETRIC, _PLANAR = 0x00280002, 0x00280004, 0x00280006
_ROWS, _COLUMNS, _ASPECT = 0x00280010, 0x00280011, 0x00280034
_ALLOCATED, _STORED, _HIGH_BIT, _REPRESENTATION = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_WITH_ALPHA = frozenset({4, 6})
_MODES = {(1, 8): "L", (1, 16): "I;16", (3, 8): "RGB"}
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""What sets the picture of an EXIF orientation upright; Pillow counts degrees anticlockwise."""


def prepare_png(content: bytes, options: AcquireOptions) -> Prepared:
    """Return a PNG photograph decoded, upright, ready to be Pixel Data.

    Raises
    ------
    AcquireError
        When it is damaged or cut short, animated, or too deep for its SOP Class.
    """
    chunks = _chunks(content)
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13 or b"IEND" not in chunks:
        raise AcquireError("The PNG is cut short or damaged.")
    columns, rows, depth, colour_type = unpack_from(">IIBB", header)
    check_extent(rows, columns, options)
    check_depth(depth, options)
    if b"acTL" in chunks:
        raise AcquireError("The PNG is animated; a photograph has one frame.")
    exif = read_exif(chunks.get(b"eXIf", b""))
    picture = _decoded(content, options)
    notes = []
    if colour_type in _WITH_ALPHA or b"tRNS" in chunks:
        notes.append("Its transparency was dropped.")
    is_turned = exif.orientation != 1 and not options.ignore_orientation
    if is_turned:
        picture = _upright(picture, exif.orientation)
        notes.append(f"Turned upright without loss (EXIF orientation {exif.orientation}).")
    profile, profile_notes = profile_of(
        _profile(chunks.get(b"iCCP", b""), options), picture.samples, options
    )
    is_sideways = is_turned and exif.orientation >= 5
    return Prepared(
        sop_class=options.photo_class.value,
        media_type="application/octet-stream",
        content=picture.frames[0],
        values={**_described(picture), **_aspect(chunks.get(b"pHYs", b""), is_sideways), **profile},
        hints=hints_of(exif, options),
        treatment=IGNORED_ORIENTATION if exif.orientation != 1 and not is_turned else "",
        notes=(*notes, *profile_notes),
    )


def _chunks(content: bytes) -> dict[bytes, bytes]:
    """Return the first chunk of each kind, without the picture itself (PNG 5.3)."""
    found: dict[bytes, bytes] = {}
    for kind, start, end in _spans(content):
        found.setdefault(kind, b"" if kind in (b"IDAT", b"fdAT") else content[start:end])
    return found


def _spans(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    position = _SIGNATURE_BYTES
    while position + _CHUNK_BYTES <= len(content):
        length, kind = unpack_from(">I4s", content, position)
        start = position + 8
        position = start + length + 4
        if position > len(content):
            return
        yield kind, start, start + length
        if kind == b"IEND":
            return


def _decoded(content: bytes, options: AcquireOptions) -> Picture:
    limit = options.limits.max_pixels * 3
    try:
        return decode_picture(memoryview(content), "image/png", max_decoded_bytes=limit)
    except InstanceError as error:
        raise AcquireError(error.detail) from None


def _upright(picture: Picture, orientation: int) -> Picture:
    from PIL import Image

    mode = _MODES[picture.samples, picture.bits]
    size = (picture.columns, picture.rows)
    turn: Transpose = Image.Transpose[_UPRIGHT[orientation]]
    turned = Image.frombytes(mode, size, picture.frames[0]).transpose(turn)
    return Picture(turned.height, turned.width, picture.samples, picture.bits, (turned.tobytes(),))


def _described(picture: Picture) -> dict[int, tuple[Value, ...]]:
    """Return the Image Pixel Description Macro of native pixels (PS3.3 C.7.6.3.3)."""
    described: dict[int, tuple[Value, ...]] = {
        _SAMPLES: (picture.samples,),
        _PHOTOMETRIC: ("RGB" if picture.samples == 3 else "MONOCHROME2",),
        _ROWS: (picture.rows,),
        _COLUMNS: (picture.columns,),
        _ALLOCATED: (picture.bits,),
        _STORED: (picture.bits,),
        _HIGH_BIT: (picture.bits - 1,),
        _REPRESENTATION: (0,),
    }
    if picture.samples == 3:
        described[_PLANAR] = (0,)
    return described


def _aspect(physical: bytes, is_sideways: bool) -> dict[int, tuple[Value, ...]]:
    """Return Pixel Aspect Ratio, vertical by horizontal size, where pixels are not square."""
    if len(physical) != 9:
        return {}
    across, down = unpack_from(">II", physical)
    if not across or not down or across == down or max(across, down) >= 1 << 31:
        return {}
    ratio = (down, across) if is_sideways else (across, down)
    return {_ASPECT: tuple(str(part) for part in ratio)}


def _profile(chunk: bytes, options: AcquireOptions) -> bytes:
    """Return the profile of an iCCP chunk: a name, NUL, a method, a deflated profile."""
    _, _, coded = chunk.partition(b"\0")
    inflater = zlib.decompressobj()
    try:
        return inflater.decompress(coded[1:], options.limits.max_icc_bytes + 1)
    except zlib.error:
        return b""
