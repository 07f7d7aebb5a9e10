"""Headers of the codestreams that Pixel Data encapsulates (PS3.5 8.2 and A.4).

What belongs here: bytes in, a FrameHeader out, without decoding a picture. What must not: the
data set around the codestream, or any judgement of it. The first 64 KiB of a frame hold the whole
header unless a large profile or thumbnail stands before it; then the error says it is cut.
"""

from collections.abc import Callable

from chalicelib.dicomweb.codestreams.deflate import read_deflate
from chalicelib.dicomweb.codestreams.header import (
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
)
from chalicelib.dicomweb.codestreams.jpeg import read_jpeg
from chalicelib.dicomweb.codestreams.jpeg_2000 import read_jpeg_2000
from chalicelib.dicomweb.codestreams.jpeg_ls import read_jpeg_ls
from chalicelib.dicomweb.codestreams.jpeg_xl import read_jpeg_xl
from chalicelib.dicomweb.codestreams.mpeg2 import read_mpeg2
from chalicelib.dicomweb.codestreams.mpeg4 import read_h264, read_h265
from chalicelib.dicomweb.codestreams.rle import read_rle
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES

__all__ = [
    "HEADER_BYTES",
    "Codec",
    "Colour",
    "FrameHeader",
    "UnreadableCodestream",
    "has_header",
    "identify",
    "read_header",
]

HEADER_BYTES = 64 * 1024

_READERS: dict[str, Callable[[bytes], FrameHeader]] = {
    "image/jpeg": read_jpeg,
    "image/jls": read_jpeg_ls,
    "image/jp2": read_jpeg_2000,
    "image/jpx": read_jpeg_2000,
    "image/jphc": read_jpeg_2000,
    "image/jph": read_jpeg_2000,
    "image/jxl": read_jpeg_xl,
    "image/dicom-rle": read_rle,
    "application/x-deflate": read_deflate,
    "video/mpeg": read_mpeg2,
    "video/mp4": read_h264,
    "video/h265": read_h265,
}

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG or JPEG-LS"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 in a file format"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL in a container"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"\0\0\1\xba", "an MPEG program stream"),
    (b"\0\0\1\xb3", "MPEG-2"),
)


def has_header(kind: str) -> bool:
    """Return whether codestreams of a media type or transfer syntax UID have a header to read."""
    return _reader(kind) is not None


def read_header(kind: str, first_bytes: bytes) -> FrameHeader:
    """Return what a codestream's header says.

    Parameters
    ----------
    kind : str
        The media type, without parameters, or the transfer syntax UID that the stream is said to
        be of.
    first_bytes : bytes
        The start of the frame; HEADER_BYTES suffice as a rule.

    Raises
    ------
    UnreadableCodestream
        The bytes are no header of that kind, or the kind has none.
    """
    reader = _reader(kind)
    if reader is None:
        raise UnreadableCodestream("There is no header to read in a stream of this kind.")
    return reader(first_bytes)


def identify(first_bytes: bytes) -> str | None:
    """Return what the bytes start like, in words, None when they start like nothing known."""
    for signature, name in _SIGNATURES:
        if first_bytes.startswith(signature):
            return name
    return "an MP4 file" if first_bytes[4:8] == b"ftyp" else None


def _reader(kind: str) -> Callable[[bytes], FrameHeader] | None:
    row = TRANSFER_SYNTAXES.get(kind)
    return _READERS.get((row.media_type if row is not None else kind).lower())
