"""Every kind of bulkdata beside JSON and XML metadata: sent over HTTP, read back, compared.

Metadata leave the Image Pixel Description Macro out wherever the standard lets them (PS3.18 Table
10.5.2-1). Fragments are the sample's bytes, attributes those that were sent and those that the
sample's maker knows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from struct import pack

import pytest

from chalicelib.standard.bulkdata_media_types import DOCUMENT_TYPES, BulkdataMediaType
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids
from tests.coded import (
    CODED_TYPES,
    LOSSY,
    MACRO,
    MULTI_FRAME,
    NUMBER_OF_FRAMES,
    OTHERS,
    PIXEL_DATA,
    TIMED,
    codings_of,
    whole,
)
from tests.drawn import PICTURES
from tests.end_to_end.conftest import Post
from tests.made import EXPLICIT_LITTLE, Made, store, store_all, uids_for
from tests.read_back import differences
from tests.representations import (
    FORMS,
    METADATA_TYPES,
    SECONDARY_CAPTURE,
    Attribute,
    Attributes,
    Part,
    Reference,
    alone,
    attributes_of,
    changed,
    pixel_attributes,
    represent,
)

OCTETS = "application/octet-stream"
MULTIPART = [f'request:multipart/related; type="{name}"' for name in METADATA_TYPES.values()]


def in_both_forms(*claims: str) -> list[str]:
    return [f"{claim}:{form}" for claim in claims for form in FORMS]


# ---------------------------------------------------------------- codestreams


def claims_of(row: BulkdataMediaType) -> Iterable[str]:
    return in_both_forms(*(f"bulkdata:{row.name}:{coded.uid}" for coded in codings_of(row)))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.display, marks=pytest.mark.proves(*claims_of(row)))
        for row in CODED_TYPES
    ],
)
def test_codestreams_are_encapsulated_unchanged(
    local_stack: LocalStack, post: Post, partition: str, row: BulkdataMediaType
) -> None:
    """One frame, and three frames in parts of their own; a video in one."""
    made = []
    for coded in codings_of(row):
        counts = (0, 3) if coded.image.frames == 1 else (0,)
        for frames in counts:
            made.append(coded.made(partition, frames=frames, derived=row.derives_macro))

    files = store_all(local_stack, post, partition, made)

    for one, file in zip(made, files, strict=True):
        is_lossy = one.syntax in LOSSY or not row.frames_apart
        assert (one.name, file.get("LossyImageCompression")) == (
            one.name,
            "01" if is_lossy else None,
        )


def test_streams_that_need_a_second_look_agree_with_their_description(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    store_all(local_stack, post, partition, [coded.made(partition) for coded in OTHERS])


# ---------------------------------------------------------------- native pixel data

PIXELS = bytes(range(32))
"""4 rows of 8 pixels."""


@dataclass(frozen=True)
class Native:
    """Native pixel data and their description."""

    name: str
    content: bytes
    description: Attributes
    sop_class: str = SECONDARY_CAPTURE
    vr: str = "OW"

    def made(self, partition: str) -> Made:
        uids = uids_for(partition, self.name, self.sop_class)
        due = attributes_of(uids) | self.description
        location = self.name.replace(" ", "-")
        metadata = due | {PIXEL_DATA: (self.vr, Reference(location))}
        part = Part(self.content, OCTETS, location)
        return Made(self.name, uids, metadata, due, [part], [self.content])


RAW = whole("raw_mono16le.bin")
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
NATIVES = (
    Native("8 bits", PIXELS, pixel_attributes(4, 8)),
    Native("8 bits, odd", PIXELS[:15], pixel_attributes(3, 5), vr="OB"),
    Native("16 bits", RAW, pixel_attributes(128, 128, 1, 16)),
    Native("12 of 16 bits", PIXELS, pixel_attributes(2, 8, 1, 12)),
    Native("colour", whole("raw_rgb8.bin"), pixel_attributes(100, 100, 3, 8, "RGB")),
    Native("frames", RAW * 3, pixel_attributes(128, 128, 1, 16, frames=3), MULTI_FRAME[16]),
    Native(
        "frames of 1 bit, not aligned",
        bytes.fromhex("d5aa03"),
        pixel_attributes(3, 3, 1, 1, frames=2) | {0x00620001: ("CS", "BINARY")},
        SEGMENTATION,
        "OB",
    ),
)


@pytest.mark.proves(*in_both_forms(f"bulkdata:{OCTETS}:{EXPLICIT_LITTLE}"), *MULTIPART)
def test_octets_are_native_pixel_data(local_stack: LocalStack, post: Post, partition: str) -> None:
    files = store_all(local_stack, post, partition, [one.made(partition) for one in NATIVES])

    assert [file["PixelData"].VR for file in files] == [native.vr for native in NATIVES]


def test_pixel_data_may_be_in_the_metadata(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids = uids_for(partition, "inline")
    due = attributes_of(uids) | pixel_attributes(4, 8) | {PIXEL_DATA: ("OB", PIXELS)}

    [file] = store(local_stack, post, partition, lambda form: alone(form, due), uids)

    assert differences(due, file) == []


# ---------------------------------------------------------------- GIF and PNG


@pytest.mark.parametrize(
    "media_type",
    [
        pytest.param(
            name,
            marks=pytest.mark.proves(*in_both_forms(f"bulkdata:{name}:{EXPLICIT_LITTLE}")),
        )
        for name in ("image/gif", "image/png")
    ],
)
def test_pictures_become_native_pixels(
    local_stack: LocalStack, post: Post, partition: str, media_type: str
) -> None:
    made = []
    for name, drawn in PICTURES.items():
        if drawn.media_type != media_type:
            continue
        uids = uids_for(partition, name, MULTI_FRAME[24] if drawn.frames else SECONDARY_CAPTURE)
        photometric = "RGB" if drawn.samples == 3 else "MONOCHROME2"
        due = attributes_of(uids) | pixel_attributes(
            4, 8, drawn.samples, drawn.bits, photometric, drawn.frames
        )
        due |= TIMED if drawn.frames else {}
        metadata = {tag: due[tag] for tag in due if tag not in MACRO - {NUMBER_OF_FRAMES}}
        metadata[PIXEL_DATA] = ("OW", Reference(name.replace(" ", "-")))
        part = Part(drawn.content, media_type, name.replace(" ", "-"))
        made.append(Made(name, uids, metadata, due, [part], [drawn.pixels]))

    store_all(local_stack, post, partition, made)


# ---------------------------------------------------------------- documents and no bulkdata

ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104."
DOCUMENTS = {
    "application/pdf": ("1", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\ntrailer<<>>\n%%EOF"),
    "text/xml": (
        "2",
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Größe</title></ClinicalDocument>'.encode(),
    ),
    "model/stl": ("3", bytes(80) + pack("<I", 1) + bytes(50)),
    "model/obj": ("4", b"mtllib colours.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"),
    "model/mtl": ("5", b"newmtl red\nKd 1 0 0\n"),
}


@pytest.mark.proves(*in_both_forms(*(f"document:{row.media_type}" for row in DOCUMENT_TYPES)))
def test_documents_come_in_their_own_types(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    made = []
    for row in DOCUMENT_TYPES:
        suffix, content = DOCUMENTS[row.media_type]
        uids = uids_for(partition, row.media_type, ENCAPSULATED + suffix)
        due = attributes_of(
            uids,
            t00420010=("ST", "Title"),
            t00420012=("LO", row.media_type),
            t00420015=("UL", len(content)),
        )
        metadata = changed(due, t00420015=(), t00420011=("OB", Reference(suffix)))
        part = Part(content, row.media_type, suffix)
        made.append(Made(row.media_type, uids, metadata, due, [part]))

    files = store_all(local_stack, post, partition, made)

    for one, file in zip(made, files, strict=True):
        content = one.parts[0].body
        assert file.EncapsulatedDocument == content + b"\0" * (len(content) % 2)


def report_of(uids: Uids) -> dict[int, Attribute]:
    """A small structured report."""
    concept = {
        0x00080100: ("SH", "121071"),
        0x00080102: ("SH", "DCM"),
        0x00080104: ("LO", "Finding"),
    }
    finding = {
        0x0040A010: ("CS", "CONTAINS"),
        0x0040A040: ("CS", "TEXT"),
        0x0040A043: ("SQ", concept),
        0x0040A160: ("UT", "Kein Befund\r\n所見なし \\ 🙂"),
    }
    return attributes_of(
        uids,
        t0040A040=("CS", "CONTAINER"),
        t0040A043=("SQ", concept),
        t0040A050=("CS", "SEPARATE"),
        t0040A491=("CS", "COMPLETE"),
        t0040A493=("CS", "UNVERIFIED"),
        t0040A730=("SQ", finding, finding),
    )


@pytest.mark.proves(
    *in_both_forms("metadata"),
    *(f"request:{name}" for name in METADATA_TYPES.values()),
    *MULTIPART,
)
def test_a_report_needs_no_bulkdata_and_no_multipart(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids = [uids_for(partition, name, "1.2.840.10008.5.1.4.1.1.88.11") for name in "abc"]
    *reports, last = (report_of(one) for one in uids)

    files = store(local_stack, post, partition, lambda form: represent(form, reports), *uids[:2])
    files += store(local_stack, post, f"{partition}-2", lambda form: alone(form, last), uids[2])

    for report, file in zip((*reports, last), files, strict=True):
        assert differences(report, file) == []
