"""What photographs have in common: their bounds, their colour profile, their EXIF."""

from collections.abc import Mapping

from chalicelib.dicomweb.dataset import Value
from chalicelib.useragent.acquire.errors import AcquireError
from chalicelib.useragent.acquire.exif import Exif
from chalicelib.useragent.acquire.options import AcquireOptions, PhotoClass

CONTENT_DATE, CONTENT_TIME, ACQUISITION_DATETIME = 0x00080023, 0x00080033, 0x0008002A
MANUFACTURER, MODEL_NAME = 0x00080070, 0x00081090
ICC_PROFILE = 0x00282000
_MAX_EXTENT = 0xFFFF
_MAX_LO = 64
_ICC_SIGNATURE = slice(36, 40)
IGNORED_ORIENTATION = "orientation ignored"


def check_extent(rows: int, columns: int, options: AcquireOptions) -> None:
    """Refuse what Rows and Columns cannot hold, or what is beyond the limit.

    Raises
    ------
    AcquireError
    """
    limit = options.limits.max_pixels
    if not 0 < rows <= _MAX_EXTENT or not 0 < columns <= _MAX_EXTENT:
        raise AcquireError(
            f"It has {rows} rows and {columns} columns; Rows (0028,0010) and Columns (0028,0011) "
            f"hold 1 to {_MAX_EXTENT}."
        )
    if rows * columns > limit:
        raise AcquireError(f"It has {rows * columns} pixels; the limit max_pixels is {limit}.")


def check_depth(bits: int, options: AcquireOptions) -> None:
    """Refuse more than 8 bits in a VL Photographic Image (PS3.3 Table C.8-77).

    Raises
    ------
    AcquireError
    """
    if bits > 8 and options.photo_class is PhotoClass.VL_PHOTOGRAPHIC:
        raise AcquireError(
            f"It has {bits} bits in each sample; Bits Stored (0028,0101) of a VL Photographic "
            "Image is 8. A Secondary Capture Image holds them."
        )


def hints_of(exif: Exif, options: AcquireOptions) -> dict[int, str]:
    """Return what EXIF says of when and with what the photograph was taken."""
    if not options.use_capture_date:
        return {}
    hints = {MANUFACTURER: exif.make[:_MAX_LO], MODEL_NAME: exif.model[:_MAX_LO]}
    if exif.taken:
        hints |= {
            CONTENT_DATE: exif.taken[:8],
            CONTENT_TIME: exif.taken[8:],
            ACQUISITION_DATETIME: exif.taken + exif.offset,
        }
    return {tag: value.replace("\\", "/") for tag, value in hints.items() if value}


def profile_of(
    icc: bytes, samples: int, options: AcquireOptions
) -> tuple[Mapping[int, tuple[Value, ...]], tuple[str, ...]]:
    """Return the ICC Profile, or a note why it is not kept (PS3.3 C.11.15)."""
    if not icc:
        return {}, ()
    if icc[_ICC_SIGNATURE] != b"acsp" or len(icc) > options.limits.max_icc_bytes:
        return {}, ("The colour profile is damaged or too long and was dropped.",)
    if samples == 1:
        return {}, ("The colour profile of a grey picture was dropped.",)
    return {ICC_PROFILE: (icc + b"\0" * (len(icc) & 1),)}, ()
