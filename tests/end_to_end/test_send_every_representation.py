"""User agent and origin server on one wire: every representation of every transfer syntax.

What is stored is what was sent: the same file, or the same data set and the same fragments where
the file has to be built anew of metadata and bulkdata. Codestreams are real ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import accumulate
from struct import pack

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_fragments, parse_basic_offsets

from chalicelib.dicomweb import byte_source
from chalicelib.dicomweb.content import differing_tags
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.standard.codestream_syntaxes import MULTI_COMPONENT, VIDEO, plain_video_syntax
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance, Encoding
from chalicelib.useragent.client import Destination, StoreClient
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.headers import read_identity
from chalicelib.useragent.model import Cause, Instance, Outcome, State
from chalicelib.useragent.payloads import DicomEncoder, Encoder, WireOptions
from chalicelib.useragent.representations import JsonEncoder, XmlEncoder
from chalicelib.useragent.sources import MemorySource
from chalicelib.useragent.transport import HttpTransport
from infra.local.stack import LocalStack
from tests.builders_dicom import (
    PIXEL_DATA,
    TRANSFER_SYNTAX_UID,
    UNDEFINED,
    Uids,
    element,
    fragments,
    item,
    make_file,
    pad,
    sequence,
)
from tests.end_to_end.test_every_transfer_syntax import (
    CODESTREAMS,
    RLE,
    Image,
    cut,
    describe,
    raw_pixels,
)

JPEG = "1.2.840.10008.1.2.4."
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
NATIVE = "1.2.840.10008.1.2.1"
ENCAPSULATED_NATIVE = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
STEREO = frozenset({f"{JPEG}106", f"{JPEG}106.1"})
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MULTI_FRAME_TRUE_COLOR = "1.2.840.10008.5.1.4.1.1.7.4"
VIDEO_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"

RAW_IMAGE = Image("", 128, 128, 1, 8, b"MONOCHROME2")

SYNTAXES = tuple(
    uid for uid, row in TRANSFER_SYNTAXES.items() if row.acceptance is not Acceptance.REFUSED
)
TIMED = (element(0x00181063, "DS", b"40"), element(0x00280009, "AT", pack("<HH", 0x18, 0x1063)))
"""Frame Time of a video, which the origin server would put in otherwise."""
METADATA: Mapping[str, Encoder] = {"json": JsonEncoder(), "xml": XmlEncoder()}

SPECIFIC_CHARACTER_SET, ORIGINAL_ATTRIBUTES = 0x00080005, 0x04000561
LOSSY = frozenset({0x00282110, 0x00282112, 0x00282114})
BUILT_ANEW = frozenset({SPECIFIC_CHARACTER_SET, ORIGINAL_ATTRIBUTES})
"""What an instance built of metadata has of its builder."""


def instance_of(content: bytes) -> Instance:
    """Return a file as the user agent knows it."""
    found = read_identity(byte_source.MemorySource(content))
    return Instance(
        found.sop_class,
        found.sop_instance,
        found.study,
        found.series,
        found.transfer_syntax,
        MemorySource("a file", content),
    )


@dataclass(frozen=True)
class Loop:
    """From the user agent to the origin server and back out of its bucket."""

    stack: LocalStack
    partition: str
    transport: HttpTransport

    def store(self, encoder: Encoder, *files: bytes) -> list[Outcome]:
        """Send files in one request; return what became of them."""
        place = Destination(f"{self.stack.url}/partitions/{self.partition}")
        client = StoreClient(place, Exchange(self.transport), encoder=encoder)
        return client.store([instance_of(one) for one in files])

    def stored(self, encoder: Encoder, *files: bytes) -> list[bytes]:
        """Send files in one request, all of which are stored; return what is stored of each."""
        outcomes = self.store(encoder, *files)
        assert [(one.state.is_stored, one.cause) for one in outcomes] == [
            (True, Cause.LISTED)
        ] * len(files), outcomes
        return [self.read(one.instance.sop_instance) for one in outcomes]

    def read(self, uid: str) -> bytes:
        """Return what is stored of an instance."""
        key = f"{self.partition}/instances/{uid}.dcm"
        found = self.stack.clients.s3.get_object(Bucket=self.stack.bucket, Key=key)
        content: bytes = found["Body"].read()
        return content


@pytest.fixture
def loop(local_stack: LocalStack, partition: str) -> Loop:
    return Loop(local_stack, partition, HttpTransport(local_stack.url))


def differing(sent: bytes, stored: bytes) -> set[int]:
    """Return the tags in which two files differ, padding and File Meta Information apart."""
    one, other = byte_source.MemorySource(sent), byte_source.MemorySource(stored)
    return set(differing_tags(one, read_file_meta(one), other, read_file_meta(other)))


def fragments_of(content: bytes) -> tuple[list[bytes], list[int]]:
    """Return the fragments of a file's pixel data and the Basic Offset Table, as pydicom does."""
    value = dcmread(BytesIO(content)).PixelData
    table = 8 + int.from_bytes(value[4:8], "little")
    return list(generate_fragments(value[table:])), parse_basic_offsets(value)


# ---------------------------------------------------------------- files


def image_of(syntax: str) -> Image:
    """Return the sample of a transfer syntax that has codestreams."""
    if syntax == RLE_LOSSLESS:
        return RLE
    image = CODESTREAMS[plain_video_syntax(syntax).removeprefix(JPEG)]
    return replace(image, bits=10) if syntax == f"{JPEG}108" else image


def stream_of(syntax: str) -> bytes:
    """Return the sample's codestream; JPEG XL without the boxes that DICOM does not keep."""
    stream = image_of(syntax).stream()
    return stream[stream.index(b"jxlc\xff\x0a") + 4 :] if syntax == f"{JPEG}112" else stream


def uids_for(partition: str, name: str, sop_class: str) -> Uids:
    return replace(Uids.of(partition, name, study="2.25.4711"), sop_class=sop_class)


def one_image(partition: str, syntax: str) -> bytes:
    """Return a file whose pixel data are the sample of a transfer syntax."""
    uids = uids_for(partition, "one", VIDEO_PHOTOGRAPHIC if syntax in VIDEO else SECONDARY_CAPTURE)
    encoding = TRANSFER_SYNTAXES[syntax].encoding
    pixels, image = raw_pixels(syntax), RAW_IMAGE
    if pixels is None:
        image = image_of(syntax)
        pieces = 3 if syntax != plain_video_syntax(syntax) else 1
        pixels = fragments(*cut(stream_of(syntax), pieces))
    file = make_file(uids, encoding=encoding, transfer_syntax=syntax, pixels=pixels)
    timed = TIMED if syntax in VIDEO else ()
    return file.with_elements(*describe(image, encoding), *timed).encode()


def frames(partition: str, name: str, syntax: str, pieces: Sequence[bytes], *starts: int) -> bytes:
    """Return three frames in these fragments; ``starts`` make the Basic Offset Table."""
    uids = uids_for(partition, name, MULTI_FRAME_TRUE_COLOR)
    table = b"".join(pack("<I", start) for start in starts)
    pixels = fragments(*pieces, offset_table=table)
    image = replace(image_of(syntax), frames=3)
    file = make_file(uids, transfer_syntax=syntax, pixels=pixels)
    return file.with_elements(*describe(image, Encoding.EXPLICIT_LITTLE)).encode()


def offsets_of(pieces: Sequence[bytes]) -> list[int]:
    """Return where items begin, from the first on."""
    return list(accumulate((8 + len(one) for one in pieces), initial=0))[:-1]


def report(partition: str) -> bytes:
    """Return an SR document with nested content, private elements and every kind of text."""
    uids = uids_for(partition, "report", BASIC_TEXT_SR)
    code = b"".join(
        element(tag, "SH" if tag != 0x00080104 else "LO", pad(text, b" "))
        for tag, text in ((0x00080100, b"121071"), (0x00080102, b"DCM"), (0x00080104, b"Finding"))
    )
    text = (
        element(0x0040A010, "CS", b"CONTAINS")
        + element(0x0040A040, "CS", b"TEXT")
        + sequence(0x0040A043, item(code))
        + element(0x0040A160, "UT", pad("Größe 5 µm; <b>&amp;</b>\r\nzweite Zeile".encode(), b" "))
    )
    inner = (
        element(0x0040A010, "CS", b"CONTAINS")
        + element(0x0040A040, "CS", pad(b"CONTAINER", b" "))
        + sequence(0x0040A730, item(text, length=UNDEFINED), length=UNDEFINED)
    )
    file = make_file(uids).with_elements(
        *(0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102),
        *(0x00280103, PIXEL_DATA),
        element(SPECIFIC_CHARACTER_SET, "CS", b"ISO_IR 192"),
        element(0x00080060, "CS", b"SR"),
        element(0x00081111, "SQ"),
        element(0x00090010, "LO", pad(b"STOWAGE TESTS", b" ")),
        element(0x00091001, "LO", pad(b"private", b" ")),
        element(0x00091002, "OB", bytes(range(256)) * 8),
        element(0x00091003, "FD", pack("<3d", 0.1, -1e300, 5e-324)),
        element(0x0040A040, "CS", pad(b"CONTAINER", b" ")),
        sequence(0x0040A730, item(inner) + item(text)),
    )
    return file.encode()


def document(partition: str) -> bytes:
    """Return an Encapsulated PDF of odd length."""
    pdf = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 64 + b"\n%%EOF"
    assert len(pdf) % 2
    file = make_file(uids_for(partition, "document", ENCAPSULATED_PDF)).with_elements(
        *(0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102),
        *(0x00280103, PIXEL_DATA),
        element(0x00420010, "ST", pad(b"Report", b" ")),
        element(0x00420011, "OB", pad(pdf)),
        element(0x00420012, "LO", pad(b"application/pdf", b" ")),
        element(0x00420015, "UL", pack("<I", len(pdf))),
    )
    return file.encode()


def native_frames(partition: str) -> bytes:
    """Return three uncompressed frames of 16 bits, longer than one read."""
    image = Image("", 256, 256, 1, 16, b"MONOCHROME2", 3)
    pixels = element(PIXEL_DATA, "OW", bytes(range(256)) * 2 * 256 * 3)
    file = make_file(uids_for(partition, "native", "1.2.840.10008.5.1.4.1.1.7.3"), pixels=pixels)
    return file.with_elements(*describe(image, Encoding.EXPLICIT_LITTLE)).encode()


def icon(partition: str) -> bytes:
    """Return a native image with an icon whose pixels are bulkdata too."""
    described = describe(Image("", 64, 64, 1, 8, b"MONOCHROME2"), Encoding.EXPLICIT_LITTLE)
    by_tag = sorted(described, key=lambda one: one[2:4][::-1])
    small = b"".join(by_tag) + element(PIXEL_DATA, "OW", bytes(range(256)) * 16)
    file = make_file(uids_for(partition, "icon", "1.2.840.10008.5.1.4.1.1.2"))
    return file.with_elements(sequence(0x00880200, item(small))).encode()


OTHERS: Mapping[str, Callable[[str], bytes]] = {
    "report": report,
    "document": document,
    "native frames": native_frames,
    "icon": icon,
}


# ---------------------------------------------------------------- as PS3.10 files


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_is_stored_as_it_was(loop: Loop, syntax: str) -> None:
    sent = one_image(loop.partition, syntax)

    [stored] = loop.stored(DicomEncoder(names_syntax=True), sent)

    if TRANSFER_SYNTAXES[syntax].encoding in (Encoding.IMPLICIT_LITTLE, Encoding.EXPLICIT_BIG):
        assert instance_of(stored).transfer_syntax == NATIVE
        assert differing(sent, stored) == set()
    else:
        assert stored == sent


@pytest.mark.parametrize("wire", [WireOptions(), WireOptions(is_gzipped=True, is_chunked=True)])
def test_files_of_all_kinds_travel_together(loop: Loop, wire: WireOptions) -> None:
    sent = [make(loop.partition) for make in OTHERS.values()]
    assert loop.stored(DicomEncoder(wire), *sent) == sent


# ---------------------------------------------------------------- as metadata with bulkdata


def coded_syntaxes() -> list[str]:
    """Return the syntaxes with codestreams that bulkdata can have."""
    without = {ENCAPSULATED_NATIVE, DEFLATED_FRAMES, *STEREO}
    return [uid for uid in SYNTAXES if TRANSFER_SYNTAXES[uid].encapsulated and uid not in without]


@pytest.mark.parametrize("form", METADATA)
@pytest.mark.parametrize("syntax", coded_syntaxes())
def test_an_image_is_built_again_with_the_same_stream(loop: Loop, form: str, syntax: str) -> None:
    sent = one_image(loop.partition, syntax)

    [stored] = loop.stored(METADATA[form], sent)

    # A video in one part is one fragment, and its syntax that of unfragmented ones.
    kept = plain_video_syntax(syntax) if syntax in VIDEO else syntax
    assert instance_of(stored).transfer_syntax == kept
    stream = stream_of(syntax)
    assert fragments_of(stored)[0] == [pad(stream)]
    changed = {PIXEL_DATA, TRANSFER_SYNTAX_UID} if kept != syntax else set()
    assert differing(sent, stored) - BUILT_ANEW - LOSSY == changed


@pytest.mark.parametrize("form", METADATA)
@pytest.mark.parametrize(
    "syntax", [uid for uid in SYNTAXES if not TRANSFER_SYNTAXES[uid].encapsulated]
)
def test_native_pixels_are_built_again(loop: Loop, form: str, syntax: str) -> None:
    sent = one_image(loop.partition, syntax)

    [stored] = loop.stored(METADATA[form], sent)

    assert instance_of(stored).transfer_syntax == NATIVE
    assert differing(sent, stored) <= BUILT_ANEW


@pytest.mark.parametrize("form", METADATA)
@pytest.mark.parametrize(
    "syntax", [uid for uid in coded_syntaxes() if uid not in VIDEO and image_of(uid).frames == 1]
)
def test_each_frame_has_a_part_of_its_own(loop: Loop, form: str, syntax: str) -> None:
    """One fragment to a frame; and two, told apart by the Basic Offset Table."""
    stream = pad(stream_of(syntax))
    whole = frames(loop.partition, "whole", syntax, [stream] * 3)
    sent, halves = [whole], cut(stream, 2)
    if syntax != RLE_LOSSLESS:  # a frame is one fragment (PS3.5 G.2)
        pieces = halves * 3
        starts = offsets_of(pieces)[:: len(halves)]
        sent.append(frames(loop.partition, "halves", syntax, pieces, *starts))

    stored = loop.stored(METADATA[form], *sent)

    for one, other in zip(sent, stored, strict=True):
        assert instance_of(other).transfer_syntax == syntax
        due = [] if syntax in MULTI_COMPONENT else offsets_of([stream] * 3)
        assert fragments_of(other) == ([stream] * 3, due)
        assert differing(one, other) - BUILT_ANEW - LOSSY <= {PIXEL_DATA}


@pytest.mark.parametrize("form", METADATA)
def test_a_stream_whose_components_are_frames_is_one_part(loop: Loop, form: str) -> None:
    """Three fragments hold one codestream, and no offset table can tell its four frames."""
    syntax = f"{JPEG}93"
    uids = uids_for(loop.partition, "components", SECONDARY_CAPTURE)
    pixels = fragments(*cut(stream_of(syntax), 3))
    file = make_file(uids, transfer_syntax=syntax, pixels=pixels)
    sent = file.with_elements(*describe(image_of(syntax), Encoding.EXPLICIT_LITTLE)).encode()

    [stored] = loop.stored(METADATA[form], sent)

    assert fragments_of(stored)[0] == [pad(stream_of(syntax))]
    assert differing(sent, stored) - BUILT_ANEW - LOSSY == {PIXEL_DATA}


@pytest.mark.parametrize("form", METADATA)
def test_reports_documents_and_native_images_travel_together(loop: Loop, form: str) -> None:
    sent = [make(loop.partition) for make in OTHERS.values()]

    stored = loop.stored(METADATA[form], *sent)

    for one, other in zip(sent, stored, strict=True):
        assert differing(one, other) <= BUILT_ANEW


@pytest.mark.parametrize("form", METADATA)
def test_uncompressed_frames_come_out_of_their_capsule(loop: Loop, form: str) -> None:
    sent = one_image(loop.partition, ENCAPSULATED_NATIVE)

    [stored] = loop.stored(METADATA[form], sent)

    native = one_image(loop.partition, NATIVE)
    assert instance_of(stored).transfer_syntax == NATIVE
    assert differing(native, stored) <= BUILT_ANEW


@pytest.mark.parametrize("form", METADATA)
def test_what_no_bulkdata_can_hold_is_not_sent(loop: Loop, form: str) -> None:
    [outcome] = loop.store(METADATA[form], one_image(loop.partition, DEFLATED_FRAMES))
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.SOURCE)
