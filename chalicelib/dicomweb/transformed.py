"""GIF and PNG decoded to native pixel data (PS3.18 Table 10.5.2-1: Transform).

Decoded by Pillow, which is imported when the first such part comes. The extent of a picture is
read and bounded before anything is decoded. Nothing is lost but what the standard lets go: a
palette becomes RGB, transparency is dropped, 1, 2 and 4 bits are spread over 8. What Pillow cannot
give back whole, colour or transparency of 16 bits, is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from struct import unpack_from
from typing import TYPE_CHECKING

from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.reasons import FailureReason

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_DECODED_BYTES = 64 * 1024 * 1024
_PATH = "(7FE0,0010)"
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_GIF_STARTS = (b"GIF87a", b"GIF89a")
_GREY_16 = frozenset({"I;16", "I;16B", "I"})
_GREY = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """Native pixels, Little Endian, colour by pixel.

    ``bits`` is both allocated and stored; ``frame_time`` is in milliseconds, None where frames
    last differently or there is one.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    frames: tuple[bytes, ...]
    frame_time: float | None = None


def decode_picture(
    content: memoryview,
    media_type: str,
    *,
    wants_grey: bool = False,
    max_decoded_bytes: int = MAX_DECODED_BYTES,
) -> Picture:
    """Return the pixels of a GIF or PNG; an animated GIF gives all frames, its deltas applied.

    Parameters
    ----------
    content : memoryview
    media_type : str
        ``image/gif`` or ``image/png``.
    wants_grey : bool
        Whether the data set states one sample per pixel: a palette of greys is then kept so.
    max_decoded_bytes : int
        Of all frames together.

    Raises
    ------
    InstanceError
        CANNOT_UNDERSTAND for what is no such picture, INFLATES_TOO_LARGE, DATA_SET_MISMATCH for
        what cannot be transformed without loss.
    """
    samples, bits = _bound_extent(content, media_type, max_decoded_bytes)
    if bits == 16 and samples > 1:
        raise _lossy(f"{samples} samples of 16 bits")
    from PIL import Image, ImageFile  # here, for most requests need no decoder

    ImageFile.LOAD_TRUNCATED_IMAGES = False
    name = media_type.removeprefix("image/").upper()
    try:
        with Image.open(BytesIO(content), formats=(name,)) as image:
            return _decoded(image, wants_grey, max_decoded_bytes)
    except InstanceError:
        raise
    except Exception as error:  # noqa: BLE001 - a decoder of hostile input raises many kinds
        raise _not_understood(media_type, f"decoding ends with {type(error).__name__}") from None


def _bound_extent(content: memoryview, media_type: str, max_bytes: int) -> tuple[int, int]:
    """Return samples and bits by the header; refuse an extent that decodes to too much."""
    start = bytes(content[:32])
    samples, bits = 3, 8
    if media_type == "image/png" and start.startswith(_PNG_START) and len(start) >= 26:
        columns, rows, bits, colour_type = unpack_from(">IIBB", start, 16)
        samples = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour_type, 0)
        if not samples or bits not in (1, 2, 4, 8, 16):
            raise _not_understood(media_type, "its header has no colour type of PNG")
    elif media_type == "image/gif" and start.startswith(_GIF_STARTS) and len(start) >= 10:
        columns, rows = unpack_from("<HH", start, 6)
    else:
        raise _not_understood(media_type, "it does not start as one")
    if not rows or not columns:
        raise _not_understood(media_type, "its extent is 0")
    _check_size(rows * columns * samples * (2 if bits == 16 else 1), max_bytes)
    return samples, bits


def _decoded(image: "Image", wants_grey: bool, max_bytes: int) -> Picture:
    frames = getattr(image, "n_frames", 1)
    if image.format == "PNG" and frames > 1:
        raise _lossy("an animated PNG")
    columns, rows = image.size
    _check_size(columns * rows * 3 * frames, max_bytes)
    planes = list(_planes(image, frames, (columns, rows)))
    durations = {duration for _, _, duration in planes}
    mode = "L"
    if image.mode in _GREY_16 or planes[0][0] in _GREY_16:
        mode = "I;16"
    elif any(found == "RGB" for found, _, _ in planes):
        mode = "RGB"
    samples, bits = {"L": (1, 8), "I;16": (1, 16), "RGB": (3, 8)}[mode]
    contents = tuple(content for _, content, _ in planes)
    if samples == 3 and wants_grey:
        contents, samples = tuple(_greys(content) for content in contents), 1
    duration = durations.pop() if len(durations) == 1 and frames > 1 else 0
    return Picture(rows, columns, samples, bits, contents, float(duration) if duration else None)


def _planes(
    image: "Image", frames: int, size: tuple[int, int]
) -> Iterator[tuple[str, bytes, float]]:
    """Yield mode, pixels and duration of each frame; a GIF is always RGB, so frames are alike."""
    for number in range(frames):
        image.seek(number)
        if image.size != size:
            raise _not_understood(f"image/{image.format}".lower(), "a frame enlarges the picture")
        duration = float(image.info.get("duration", 0))
        if image.mode in _GREY_16:
            yield "I;16", image.convert("I;16").tobytes(), duration
        elif image.mode in ("1", "L", "LA") and image.format != "GIF":
            grey = image.getchannel(0) if image.mode == "LA" else image.convert("L")
            yield "L", grey.tobytes(), duration
        else:
            yield "RGB", image.convert("RGB").tobytes(), duration


def _greys(content: bytes) -> bytes:
    """Return one sample of each pixel.

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH when the pixels have colour.
    """
    red = content[_GREY::3]
    if red != content[1::3] or red != content[2::3]:
        raise InstanceError(
            FailureReason.DATA_SET_MISMATCH,
            "(0028,0002) is 1, the picture has colours.",
            tag_path="(0028,0002)",
        )
    return red


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise InstanceError(
            FailureReason.INFLATES_TOO_LARGE,
            f"The picture decodes to {size} bytes, the limit is {max_bytes}.",
            tag_path=_PATH,
        )


def _lossy(what: str) -> InstanceError:
    return InstanceError(
        FailureReason.DATA_SET_MISMATCH,
        f"The picture has {what}, which cannot be transformed without loss (PS3.18 10.5.2).",
        tag_path=_PATH,
    )


def _not_understood(media_type: str, why: str) -> InstanceError:
    return InstanceError(
        FailureReason.CANNOT_UNDERSTAND,
        f"The bulkdata are not readable as {media_type}: {why}.",
        tag_path=_PATH,
    )
