"""JPEG photographs: the codestream goes in as it is, upright, without what surrounds it."""

from chalicelib.dicomweb.codestreams import Colour, FrameHeader, UnreadableCodestream
from chalicelib.dicomweb.codestreams.jpeg import read_jpeg
from chalicelib.useragent.acquire.errors import AcquireError
from chalicelib.useragent.acquire.exif import read_exif
from chalicelib.useragent.acquire.jpeg_segments import JpegParts, take_apart
from chalicelib.useragent.acquire.jpegtran import rewrite
from chalicelib.useragent.acquire.options import AcquireOptions, PhotoClass
from chalicelib.useragent.acquire.photographs import (
    IGNORED_ORIENTATION,
    check_depth,
    check_extent,
    hints_of,
    profile_of,
)
from chalicelib.useragent.acquire.prepared import Prepared

_PHOTOMETRIC = 0x00280004
_SIDEWAYS = frozenset({5, 6, 7, 8})


def prepare_jpeg(content: bytes, options: AcquireOptions) -> Prepared:
    """Return a JPEG photograph ready to be Pixel Data.

    Raises
    ------
    AcquireError
        When it is cut short, has four components, is in a coding no transfer syntax in force
        holds, or cannot be turned upright without loss.
    """
    parts = take_apart(content)
    header = _header(parts)
    _check(header, options)
    exif = read_exif(parts.exif)
    orientation = 1 if options.ignore_orientation else exif.orientation
    picture = parts.picture
    notes: tuple[str, ...] = ()
    if orientation != 1 or header.transfer_syntax is None:
        picture, notes = _rewritten(parts, header, orientation, options)
    profile, profile_notes = profile_of(parts.icc, header.samples or 0, options)
    values = dict(profile)
    if header.samples == 3 and header.colour is not Colour.RGB and not header.lossless:
        # PS3.5 8.2.1: what is subsampled and what is not have one name in this IOD.
        values[_PHOTOMETRIC] = ("YBR_FULL_422",)
    is_ignored = options.ignore_orientation and exif.orientation != 1
    return Prepared(
        sop_class=options.photo_class.value,
        media_type="image/jpeg",
        content=picture,
        values=values,
        hints=hints_of(exif, options),
        treatment=IGNORED_ORIENTATION if is_ignored else "",
        notes=(*_dropped(parts), *notes, *profile_notes),
    )


def _header(parts: JpegParts) -> FrameHeader:
    try:
        return read_jpeg(parts.picture)
    except UnreadableCodestream as unreadable:
        raise AcquireError(f"The JPEG cannot be read: {unreadable.detail}") from None


def _check(header: FrameHeader, options: AcquireOptions) -> None:
    if header.samples == 4:
        raise AcquireError(
            "It is a CMYK JPEG; Photometric Interpretation (0028,0004) knows no such colours. "
            "Export it as RGB."
        )
    if header.samples not in (1, 3):
        raise AcquireError(
            f"It has {header.samples} components; Samples per Pixel (0028,0002) is 1 or 3."
        )
    if header.rows is None:
        raise AcquireError("The JPEG tells its rows only behind its picture.")
    check_extent(header.rows, header.columns or 0, options)
    check_depth(header.bits or 0, options)
    is_photographic = options.photo_class is PhotoClass.VL_PHOTOGRAPHIC
    if is_photographic and header.colour is Colour.RGB and header.lossless is False:
        raise AcquireError(
            "Its colours are RGB; Photometric Interpretation (0028,0004) of a lossy JPEG in a VL "
            "Photographic Image is YBR_FULL_422. A Secondary Capture Image holds RGB."
        )
    if header.transfer_syntax is None and not options.to_baseline:
        raise AcquireError(
            f"It is a progressive, arithmetic or hierarchical JPEG ({header.process}), whose "
            "transfer syntaxes are retired (PS3.5 A.4.1). It can be made baseline without loss: "
            "ask for it."
        )


def _rewritten(
    parts: JpegParts, header: FrameHeader, orientation: int, options: AcquireOptions
) -> tuple[bytes, tuple[str, ...]]:
    """Return the picture upright and in a coding in force, and check that it is no other."""
    again = take_apart(
        rewrite(
            parts.picture,
            orientation,
            program=options.jpegtran,
            max_seconds=options.limits.max_seconds,
        )
    )
    made = _header(again)
    extent = (header.rows, header.columns)
    due = extent[::-1] if orientation in _SIDEWAYS else extent
    is_same = (made.rows, made.columns) == due and made.samples == header.samples
    if not is_same or made.bits != header.bits or made.transfer_syntax is None:
        raise AcquireError("jpegtran made another picture of the JPEG; nothing was kept of it.")
    notes = []
    if orientation != 1:
        notes.append(f"Turned upright without loss (EXIF orientation {orientation}).")
    if header.transfer_syntax is None:
        notes.append(f"Made baseline without loss ({header.process} before).")
    return again.picture, tuple(notes)


def _dropped(parts: JpegParts) -> tuple[str, ...]:
    notes = []
    if parts.dropped:
        notes.append(f"{parts.dropped} bytes of metadata around the picture were dropped.")
    if parts.is_profile_broken:
        notes.append("The colour profile is not whole and was dropped.")
    return tuple(notes)
