"""What a file is, by its first bytes; names and extensions are not asked."""

from enum import Enum

from chalicelib.dicomweb.codestreams import identify
from chalicelib.dicomweb.codestreams.mpeg2 import is_transport_stream
from chalicelib.dicomweb.file_meta import PREAMBLE_LENGTH, PREFIX
from chalicelib.useragent.acquire.errors import AcquireError

PDF_START = b"%PDF-"
PDF_HEADER_WITHIN = 1024
_STILL_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif")
_QUICKTIME_BRAND = b"qt  "


class Kind(Enum):
    """What instances are made of."""

    JPEG = "JPEG"
    PNG = "PNG"
    MP4 = "MP4"
    MPEG2 = "MPEG-2 or a transport stream"
    PDF = "PDF"


def kind_of(first: bytes) -> Kind:
    """Return what a file is.

    Parameters
    ----------
    first : bytes
        At least its first 1024 bytes, or all of it.

    Raises
    ------
    AcquireError
        When no instance is made of such files, saying what it looks like.
    """
    if first.startswith(b"\xff\xd8\xff") and not first.startswith(b"\xff\xd8\xff\xf7"):
        return Kind.JPEG
    if first.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if first[4:8] == b"ftyp":
        return _of_boxes(first)
    if first.startswith((b"\0\0\1\xba", b"\0\0\1\xb3")) or is_transport_stream(first):
        return Kind.MPEG2
    if PDF_START in first[:PDF_HEADER_WITHIN]:
        return Kind.PDF
    if first[PREAMBLE_LENGTH : PREAMBLE_LENGTH + len(PREFIX)] == PREFIX:
        raise AcquireError("It is a DICOM file already: send it as it is.")
    found = identify(first)
    raise AcquireError(
        "Instances are made of JPEG, PNG, MP4, MPEG-2 and PDF files; "
        + (f"it starts like {found}." if found else "it starts like none of them.")
    )


def _of_boxes(first: bytes) -> Kind:
    brand = first[8:12]
    if brand in _STILL_BRANDS:
        raise AcquireError("It is HEIF or AVIF, which no transfer syntax holds: export it as JPEG.")
    if brand == _QUICKTIME_BRAND:
        raise AcquireError(
            "It is a QuickTime movie, which PS3.5 8.2.7 does not allow: copy its streams into an "
            "MP4 (ffmpeg -i IN -map 0:v -map 0:a? -c copy OUT.mp4)."
        )
    return Kind.MP4
