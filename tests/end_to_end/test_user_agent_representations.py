"""Metadata with bulkdata from the user agent: the parts on the wire, and what is stored of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from struct import pack

import pytest

from chalicelib.standard.bulkdata_media_types import bulkdata_media_type
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from chalicelib.useragent.transport import HttpTransport
from infra.local.stack import LocalStack
from tests.builders_dicom import PIXEL_DATA, Uids, element, make_file, pad
from tests.end_to_end.test_every_representation import DOCUMENTS, ENCAPSULATED
from tests.end_to_end.test_send_every_representation import (
    METADATA,
    NATIVE,
    Loop,
    coded_syntaxes,
    fragments_of,
    instance_of,
    native_frames,
    one_image,
    stream_of,
)
from tests.end_to_end.wire import client_of, lists, wired
from tests.unit.useragent.fakes import Sent

OCTETS = "application/octet-stream"
IMAGE = (
    *(0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102),
    *(0x00280103, PIXEL_DATA),
)
"""What only an image has."""


@pytest.fixture
def loop(local_stack: LocalStack, partition: str) -> Loop:
    return Loop(local_stack, partition, HttpTransport(local_stack.url))


def on_the_wire(form: str, content: bytes) -> Sent:
    """Return what a server gets of a file."""
    instance = instance_of(content)
    with wired(lists(instance.sop_instance)) as wire:
        [outcome] = client_of(wire.url, encoder=METADATA[form]).store([instance])
    assert outcome.state.is_stored
    return wire.posts[0]


def compressed() -> Iterator[tuple[str, str]]:
    """Yield media type and syntax of the streams of which there is a sample."""
    for uid in coded_syntaxes():
        media_type = TRANSFER_SYNTAXES[uid].media_type
        known = bulkdata_media_type(media_type)
        if known is not None and uid in known.transfer_syntaxes:
            yield media_type, uid


@pytest.mark.parametrize(
    ("form", "media_type", "uid"),
    [
        pytest.param(
            form,
            media_type,
            uid,
            id=f"{uid}-{form}",
            marks=pytest.mark.proves(f"ua-bulkdata:{media_type.lower()}:{uid}:{form}"),
        )
        for media_type, uid in compressed()
        for form in METADATA
    ],
)
def test_a_compressed_stream_is_a_part_of_its_media_type(
    loop: Loop, form: str, media_type: str, uid: str
) -> None:
    content = one_image(loop.partition, uid)

    metadata, bulkdata = on_the_wire(form, content).parts
    [stored] = loop.stored(METADATA[form], content)

    assert metadata.headers.get("Content-Type") == f"application/dicom+{form}"
    assert bulkdata.headers.get("Content-Type") == f"{media_type}; transfer-syntax={uid}"
    assert pad(bytes(bulkdata.body)) == pad(stream_of(uid))
    assert instance_of(stored).transfer_syntax == uid
    assert fragments_of(stored)[0] == [pad(stream_of(uid))]


def encapsulated(media_type: str) -> Callable[[str], bytes]:
    """Return what makes a file of a document type."""

    def make(partition: str) -> bytes:
        number, text = DOCUMENTS[media_type]
        uids = replace(Uids.of(partition, media_type), sop_class=ENCAPSULATED + number)
        file = make_file(uids).with_elements(
            *IMAGE,
            element(0x00420011, "OB", pad(text)),
            element(0x00420012, "LO", pad(media_type.encode(), b" ")),
            element(0x00420015, "UL", pack("<I", len(text))),
        )
        return file.encode()

    return make


CASES: Mapping[str, tuple[Callable[[str], bytes], list[str]]] = {
    f"ua-bulkdata:{OCTETS}:{NATIVE}": (native_frames, [OCTETS]),
    **{f"ua-document:{name}": (encapsulated(name), [name]) for name in DOCUMENTS},
}


@pytest.mark.parametrize(
    ("form", "claim"),
    [
        pytest.param(form, claim, marks=pytest.mark.proves(f"{claim}:{form}"))
        for claim in CASES
        for form in METADATA
    ],
)
def test_values_and_documents_are_parts_of_their_media_type(
    loop: Loop, form: str, claim: str
) -> None:
    make, types = CASES[claim]
    content = make(loop.partition)

    parts = on_the_wire(form, content).parts
    [stored] = loop.stored(METADATA[form], content)

    assert [part.headers.get("Content-Type") for part in parts[1:]] == types
    assert bytes(parts[1].body) in content
    assert bytes(parts[1].body) in stored


@pytest.mark.parametrize(
    "form",
    [pytest.param(form, marks=pytest.mark.proves(f"ua-metadata:{form}")) for form in METADATA],
)
def test_an_instance_without_bulkdata_is_metadata_alone(loop: Loop, form: str) -> None:
    uids = Uids.of(loop.partition, "alone")
    content = make_file(uids).with_elements(*IMAGE)

    [part] = on_the_wire(form, content.encode()).parts
    [stored] = loop.stored(METADATA[form], content.encode())

    assert part.headers.get("Content-Type") == f"application/dicom+{form}"
    assert instance_of(stored).sop_instance == uids.instance
