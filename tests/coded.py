"""Codestreams as bulkdata: every media type with every transfer syntax of which there is a stream.

Where no encoder is to be had a stream that the syntax holds too stands in, and the sender says
which syntax it means.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chalicelib.standard.bulkdata_media_types import BULKDATA_MEDIA_TYPES, BulkdataMediaType
from tests.end_to_end.test_every_transfer_syntax import CODESTREAMS, RLE, SAMPLES, Image
from tests.made import EXPLICIT_LITTLE, Made, uids_for
from tests.representations import (
    SECONDARY_CAPTURE,
    Attribute,
    Part,
    Reference,
    attributes_of,
    pixel_attributes,
)

JPEG, RLE_LOSSLESS = "1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5"
PIXEL_DATA, NUMBER_OF_FRAMES = 0x7FE00010, 0x00280008
MACRO = frozenset(pixel_attributes(1, 1, 3))
MULTI_FRAME = {
    8: "1.2.840.10008.5.1.4.1.1.7.2",
    16: "1.2.840.10008.5.1.4.1.1.7.3",
    24: "1.2.840.10008.5.1.4.1.1.7.4",
}
"""Secondary Capture by the bits of a pixel."""
VIDEO_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
TIMED: dict[int, Attribute] = {0x00181063: ("DS", "40"), 0x00280009: ("AT", 0x00181063)}

NO_STREAM = frozenset({JPEG + "106"})
"""No encoder of Stereo High Profile is to be had, and no other stream is stereo."""
STATED = frozenset({JPEG + "92", JPEG + "103", JPEG + "105"})
"""Streams that another syntax holds too: the sender says which it means."""
COMPONENTS_MAY_BE_FRAMES = frozenset({JPEG + "92", JPEG + "93"})
LOSSY = frozenset(JPEG + one for one in ("50", "51", "81", "91", "93", "203", "111", "112"))


@dataclass(frozen=True)
class Coded:
    """A codestream as bulkdata of a media type, and the transfer syntax it comes to have.

    ``fragment`` is what is stored, where that is not the part.
    """

    name: str
    media_type: str
    uid: str
    image: Image
    body: bytes = b""
    fragment: bytes = b""
    stated: bool = False

    @property
    def part(self) -> bytes:
        return self.body or self.image.stream()

    def made(self, partition: str, *, frames: int = 0, derived: bool = False) -> Made:
        """The instance: of one frame, or of some frames in parts of their own."""
        is_video = self.media_type.lower().startswith("video/")
        held = self.image.frames
        frames = held if held > 1 else frames
        sop_class = VIDEO_PHOTOGRAPHIC if is_video else class_for(self.image, frames)
        name = f"{self.name} {self.uid} {frames}"
        uids = uids_for(partition, name, sop_class)
        described = described_as(self.image, frames)
        due = attributes_of(uids) | described | (TIMED if is_video else {})
        left_out = MACRO - {NUMBER_OF_FRAMES} if derived else frozenset()
        metadata = {tag: one for tag, one in due.items() if tag not in left_out}
        metadata[PIXEL_DATA] = ("OB", Reference(name.replace(" ", "-")))
        count = 1 if held > 1 else max(frames, 1)
        header = f"{self.media_type}; transfer-syntax={self.uid}"
        part = Part(self.part, header if self.stated else self.media_type, name.replace(" ", "-"))
        return Made(
            name,
            uids,
            metadata,
            due,
            [part] * count,
            [self.fragment or self.part] * count,
            self.uid,
            not is_video and self.uid not in COMPONENTS_MAY_BE_FRAMES,
        )


def described_as(image: Image, frames: int) -> dict[int, Attribute]:
    photometric = image.photometric.decode()
    return pixel_attributes(
        image.rows, image.columns, image.samples, image.bits, photometric, frames
    )


def class_for(image: Image, frames: int) -> str:
    if frames < 2:
        return SECONDARY_CAPTURE
    return MULTI_FRAME[24 if image.samples == 3 else 8 if image.bits == 8 else 16]


def as_part_2(stream: bytes) -> bytes:
    """A codestream of Part 1 that says it may use Part 2: there is no lossless encoder of more."""
    assert stream[2:4] == b"\xff\x51"
    return stream[:6] + b"\x81\x00" + stream[8:]


def out_of_boxes(file: bytes) -> bytes:
    """The codestream of a JPEG XL file (ISO/IEC 18181-2 9.9), which ends it."""
    assert file[4:8] == b"JXL "
    return file[file.index(b"jxlc\xff\x0a") + 4 :]


def image_of(uid: str) -> Image:
    """The sample of a transfer syntax, described as it is."""
    if uid == JPEG + "108":
        return replace(CODESTREAMS["108"], bits=10)
    return RLE if uid == RLE_LOSSLESS else CODESTREAMS[uid.removeprefix(JPEG)]


def codings_of(row: BulkdataMediaType) -> Iterator[Coded]:
    """Yield a codestream for each syntax of a media type."""
    for uid in row.transfer_syntaxes:
        if uid == EXPLICIT_LITTLE or uid in NO_STREAM:
            continue
        image = image_of(uid)
        body = as_part_2(image.stream()) if uid == JPEG + "92" else b""
        kept = out_of_boxes(image.stream()) if uid == JPEG + "112" else b""
        yield Coded("row", row.display, uid, image, body, kept, uid in STATED)


CODED_TYPES = tuple(row for row in BULKDATA_MEDIA_TYPES if any(codings_of(row)))


def whole(name: str) -> bytes:
    return (SAMPLES / "whole" / name).read_bytes()


_MONO16 = Image("", 128, 128, 1, 16, b"MONOCHROME2")
_MPEG2 = Image("", 576, 720, 3, 8, b"YBR_PARTIAL_420", 12)
_RCT = Image("codestreams/j2k_lossless_rgb8_rct.j2k", photometric=b"YBR_RCT")
_GREY_JPEG = Image("codestreams/jpeg_baseline_mono8.jpg", 128, 128, 1, 8, b"MONOCHROME2")
_J2K, _JLS = whole("j2k_lossless_mono16.j2k"), whole("jpegls_lossless_mono16.jls")
_JXL = whole("jxl_lossless_mono16.jxl")
OTHERS = (
    Coded("boxes", "image/jp2", JPEG + "90", _MONO16, whole("j2k_lossless_mono16.jp2"), _J2K),
    Coded("boxes", "image/jxl", JPEG + "110", _MONO16, _JXL, out_of_boxes(_JXL)),
    Coded("16 bits", "image/jpeg", JPEG + "70", _MONO16, whole("jpeg_lossless_sv1_mono16.jpg")),
    Coded("16 bits", "image/jls", JPEG + "80", _MONO16, _JLS),
    Coded("alias", "image/x-jls", JPEG + "80", _MONO16, _JLS),
    Coded("16 bits", "image/dicom-rle", RLE_LOSSLESS, _MONO16, whole("rle_mono16.rle")),
    Coded("any case", "Image/X-DICOM-RLE", RLE_LOSSLESS, _MONO16, whole("rle_mono16.rle")),
    Coded("colour transform", "image/jp2", JPEG + "90", _RCT),
    Coded("for either", "image/jp2", JPEG + "91", _MONO16, _J2K, stated=True),
    Coded("RGB", "image/jpeg", JPEG + "50", Image("codestreams/jpeg_baseline_rgb.jpg")),
    Coded("greys", "image/jpeg", JPEG + "50", _GREY_JPEG),
    Coded("elementary", "video/mpeg", JPEG + "100", _MPEG2, whole("mpeg2_es.m2v")),
    Coded("alias", "video/MPEG2", JPEG + "100", _MPEG2, whole("mpeg2_es.m2v")),
)
"""Streams that need a second look: boxes, aliases, colour transforms, no container."""
