"""Which Photometric Interpretation a codestream has (PS3.5 8.2.1 to 8.2.15, PS3.3 C.7.6.3.1.2)."""

from chalicelib.dicomweb.codestream_intake import CodedPixels
from chalicelib.dicomweb.codestreams import Codec, Colour
from chalicelib.standard.codestream_syntaxes import JPEG_RECOMPRESSION

_MONOCHROME = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
# Decoders take the sampling from the stream: both names mean the same matrix.
_FULL = frozenset({"YBR_FULL", "YBR_FULL_422"})
_RGB = frozenset({"RGB"})
_UNTRANSFORMED = _RGB | _FULL
_VIDEO_CODECS = frozenset({Codec.MPEG2, Codec.H264, Codec.H265})


def photometric_of(pixels: CodedPixels, samples: int) -> tuple[str, frozenset[str]]:
    """Return the interpretation to fill in, and all that may stand beside the codestream.

    "" and an empty set where the codestream says nothing: metadata decide then.
    """
    header = pixels.header
    if samples == 1:
        return "MONOCHROME2", _MONOCHROME  # PS3.18 10.5.2
    if header.codec in _VIDEO_CODECS:
        return _only("YBR_PARTIAL_420")
    if header.codec is Codec.JPEG:
        return _of_jpeg(pixels)
    if header.codec in (Codec.JPEG_2000, Codec.HTJ2K):
        if header.colour is Colour.RCT:
            return _only("YBR_RCT")
        return _only("YBR_ICT") if header.colour is Colour.ICT else ("RGB", _UNTRANSFORMED)
    if header.codec is Codec.JPEG_XL:
        return _of_jpeg_xl(pixels)
    return "", frozenset()


def _of_jpeg(pixels: CodedPixels) -> tuple[str, frozenset[str]]:
    """PS3.5 8.2.1. A stream that declares nothing is YCbCr when lossy, by the decoders' custom."""
    header = pixels.header
    if header.colour is Colour.RGB:
        return _only("RGB")
    due = "YBR_FULL_422" if pixels.is_subsampled else "YBR_FULL"
    if header.colour is Colour.YCBCR:
        return due, _FULL
    return "RGB" if header.lossless else due, _UNTRANSFORMED


def _of_jpeg_xl(pixels: CodedPixels) -> tuple[str, frozenset[str]]:
    """PS3.5 8.2.15. A recompressed JPEG is what the JPEG was, which its header does not repeat."""
    if pixels.transfer_syntax == JPEG_RECOMPRESSION:
        return "YBR_FULL_422", _UNTRANSFORMED
    if pixels.header.process == "XYB":
        return _only("XYB")
    return "RGB", _UNTRANSFORMED | {"YBR_RCT"}


def _only(term: str) -> tuple[str, frozenset[str]]:
    return term, frozenset({term})
