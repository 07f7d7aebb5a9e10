"""What the first bytes of a codestream tell of the frame, whatever the codec.

What belongs here: the one shape all readers return, and the one error they raise. What must not:
any comparison with attributes of a data set.
"""

from dataclasses import dataclass
from enum import Enum


class Codec(Enum):
    """The family a codestream is of."""

    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"
    JPEG_XL = "JPEG XL"
    RLE = "RLE"
    DEFLATE = "deflate"
    MPEG2 = "MPEG-2"
    H264 = "H.264"
    H265 = "H.265"


class Colour(Enum):
    """What a codestream says of its colour components, where it says anything."""

    RGB = "RGB"
    YCBCR = "YCbCr"
    RCT = "reversible component transform"
    ICT = "irreversible component transform"
    UNTRANSFORMED = "no component transform"


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a codestream's header says; None where it does not say.

    Attributes
    ----------
    codec : Codec
    process : str
        The coding process by the codec's own name, such as ``SOF0`` or ``5/3 reversible``.
    rows, columns : int or None
        Of the picture, in samples of its largest component.
    samples : int or None
        Components of a pixel.
    bits : int or None
        The largest precision of a component, in bits.
    signed : bool or None
        Whether samples are signed, None where the codec does not know or components differ.
    lossless : bool or None
        Whether the coding gives back what was encoded. A stream cut to fit a size may be lossy
        although its process is not: headers do not tell.
    transfer_syntax : str or None
        The narrowest DICOM transfer syntax this stream can stand in, as far as the header tells.
    colour : Colour or None
    boxed : bool
        Whether the codestream lies in boxes of a file format or container.
    orientation : int or None
        That of EXIF, 1 to 8, where there is one.
    segment_offsets : tuple of int
        RLE only: offset of each segment from the start of the frame, in bytes.
    """

    codec: Codec
    process: str
    rows: int | None = None
    columns: int | None = None
    samples: int | None = None
    bits: int | None = None
    signed: bool | None = None
    lossless: bool | None = None
    transfer_syntax: str | None = None
    colour: Colour | None = None
    boxed: bool = False
    orientation: int | None = None
    segment_offsets: tuple[int, ...] = ()


class UnreadableCodestream(ValueError):  # noqa: N818 - reads as the fact it is
    """The bytes are no header of that codec.

    Parameters
    ----------
    detail : str
        What is wrong, without any value of the data set.
    is_cut : bool
        Whether the header goes on where the bytes end: more bytes may make it readable.
    """

    def __init__(self, detail: str, *, is_cut: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.is_cut = is_cut


def cut(codec: Codec) -> UnreadableCodestream:
    """Return the error for a header that goes on where the bytes end."""
    return UnreadableCodestream(f"The {codec.value} header is not at its end.", is_cut=True)
