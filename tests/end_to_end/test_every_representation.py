"""Every kind of bulkdata beside JSON and XML metadata: sent over HTTP, read back, compared.

Metadata leave the Image Pixel Description Macro out wherever the standard lets them (PS3.18 Table
10.5.2-1). What is stored is read with pydicom: fragments are the sample's bytes, attributes are
those that were sent and those that the sample's maker knows. Validation finds no error in it, and
sending it again changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from struct import pack
from zlib import compress, crc32

import pytest
from PIL import Image as Picture
from pydicom import FileDataset, dcmread

from chalicelib.standard.bulkdata_media_types import BULKDATA_MEDIA_TYPES, DOCUMENT_TYPES
from chalicelib.standard.media_types import REQUEST_TYPES, PayloadFamily
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, uid_of
from tests.end_to_end.conftest import Answer, Post
from tests.end_to_end.test_every_transfer_syntax import CODESTREAMS, RLE, SAMPLES, Image
from tests.representations import (
    FORMS,
    METADATA_TYPES,
    REFERENCED,
    SECONDARY_CAPTURE,
    Attribute,
    Attributes,
    Form,
    Message,
    Part,
    Reference,
    alone,
    attributes_of,
    changed,
    differences,
    findings_of,
    fragments_of,
    harmful,
    message,
    metadata_parts,
    pixel_attributes,
    represent,
    stored_bytes,
    stored_file,
    stored_uids,
    values_of,
)

NATIVE = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4."
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
OCTETS = "application/octet-stream"
PIXEL_DATA, MACRO = 0x7FE00010, frozenset(pixel_attributes(1, 1, 3))
IMAGE_CLASSES = {
    1: SECONDARY_CAPTURE,
    8: "1.2.840.10008.5.1.4.1.1.7.2",
    16: "1.2.840.10008.5.1.4.1.1.7.3",
    24: "1.2.840.10008.5.1.4.1.1.7.4",
}
"""Secondary Capture: single frame; multi-frame of 8 and 16 bits and of colour."""
VIDEO_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
ENCAPSULATED = {
    "application/pdf": "1.2.840.10008.5.1.4.1.1.104.1",
    "text/xml": "1.2.840.10008.5.1.4.1.1.104.2",
    "model/stl": "1.2.840.10008.5.1.4.1.1.104.3",
    "model/obj": "1.2.840.10008.5.1.4.1.1.104.4",
    "model/mtl": "1.2.840.10008.5.1.4.1.1.104.5",
}
DOCUMENTS = {
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\ntrailer<<>>\n%%EOF",
    "text/xml": '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Größe</title>'
    "</ClinicalDocument>".encode(),
    "model/stl": bytes(80) + pack("<I", 1) + bytes(50),
    "model/obj": b"mtllib colours.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
    "model/mtl": b"newmtl red\nKd 1 0 0\n",
}

pytestmark = pytest.mark.filterwarnings("error")


# ---------------------------------------------------------------- sending and looking


def send(post: Post, partition: str, sent: Message) -> Answer:
    return post(f"/partitions/{partition}/studies", sent.body, sent.headers)


def store(
    stack: LocalStack, post: Post, partition: str, build: Callable[[Form], Message], *uids: Uids
) -> list[FileDataset]:
    """Store in both forms, let validation judge, send again; return what both have made.

    Success and no error found; JSON and XML make the same bytes, and so does the second sending.
    """
    sent = {f"{partition}-{form}": build(form) for form in FORMS}
    names = [one.instance for one in uids]
    for place, built in sent.items():
        answer = send(post, place, built)
        assert answer.status == 200, answer.body.decode()
        assert values_of(answer.json(), REFERENCED, "00081155") == names
    stack.drain()
    kept = {place: [stored_bytes(stack, place, name) for name in names] for place in sent}
    first, second = kept.values()
    assert first == second
    for place, built in sent.items():
        for one in uids:
            assert harmful(findings_of(stack, place, one)) == []
        again = send(post, place, built)
        assert again.status == 200, again.body.decode()
        assert kept[place] == [stored_bytes(stack, place, name) for name in names]
        assert stored_uids(stack, place) == set(names)
    return [dcmread(BytesIO(content)) for content in first]


def uids_for(partition: str, name: str, sop_class: str = SECONDARY_CAPTURE) -> Uids:
    """UIDs of the test's own, in the partition's one study."""
    return replace(Uids.of(partition, name, study=uid_of(partition)), sop_class=sop_class)


# ---------------------------------------------------------------- codestreams


@dataclass(frozen=True)
class Coded:
    """A codestream as bulkdata of a media type, and the transfer syntax it comes to have.

    ``stated``: the part's transfer-syntax, where streams of several syntaxes look alike.
    ``fragment`` is what is stored, where that is not the part.
    """

    media_type: str
    uid: str
    image: Image
    stated: bool = False
    body: bytes = b""
    fragment: bytes = b""

    @property
    def part(self) -> bytes:
        return self.body or self.image.stream()

    @property
    def kept(self) -> bytes:
        return self.fragment or self.part

    @property
    def header(self) -> str:
        return f"{self.media_type}; transfer-syntax={self.uid}" if self.stated else self.media_type


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


COMPONENTS_MAY_BE_FRAMES = frozenset({JPEG + "92", JPEG + "93"})
NO_STREAM = frozenset({JPEG + "106"})
"""No encoder of Stereo High Profile is to be had."""
STATED = frozenset({JPEG + "92", JPEG + "103", JPEG + "105"})
"""Streams that another syntax holds too: the sender says which it means."""


def coded_rows() -> Iterator[Coded]:
    """Every row and syntax of which there is a codestream."""
    for row in BULKDATA_MEDIA_TYPES:
        for uid in row.transfer_syntaxes:
            if uid == NATIVE or uid in NO_STREAM:
                continue
            image = image_of(uid)
            body = as_part_2(image.stream()) if uid == JPEG + "92" else b""
            kept = out_of_boxes(image.stream()) if uid == JPEG + "112" else b""
            yield Coded(row.display, uid, image, uid in STATED, body, kept)


def is_video(coded: Coded) -> bool:
    return coded.media_type.startswith("video/")


DERIVES = {row.display: row.derives_macro for row in BULKDATA_MEDIA_TYPES}


def every_coded(*, videos: bool) -> list[object]:
    return [
        pytest.param(
            coded,
            id=f"{coded.media_type}-{coded.uid}",
            marks=pytest.mark.proves(
                *(f"bulkdata:{coded.media_type.lower()}:{coded.uid}:{form}" for form in FORMS)
            ),
        )
        for coded in coded_rows()
        if is_video(coded) == videos
    ]


def macro_of(image: Image, frames: int = 0) -> dict[int, Attribute]:
    photometric = image.photometric.decode()
    return pixel_attributes(
        image.rows, image.columns, image.samples, image.bits, photometric, frames
    )


def coded_instance(
    uids: Uids, coded: Coded, frames: int, location: str
) -> tuple[dict[int, Attribute], dict[int, Attribute]]:
    """Metadata for a coded image, and what has to be stored of them."""
    due = attributes_of(uids) | macro_of(coded.image, frames)
    omitted = MACRO - {0x00280008} if DERIVES[coded.media_type] else frozenset()
    metadata = {tag: one for tag, one in due.items() if tag not in omitted}
    metadata[PIXEL_DATA] = ("OB", Reference(location))
    return metadata, due


def class_for(image: Image, frames: int) -> str:
    if frames < 2:
        return IMAGE_CLASSES[1]
    return IMAGE_CLASSES[24 if image.samples == 3 else 8 if image.bits == 8 else 16]


LOSSY = frozenset(JPEG + one for one in ("50", "51", "81", "91", "93", "203", "111", "112"))


@pytest.mark.parametrize("coded", every_coded(videos=False))
def test_coded_images_are_encapsulated_unchanged(
    local_stack: LocalStack, post: Post, partition: str, coded: Coded
) -> None:
    """One frame, and three frames in parts of their own, in one message."""
    counts = (0, 3)
    if coded.image.frames > 1:  # its components are frames: the stream holds them all
        counts = (coded.image.frames,)
    made, bulkdata = [], []
    for frames in counts:
        uids = uids_for(partition, str(frames), class_for(coded.image, frames))
        location = f"bulk/{frames}"
        parts = 1 if len(counts) == 1 else max(frames, 1)
        made.append((uids, frames, parts, *coded_instance(uids, coded, frames, location)))
        bulkdata += [Part(coded.part, coded.header, location)] * parts

    files = store(
        local_stack,
        post,
        partition,
        lambda form: represent(form, [metadata for *_, metadata, _ in made], bulkdata),
        *(uids for uids, *_ in made),
    )

    for (_, _, parts, _, due), file in zip(made, files, strict=True):
        assert file.file_meta.TransferSyntaxUID == coded.uid
        assert differences(due, file) == []
        has_offsets = coded.uid not in COMPONENTS_MAY_BE_FRAMES
        assert_fragments(fragments_of(file), [coded.kept] * parts, has_offsets=has_offsets)
        assert file["PixelData"].VR == "OB"
        assert ("LossyImageCompression" in file) == (coded.uid in LOSSY)


def assert_fragments(
    found: tuple[list[bytes], list[int]], due: Sequence[bytes], *, has_offsets: bool = True
) -> None:
    """One fragment a part, padded to even length, and where each starts."""
    fragments, offsets = found
    assert fragments == [one + b"\0" * (len(one) % 2) for one in due]
    starts = [sum(8 + len(one) for one in fragments[:number]) for number in range(len(fragments))]
    assert offsets == (starts if has_offsets and len(due) > 1 else [])


@pytest.mark.parametrize("coded", every_coded(videos=True))
def test_a_video_is_one_fragment(
    local_stack: LocalStack, post: Post, partition: str, coded: Coded
) -> None:
    uids = uids_for(partition, "video", VIDEO_PHOTOGRAPHIC)
    metadata, due = coded_instance(uids, coded, coded.image.frames, "video")
    timed = {0x00181063: ("DS", "40"), 0x00280009: ("AT", 0x00181063)}

    [file] = store(
        local_stack,
        post,
        partition,
        lambda form: represent(form, [metadata | timed], [Part(coded.part, coded.header, "video")]),
        uids,
    )

    assert file.file_meta.TransferSyntaxUID == coded.uid
    assert differences(due | timed, file) == []
    assert_fragments(fragments_of(file), [coded.kept], has_offsets=False)
    assert file.LossyImageCompression == "01"


def whole(name: str) -> bytes:
    return (SAMPLES / "whole" / name).read_bytes()


MONO16 = Image("", 128, 128, 1, 16, b"MONOCHROME2")
OTHER_STREAMS = {
    "jp2 in boxes": Coded(
        "image/jp2", JPEG + "90", MONO16,
        body=whole("j2k_lossless_mono16.jp2"), fragment=whole("j2k_lossless_mono16.j2k"),
    ),
    "lossless first-order prediction of 16 bits": Coded(
        "image/jpeg", JPEG + "70", MONO16, body=whole("jpeg_lossless_sv1_mono16.jpg")
    ),
    "JPEG-LS of 16 bits": Coded(
        "image/jls", JPEG + "80", MONO16, body=whole("jpegls_lossless_mono16.jls")
    ),
    "an alias of JPEG-LS": Coded(
        "image/x-jls", JPEG + "80", MONO16, body=whole("jpegls_lossless_mono16.jls")
    ),
    "RLE of 16 bits": Coded(
        "image/dicom-rle", RLE_LOSSLESS, MONO16, body=whole("rle_mono16.rle")
    ),
    "an alias in any case": Coded(
        "Image/X-DICOM-RLE", RLE_LOSSLESS, MONO16, body=whole("rle_mono16.rle")
    ),
    "JPEG 2000 with a reversible colour transform": Coded(
        "image/jp2", JPEG + "90",
        Image("codestreams/j2k_lossless_rgb8_rct.j2k", photometric=b"YBR_RCT"),
    ),
    "a lossless stream in the syntax for either": Coded(
        "image/jp2", JPEG + "91", MONO16, stated=True, body=whole("j2k_lossless_mono16.j2k")
    ),
    "JPEG that says it is RGB": Coded(
        "image/jpeg", JPEG + "50", Image("codestreams/jpeg_baseline_rgb.jpg")
    ),
    "JPEG of greys": Coded(
        "image/jpeg", JPEG + "50",
        Image("codestreams/jpeg_baseline_mono8.jpg", 128, 128, 1, 8, b"MONOCHROME2"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_STREAMS)
def test_streams_that_need_a_second_look(
    local_stack: LocalStack, post: Post, partition: str, name: str
) -> None:
    """All metadata are given: what the stream knows agrees with them."""
    coded = OTHER_STREAMS[name]
    uids = uids_for(partition, name)
    due = attributes_of(uids) | macro_of(coded.image)
    metadata = due | {PIXEL_DATA: ("OB", Reference("pixels"))}

    [file] = store(
        local_stack,
        post,
        partition,
        lambda form: represent(form, [metadata], [Part(coded.part, coded.header, "pixels")]),
        uids,
    )

    assert file.file_meta.TransferSyntaxUID == coded.uid
    assert differences(due, file) == []
    assert_fragments(fragments_of(file), [coded.kept])


STREAMS_OF_VIDEO = {
    "elementary": ("video/mpeg", JPEG + "100", whole("mpeg2_es.m2v"), 576, 720, 8),
    "alias": ("video/MPEG2", JPEG + "100", whole("mpeg2_es.m2v"), 576, 720, 8),
}


@pytest.mark.parametrize("name", STREAMS_OF_VIDEO)
def test_a_video_without_container_is_kept_as_it_is(
    local_stack: LocalStack, post: Post, partition: str, name: str
) -> None:
    media_type, uid, stream, rows, columns, bits = STREAMS_OF_VIDEO[name]
    uids = uids_for(partition, name, VIDEO_PHOTOGRAPHIC)
    due = attributes_of(uids) | pixel_attributes(rows, columns, 3, bits, "YBR_PARTIAL_420", 12)
    due |= {0x00181063: ("DS", "40"), 0x00280009: ("AT", 0x00181063)}
    metadata = due | {PIXEL_DATA: ("OB", Reference("v"))}

    [file] = store(
        local_stack,
        post,
        partition,
        lambda form: represent(form, [metadata], [Part(stream, media_type, "v")]),
        uids,
    )

    assert file.file_meta.TransferSyntaxUID == uid
    assert differences(due, file) == []
    assert_fragments(fragments_of(file), [stream], has_offsets=False)


# ---------------------------------------------------------------- which part is which frame

LABELS = {
    "one location": lambda number: "frames",
    "frames": lambda number: f"frames/frames/{number}",
    "number": lambda number: f"frames/{number}",
    "fragment": lambda number: f"frames#frame={number}",
}


@pytest.mark.parametrize("label", LABELS)
def test_frames_are_labelled_in_any_of_four_ways(
    local_stack: LocalStack, post: Post, partition: str, label: str
) -> None:
    """Numbers decide where there are any, else the order in the body."""
    uids = uids_for(partition, label, IMAGE_CLASSES[8])
    streams = [jpeg_of(shade) for shade in (10, 90, 200)]
    parts = [
        Part(stream, "image/jpeg", LABELS[label](number))
        for number, stream in enumerate(streams, 1)
    ]
    if label != "one location":
        parts.reverse()
    metadata = attributes_of(uids) | {
        0x00280008: ("IS", 3),
        PIXEL_DATA: ("OB", Reference("frames")),
    }

    [file] = store(
        local_stack, post, partition, lambda form: represent(form, [metadata], parts), uids
    )

    fragments, _ = fragments_of(file)
    assert fragments == [stream + b"\0" * (len(stream) % 2) for stream in streams]


def jpeg_of(shade: int) -> bytes:
    return encoded(Picture.new("L", (16, 8), shade), "JPEG")


UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
NAMES = {
    "relative": ("pixels/1", "pixels/1"),
    "relative and absolute path": ("./x/../pixels/1", "pixels/1"),
    "absolute": ("https://elsewhere.invalid/bulk/1", "https://elsewhere.invalid/bulk/1"),
    "percent-encoded": ("a%7eb%C3%a4", "a~b%C3%A4"),
    "not ASCII": ("größe", "größe"),
    "uuid": (UUID, f"urn:uuid:{UUID.upper()}"),
    "urn": (f"urn:uuid:{UUID}", UUID),
    "opaque": ("cid:pixel@data", "cid:pixel@data"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_means_the_part_of_an_equal_location(
    local_stack: LocalStack, post: Post, partition: str, name: str
) -> None:
    reference, location = NAMES[name]
    uids = uids_for(partition, name)
    by = "uuid" if name == "uuid" else "uri"
    metadata = native_image(uids, Reference(reference, by))  # type: ignore[arg-type]

    [file] = store(
        local_stack,
        post,
        partition,
        lambda form: represent(form, [metadata], [Part(PIXELS, OCTETS, location)]),
        uids,
    )

    assert file.PixelData == PIXELS


def test_bulkdata_may_come_before_their_metadata(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    first, second = (uids_for(partition, name) for name in "ab")
    instances = [native_image(one, Reference(one.instance)) for one in (first, second)]
    bulkdata = [Part(PIXELS[::-1], OCTETS, second.instance), Part(PIXELS, OCTETS, first.instance)]

    def build(form: Form) -> Message:
        documents = metadata_parts(form, instances)
        return message(*bulkdata, *documents, root_type=METADATA_TYPES[form])

    files = store(local_stack, post, partition, build, first, second)

    assert [file.PixelData for file in files] == [PIXELS, PIXELS[::-1]]


@pytest.mark.parametrize(
    "root_type",
    [
        pytest.param(
            row.media_type,
            marks=pytest.mark.proves(f"request:{row.text}"),
        )
        for row in REQUEST_TYPES
        if row.family is PayloadFamily.METADATA
        and row.multipart
        and row.media_type not in METADATA_TYPES.values()
    ],
)
def test_a_message_may_be_named_after_its_bulkdata(
    local_stack: LocalStack, post: Post, partition: str, root_type: str
) -> None:
    """Its first part is metadata, or `start` names them (RFC 2387 3.2)."""
    first, second = (uids_for(partition, name) for name in "ab")
    [document] = metadata_parts("json", [native_image(first, Reference("p"))])
    pixels = Part(PIXELS, OCTETS, "p")
    led = message(document, pixels, root_type=root_type)
    [document] = metadata_parts("xml", [native_image(second, Reference("p"))])
    named = replace(document, more=(("Content-ID", "<root@here>"),))
    started = message(pixels, named, root_type=root_type, more='; start="<root@here>"')

    answers = [send(post, partition, one) for one in (led, started)]

    assert [answer.status for answer in answers] == [200, 200]
    for one in (first, second):
        assert stored_file(local_stack, partition, one.instance).PixelData == PIXELS


# ---------------------------------------------------------------- native pixel data

PIXELS = bytes(range(32))
"""4 rows of 8 pixels."""


def native_image(uids: Uids, reference: Reference) -> dict[int, Attribute]:
    return attributes_of(uids) | pixel_attributes(4, 8) | {PIXEL_DATA: ("OB", reference)}


@dataclass(frozen=True)
class Native:
    """Native pixel data and their description."""

    name: str
    content: bytes
    description: Attributes
    sop_class: str = SECONDARY_CAPTURE
    vr: str = "OW"


NATIVES = (
    Native("8 bits", PIXELS, pixel_attributes(4, 8)),
    Native("8 bits, odd", PIXELS[:15], pixel_attributes(3, 5), vr="OB"),
    Native("16 bits", whole("raw_mono16le.bin"), pixel_attributes(128, 128, 1, 16)),
    Native("12 of 16 bits", PIXELS, pixel_attributes(2, 8, 1, 12)),
    Native("colour", whole("raw_rgb8.bin"), pixel_attributes(100, 100, 3, 8, "RGB")),
    Native(
        "frames of 16 bits",
        whole("raw_mono16le.bin") * 3,
        pixel_attributes(128, 128, 1, 16, frames=3),
        IMAGE_CLASSES[16],
    ),
    Native(
        "frames of 1 bit, not aligned",
        bytes.fromhex("d5aa9f"),
        pixel_attributes(3, 3, 1, 1, frames=2) | {0x00620001: ("CS", "BINARY")},
        "1.2.840.10008.5.1.4.1.1.66.4",
        "OB",
    ),
)


@pytest.mark.proves(
    *(f"bulkdata:{OCTETS}:{NATIVE}:{form}" for form in FORMS),
    *(f'request:multipart/related; type="{name}"' for name in METADATA_TYPES.values()),
)
@pytest.mark.parametrize("native", NATIVES, ids=lambda native: native.name)
def test_octets_are_native_pixel_data(
    local_stack: LocalStack, post: Post, partition: str, native: Native
) -> None:
    uids = uids_for(partition, native.name, native.sop_class)
    due = attributes_of(uids) | native.description
    metadata = due | {PIXEL_DATA: (native.vr, Reference("pixels"))}
    pixels = Part(native.content, OCTETS, "pixels")

    [file] = store(
        local_stack, post, partition, lambda form: represent(form, [metadata], [pixels]), uids
    )

    assert file.file_meta.TransferSyntaxUID == NATIVE
    assert differences(due, file) == []
    assert native.vr == file["PixelData"].VR
    assert file.PixelData == native.content + b"\0" * (len(native.content) % 2)


def test_pixel_data_may_be_in_the_metadata(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids = uids_for(partition, "inline")
    due = attributes_of(uids) | pixel_attributes(4, 8) | {PIXEL_DATA: ("OB", PIXELS)}

    [file] = store(local_stack, post, partition, lambda form: alone(form, due), uids)

    assert differences(due, file) == []


# ---------------------------------------------------------------- other values

VALUES: dict[str, tuple[int, bytes]] = {
    "OB": (0x00282000, b"\1\2\3"),
    "OW": (0x00281201, pack("<4H", 0, 1, 2, 65535)),
    "OF": (0x7FE00008, pack("<2f", 1.5, -2.25)),
    "OD": (0x7FE00009, pack("<2d", 1.5, -2.25)),
    "OL": (0x00660129, pack("<2I", 1, 2**32 - 1)),
    "OV": (0x7FE00001, pack("<2Q", 1, 2**64 - 1)),
    "UT": (0x00187011, "Größe \\ 漢字".encode()),
    "UC": (0x00189917, b"eins\\zwei"),
    "LT": (0x00204000, b"ein Text\r\nin Zeilen"),
    "FD": (0x00189089, pack("<3d", 0.25, -1e300, 5e-324)),
    "UL": (0x00720078, pack("<2I", 7, 2**32 - 1)),
    "US": (0x00720078 + 2, pack("<2H", 7, 65535)),
    "DS": (0x00181063, b"40.0"),
}


def test_octets_are_the_value_of_any_vr_that_may_be_long(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    """At the top, in an item inside an item, private and public; several refer to one part."""
    uids = uids_for(partition, "values", "1.2.840.10008.5.1.4.1.1.66")
    of_values = {
        tag: (vr, Reference(f"v/{vr}")) for vr, (tag, _) in VALUES.items() if tag >> 16 != 0x7FE0
    }
    private: dict[int, Attribute] = {
        0x00290010: ("LO", "ACME 1.1"),
        0x00290011: ("LO", "ACME 2"),
        0x00291001: ("OF", Reference("v/OF")),
        0x00291002: ("OD", Reference("v/OD")),
        0x00291003: ("OV", Reference("v/OV")),
        0x00291101: ("UN", Reference("v/OB")),
        0x00291102: ("SQ", {0x00290010: ("LO", "ACME 2"), 0x00291001: ("SL", -7)}),
    }
    inner = {0x00081111: ("SQ", of_values | private, {})}
    metadata = attributes_of(uids) | of_values | private | {0x00081140: ("SQ", inner)}
    bulkdata = [Part(content, OCTETS, f"v/{vr}") for vr, (_, content) in VALUES.items()]

    [file] = store(
        local_stack, post, partition, lambda form: represent(form, [metadata], bulkdata), uids
    )

    for dataset in (file, file[0x00081140].value[0][0x00081111].value[0]):
        for tag, (vr, _) in of_values.items():
            content = VALUES[vr][1]
            assert dataset.get_item(tag).value.rstrip(b" \0") == content.rstrip(b" \0"), vr
        for tag, vr in ((0x00291001, "OF"), (0x00291002, "OD"), (0x00291003, "OV")):
            assert vr == dataset[tag].VR
            assert dataset[tag].value == VALUES[vr][1]
        assert bytes(dataset[0x00291101].value).rstrip(b"\0") == VALUES["OB"][1]
        assert dataset[0x00290010].value == "ACME 1.1"
    assert differences(metadata, file) == []


def test_all_kinds_of_values_arrive(local_stack: LocalStack, post: Post, partition: str) -> None:
    uids = uids_for(partition, "kinds", "1.2.840.10008.5.1.4.1.1.66")
    metadata = attributes_of(
        uids,
        t00081030=("LO", "Thorax é — 胸部"),
        t00080061=("CS", "CT", "MR"),
        t00081048=("PN", "Wang^XiaoDong=王^小东", None, "Buc^Jérôme"),
        t00080082=("SQ",),
        t00081110=("SQ", {}, {0x00081155: ("UI", "1.2.3"), 0x00081150: ("UI", "1.2.4")}),
        t00101010=("AS", "042Y"),
        t00101030=("DS", "72.5"),
        t00102180=("SH", ""),
        t00189089=("FD", 0.1, -0.0, 1e-300),
        t00189301=("FL", 0.5),
        t00280009=("AT", 0x00181063, 0x0018106C),
        t00281056=("CS", "LINEAR"),
        t00283002=("US", 256, 0, 16),
        t00081190=("UR", "http://example.invalid/a?b=c"),
        t00340007=("OB", b"\0\1"),
        t00720082=("SV", -(2**63), 2**63 - 1),
        t00720083=("UV", 2**64 - 1),
        t0040A30A=("DS", "1.5", None, "-2"),
    )
    del metadata[0x00102180]
    sent = metadata | {0x00102180: ("SH",)}

    [file] = store(local_stack, post, partition, lambda form: alone(form, sent), uids)

    assert differences(sent, file) == []


# ---------------------------------------------------------------- documents and no bulkdata


@pytest.mark.parametrize(
    "media_type",
    [
        pytest.param(
            row.media_type,
            marks=pytest.mark.proves(*(f"document:{row.media_type}:{form}" for form in FORMS)),
        )
        for row in DOCUMENT_TYPES
    ],
)
def test_a_document_comes_in_its_own_type(
    local_stack: LocalStack, post: Post, partition: str, media_type: str
) -> None:
    content = DOCUMENTS[media_type]
    uids = uids_for(partition, media_type, ENCAPSULATED[media_type])
    due = attributes_of(
        uids,
        t00420010=("ST", "Title"),
        t00420012=("LO", media_type),
        t00420015=("UL", len(content)),
    )
    metadata = changed(due, t00420015=(), t00420011=("OB", Reference("document")))

    [file] = store(
        local_stack,
        post,
        partition,
        lambda form: represent(form, [metadata], [Part(content, media_type, "document")]),
        uids,
    )

    assert differences(due, file) == []
    assert file.EncapsulatedDocument == content + b"\0" * (len(content) % 2)
    assert file.file_meta.TransferSyntaxUID == NATIVE


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
    *(f"metadata:{form}" for form in FORMS),
    *(f"request:{name}" for name in METADATA_TYPES.values()),
    *(f'request:multipart/related; type="{name}"' for name in METADATA_TYPES.values()),
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


# ---------------------------------------------------------------- GIF and PNG


def encoded(picture: Picture.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    picture.save(target, kind, **options)  # type: ignore[arg-type]
    return target.getvalue()


def png(
    columns: int, rows: int, bits: int, colour: int, lines: bytes, interlaced: int = 0
) -> bytes:
    """A PNG by its chunks (PNG 11.2): no library writes all kinds."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))

    header = pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, interlaced)
    chunks = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", compress(lines)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def lines_of(content: bytes, length: int) -> bytes:
    """Rows without a filter (PNG 9.2)."""
    return b"".join(
        b"\0" + content[start : start + length] for start in range(0, len(content), length)
    )


GREYS = bytes(range(0, 256, 8))
"""4 rows of 8 pixels."""
COLOURS = bytes(value for grey in GREYS for value in (grey, 255 - grey, 7))
ADAM7 = (
    b"".join(
        b"\0" + bytes(GREYS[row * 8 + column] for column in range(left, 8, right))
        for top, down, left, right in (
            (0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4),
            (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1),
        )
        for row in range(top, 4, down)
    )
)  # fmt: skip


def of_levels(bits: int) -> tuple[bytes, bytes]:
    """A PNG of few levels, 4 rows of 8 pixels, and its pixels spread over 8 bits."""
    most = (1 << bits) - 1
    levels = [number & most for number in range(32)]
    packed = bytes(
        int("".join(f"{one:0{bits}b}" for one in levels[start : start + 8 // bits]), 2)
        for start in range(0, 32, 8 // bits)
    )
    return (
        png(8, 4, bits, 0, lines_of(packed, bits)),
        bytes(level * 255 // most for level in levels),
    )


@dataclass(frozen=True)
class Drawn:
    """A picture, and the pixels it has to become."""

    media_type: str
    content: bytes
    pixels: bytes
    samples: int = 1
    bits: int = 8
    frames: int = 0


def with_palette(pixels: bytes) -> Picture.Image:
    picture = Picture.frombytes("P", (8, 4), bytes(range(32)))
    picture.putpalette(pixels)
    return picture


def animated() -> tuple[bytes, bytes]:
    """Three frames of which the later ones change a corner only, and all their pixels."""
    frames = []
    canvas = bytearray(COLOURS)
    for number in range(3):
        canvas[3 * number : 3 * number + 3] = b"\xff\x00\x00"
        frames.append(bytes(canvas))
    first, *others = (with_colours(frame) for frame in frames)
    content = encoded(first, "GIF", save_all=True, append_images=others, duration=40, loop=0)
    return content, b"".join(frames)


def with_colours(pixels: bytes) -> Picture.Image:
    """A picture with a palette of the colours it has."""
    colours = sorted({pixels[start : start + 3] for start in range(0, len(pixels), 3)})
    picture = Picture.new("P", (8, 4))
    picture.putpalette(b"".join(colours))
    picture.putdata(
        [colours.index(pixels[start : start + 3]) for start in range(0, len(pixels), 3)]
    )
    return picture


WIDE = b"".join(pack(">H", number * 2047) for number in range(32))
RGB_PICTURE = Picture.frombytes("RGB", (8, 4), COLOURS)
ALPHA = Picture.frombytes("L", (8, 4), GREYS)
OPAQUE_GREYS = Picture.frombytes("L", (8, 4), GREYS)


def drawn_with_alpha(picture: Picture.Image) -> bytes:
    copy = picture.copy()
    copy.putalpha(ALPHA)
    return encoded(copy, "PNG")


PICTURES = {
    "png of 1 bit": Drawn("image/png", *of_levels(1)),
    "png of 2 bits": Drawn("image/png", *of_levels(2)),
    "png of 4 bits": Drawn("image/png", *of_levels(4)),
    "png of 8 bits": Drawn("image/png", png(8, 4, 8, 0, lines_of(GREYS, 8)), GREYS),
    "png of 16 bits": Drawn(
        "image/png",
        png(8, 4, 16, 0, lines_of(WIDE, 16)),
        b"".join(WIDE[at + 1 : at + 2] + WIDE[at : at + 1] for at in range(0, 64, 2)),
        bits=16,
    ),
    "png of colour": Drawn("image/png", encoded(RGB_PICTURE, "PNG"), COLOURS, 3),
    "png with a palette": Drawn("image/png", encoded(with_palette(COLOURS), "PNG"), COLOURS, 3),
    "png with alpha": Drawn("image/png", drawn_with_alpha(RGB_PICTURE), COLOURS, 3),
    "png of greys with alpha": Drawn("image/png", drawn_with_alpha(OPAQUE_GREYS), GREYS),
    "png interlaced": Drawn("image/png", png(8, 4, 8, 0, ADAM7, 1), GREYS),
    "gif with a palette": Drawn("image/gif", encoded(with_palette(COLOURS), "GIF"), COLOURS, 3),
    "gif animated": Drawn("image/gif", *animated(), 3, frames=3),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.proves(
                *(f"bulkdata:{drawn.media_type}:{NATIVE}:{form}" for form in FORMS)
            ),
        )
        for name, drawn in PICTURES.items()
    ],
)
def test_gif_and_png_become_native_pixels(
    local_stack: LocalStack, post: Post, partition: str, name: str
) -> None:
    drawn = PICTURES[name]
    uids = uids_for(partition, name, IMAGE_CLASSES[24 if drawn.frames else 1])
    photometric = "RGB" if drawn.samples == 3 else "MONOCHROME2"
    due = attributes_of(uids) | pixel_attributes(
        4, 8, drawn.samples, drawn.bits, photometric, drawn.frames
    )
    timed: Attributes = (
        {0x00181063: ("DS", "40"), 0x00280009: ("AT", 0x00181063)} if drawn.frames else {}
    )
    omitted = MACRO - {0x00280008}
    metadata = {tag: one for tag, one in due.items() if tag not in omitted} | {
        **timed,
        PIXEL_DATA: ("OW", Reference("picture")),
    }

    [file] = store(
        local_stack,
        post,
        partition,
        lambda form: represent(
            form, [metadata], [Part(drawn.content, drawn.media_type, "picture")]
        ),
        uids,
    )

    assert file.file_meta.TransferSyntaxUID == NATIVE
    assert differences(due, file) == []
    assert file.PixelData == drawn.pixels
