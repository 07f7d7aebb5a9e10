"""Metadata and bulkdata that do not fit: by name, each with the reason that is due to it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from chalicelib.standard.reasons import FailureReason
from tests.builders_dicom import Uids
from tests.representations import (
    Attribute,
    Attributes,
    Part,
    Reference,
    attributes_of,
    changed,
    pixel_attributes,
)

SAMPLES = Path(__file__).resolve().parent / "samples"
OCTETS = "application/octet-stream"
PIXEL_DATA = 0x7FE00010
PIXELS = bytes(range(32))
F = FailureReason


def sample(name: str) -> bytes:
    return (SAMPLES / "codestreams" / name).read_bytes()


def native_image(uids: Uids, location: str = "pixels") -> dict[int, Attribute]:
    """A good image of octets."""
    return attributes_of(uids) | pixel_attributes(4, 8) | {PIXEL_DATA: ("OB", Reference(location))}


def coded_image(uids: Uids, location: str = "pixels", **changes: Attribute) -> dict[int, Attribute]:
    """An image of which the codestream tells the description."""
    return attributes_of(uids, **changes) | {PIXEL_DATA: ("OB", Reference(location))}


GREYS = Part(sample("jpeg_baseline_mono8.jpg"), "image/jpeg", "pixels")
"""128 by 128, 8 bits, lossy."""
Case = tuple[Callable[[Uids], Attributes], list[Part], FailureReason, str | None]


def macro(**changes: Attribute) -> Callable[[Uids], Attributes]:
    return lambda uids: changed(native_image(uids), **changes)


def coded(**changes: Attribute) -> Callable[[Uids], Attributes]:
    return lambda uids: coded_image(uids, **changes)


OCTETS_PART = Part(PIXELS, OCTETS, "pixels")
CASES: dict[str, Case] = {
    "no part": (native_image, [], F.BULKDATA_MISSING, None),
    "a part without location": (
        native_image, [Part(PIXELS, OCTETS)], F.BULKDATA_MISSING, None,
    ),
    "two octet streams of one location": (
        native_image, [OCTETS_PART] * 2, F.BULKDATA_AMBIGUOUS, None,
    ),
    "two types of one location": (
        native_image, [OCTETS_PART, GREYS], F.BULKDATA_AMBIGUOUS, None,
    ),
    "a whole and a frame": (
        coded(), [GREYS, replace(GREYS, location="pixels/1")], F.BULKDATA_AMBIGUOUS, None,
    ),
    "a gap between frames": (
        coded(t00280008=("IS", 2)),
        [replace(GREYS, location=f"pixels/frames/{number}") for number in (1, 3)],
        F.BULKDATA_AMBIGUOUS, None,
    ),
    "frames beyond Number of Frames": (
        coded(t00280008=("IS", 2)), [GREYS] * 3, F.DATA_SET_MISMATCH, "(0028,0008)",
    ),
    "frames short of Number of Frames": (
        coded(t00280008=("IS", 2)), [GREYS], F.DATA_SET_MISMATCH, "(0028,0008)",
    ),
    "frames of different sizes": (
        coded(t00280008=("IS", 2)),
        [GREYS, Part(sample("jpeg_baseline_rgb.jpg"), "image/jpeg", "pixels")],
        F.DATA_SET_MISMATCH, "(7FE0,0010)",
    ),
    "Rows that contradict": (
        coded(t00280010=("US", 127)), [GREYS], F.DATA_SET_MISMATCH, "(0028,0010)",
    ),
    "Columns that contradict": (
        coded(t00280011=("US", 129)), [GREYS], F.DATA_SET_MISMATCH, "(0028,0011)",
    ),
    "Samples per Pixel that contradict": (
        coded(t00280002=("US", 3)), [GREYS], F.DATA_SET_MISMATCH, "(0028,0002)",
    ),
    "Bits Allocated that contradict": (
        coded(t00280100=("US", 16)), [GREYS], F.DATA_SET_MISMATCH, "(0028,0100)",
    ),
    "more Bits Stored than there are": (
        coded(t00280101=("US", 12)), [GREYS], F.DATA_SET_MISMATCH, "(0028,0101)",
    ),
    "High Bit that contradicts": (
        coded(t00280102=("US", 15)), [GREYS], F.DATA_SET_MISMATCH, "(0028,0102)",
    ),
    "no Rows beside octets": (
        macro(t00280010=()), [OCTETS_PART], F.DATA_SET_MISMATCH, "(0028,0010)",
    ),
    "no Planar Configuration beside octets of colour": (
        macro(t00280002=("US", 3), t00280004=("CS", "RGB")),
        [OCTETS_PART], F.DATA_SET_MISMATCH, "(0028,0006)",
    ),
    "no macro beside JPEG-LS": (
        coded(), [Part(sample("jpegls_lossless_mono16.jls"), "image/jls", "pixels")],
        F.DATA_SET_MISMATCH, "(0028,0002)",
    ),
    "no macro beside RLE": (
        coded(), [Part(sample("rle_mono16.rle"), "image/dicom-rle", "pixels")],
        F.DATA_SET_MISMATCH, "(0028,0002)",
    ),
    "no macro beside HTJ2K": (
        coded(), [Part(sample("htj2k_lossless_mono16.jhc"), "image/jphc", "pixels")],
        F.DATA_SET_MISMATCH, "(0028,0002)",
    ),
    "fewer octets than pixels": (
        native_image, [Part(PIXELS[:-2], OCTETS, "pixels")], F.DATA_SET_MISMATCH, "(7FE0,0010)",
    ),
    "more octets than pixels": (
        native_image, [Part(PIXELS * 2, OCTETS, "pixels")], F.DATA_SET_MISMATCH, "(7FE0,0010)",
    ),
    "octets for 2 GB of pixels": (
        macro(t00280010=("US", 65535), t00280011=("US", 65535)),
        [OCTETS_PART], F.DATA_SET_MISMATCH, "(7FE0,0010)",
    ),
    "octets that claim to be compressed": (
        native_image,
        [Part(PIXELS, f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.4.50", "pixels")],
        F.TRANSFER_SYNTAX_NOT_SUPPORTED, "(7FE0,0010)",
    ),
    "a progressive JPEG": (
        coded(), [replace(GREYS, body=GREYS.body.replace(b"\xff\xc0", b"\xff\xc2", 1))],
        F.TRANSFER_SYNTAX_NOT_SUPPORTED, "(7FE0,0010)",
    ),
    "an arithmetic JPEG": (
        coded(), [replace(GREYS, body=GREYS.body.replace(b"\xff\xc0", b"\xff\xc9", 1))],
        F.TRANSFER_SYNTAX_NOT_SUPPORTED, "(7FE0,0010)",
    ),
    "a JPEG that is none": (
        coded(), [replace(GREYS, body=b"nothing")], F.CANNOT_UNDERSTAND, "(7FE0,0010)",
    ),
    "an empty part": (
        coded(), [replace(GREYS, body=b"")], F.CANNOT_UNDERSTAND, "(7FE0,0010)",
    ),
    "a PNG that is a JPEG": (
        coded(), [replace(GREYS, media_type="image/png")], F.CANNOT_UNDERSTAND, "(7FE0,0010)",
    ),
    "a PNG for 2 GB of pixels": (
        coded(),
        [Part(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\0\0\0\0", "image/png",
              "pixels")],
        F.INFLATES_TOO_LARGE, "(7FE0,0010)",
    ),
    "pixels of an unknown type": (
        coded(), [replace(GREYS, media_type="image/tiff")], F.DATA_SET_MISMATCH, "(7FE0,0010)",
    ),
    "a JPEG as another value": (
        lambda uids: attributes_of(uids, t00282000=("OB", Reference("pixels"))),
        [GREYS], F.DATA_SET_MISMATCH, "(0028,2000)",
    ),
    "part of a word": (
        lambda uids: attributes_of(uids, t00189089=("FD", Reference("pixels"))),
        [Part(b"1234567", OCTETS, "pixels")], F.DATA_SET_MISMATCH, "(0018,9089)",
    ),
    "text that is not UTF-8": (
        lambda uids: attributes_of(uids, t00187011=("UT", Reference("pixels"))),
        [Part(b"Gr\xf6\xdfe", OCTETS, "pixels")], F.DATA_SET_MISMATCH, "(0018,7011)",
    ),
    "a document of another type": (
        lambda uids: attributes_of(
            uids, t00420012=("LO", "application/pdf"), t00420011=("OB", Reference("pixels"))
        ),
        [Part(b"{}", "application/json", "pixels")], F.DATA_SET_MISMATCH, "(0042,0012)",
    ),
    "a document without its type": (
        lambda uids: attributes_of(uids, t00420011=("OB", Reference("pixels"))),
        [Part(b"%PDF-1.7", "application/pdf", "pixels")], F.DATA_SET_MISMATCH, "(0042,0012)",
    ),
    "a document of another length": (
        lambda uids: attributes_of(
            uids, t00420012=("LO", "application/pdf"), t00420015=("UL", 99),
            t00420011=("OB", Reference("pixels")),
        ),
        [Part(b"%PDF-1.7", "application/pdf", "pixels")], F.DATA_SET_MISMATCH, "(0042,0015)",
    ),
    "an empty SOP Class UID": (
        macro(t00080016=("UI",)), [OCTETS_PART], F.MISSING_ATTRIBUTE, "(0008,0016)",
    ),
    "no Study Instance UID": (
        macro(t0020000D=()), [OCTETS_PART], F.MISSING_ATTRIBUTE, "(0020,000D)",
    ),
    "a class that is no storage": (
        macro(t00080016=("UI", "1.2.840.10008.1.3.10")),
        [OCTETS_PART], F.SOP_CLASS_NOT_SUPPORTED, "(0008,0016)",
    ),
}  # fmt: skip
