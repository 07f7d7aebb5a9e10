"""How metadata and bulkdata find each other, and the values that bulkdata may be."""

from dataclasses import replace
from io import BytesIO
from struct import pack

import pytest
from PIL import Image as Picture

from chalicelib.standard.media_types import REQUEST_TYPES, PayloadFamily
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids
from tests.coded import MULTI_FRAME, PIXEL_DATA
from tests.end_to_end.conftest import Post
from tests.made import Made, send, store, store_all, uids_for
from tests.read_back import differences, stored_file
from tests.representations import (
    METADATA_TYPES,
    Attribute,
    Form,
    Message,
    Part,
    Reference,
    alone,
    attributes_of,
    message,
    metadata_parts,
    pixel_attributes,
    represent,
)

OCTETS = "application/octet-stream"
RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
PIXELS = bytes(range(32))
"""4 rows of 8 pixels."""


def native_image(uids: Uids, reference: Reference) -> dict[int, Attribute]:
    return attributes_of(uids) | pixel_attributes(4, 8) | {PIXEL_DATA: ("OB", reference)}


# ---------------------------------------------------------------- which part is which frame


def jpeg_of(shade: int) -> bytes:
    target = BytesIO()
    Picture.new("L", (16, 8), shade).save(target, "JPEG")
    return target.getvalue()


UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
LABELS = {
    "one location": ("a", "a"),
    "frames": ("b", "b/frames/{}"),
    "number": ("c", "c/{}"),
    "fragment": ("d", "d#frame={}"),
    "a name that ends in frames": ("e/frames", "e/frames/{}"),
    "uuid": (UUID, f"urn:uuid:{UUID.upper()}/frames/{{}}"),
}


def test_frames_are_labelled_in_several_ways(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    """Numbers decide where there are any, else the order in the body."""
    streams = [jpeg_of(shade) for shade in (10, 90, 200)]
    made = []
    for name, (reference, location) in LABELS.items():
        uids = uids_for(partition, name, MULTI_FRAME[8])
        due = attributes_of(uids) | {0x00280008: ("IS", 3)}
        by = "uuid" if name == "uuid" else "uri"
        metadata = due | {PIXEL_DATA: ("OB", Reference(in_form(reference, by), by))}
        parts = [
            Part(stream, "image/jpeg", location.format(number))
            for number, stream in enumerate(streams, 1)
        ]
        if "{}" in location:
            parts.reverse()
        made.append(
            Made(name, uids, metadata, due, parts, streams, syntax="1.2.840.10008.1.2.4.50")
        )

    store_all(local_stack, post, partition, made)


def in_form(reference: str, by: str) -> str:
    """JSON has no attribute for a UUID: there it is a URN."""
    return f"urn:uuid:{reference}" if by == "uuid" else reference


OTHER_UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
NAMES = {
    "relative": ("pixels/a", "pixels/a"),
    "with dots": ("./x/../pixels/b", "pixels/b"),
    "absolute": ("https://elsewhere.invalid/bulk/1", "https://elsewhere.invalid/bulk/1"),
    "percent-encoded": ("a%7eb%C3%a4", "a~b%C3%A4"),
    "not ASCII": ("größe", "größe"),
    "uuid": (UUID, f"urn:uuid:{UUID.upper()}"),
    "urn": (f"urn:uuid:{OTHER_UUID}", OTHER_UUID),
    "opaque": ("cid:pixel@data", "cid:pixel@data"),
}


def test_a_reference_means_the_part_of_an_equal_location(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    made = []
    for number, (name, (reference, location)) in enumerate(NAMES.items()):
        uids = uids_for(partition, name)
        content = bytes([number]) * 32
        metadata = native_image(uids, Reference(reference, "uuid" if name == "uuid" else "uri"))
        due = attributes_of(uids)
        made.append(Made(name, uids, metadata, due, [Part(content, OCTETS, location)], [content]))

    store_all(local_stack, post, partition, made)


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
        pytest.param(row.media_type, marks=pytest.mark.proves(f"request:{row.text}"))
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
    uids = uids_for(partition, "values", RAW_DATA)
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
    uids = uids_for(partition, "kinds", RAW_DATA)
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
