"""What becomes of metadata and bulkdata that do not fit: each failure by its own reason, alone.

Wherever one instance fails, a good neighbour is in the same message and has to be stored.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.standard.reasons import FailureReason, WarningReason
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, uid_of
from tests.end_to_end.conftest import Answer, Post
from tests.made import uids_for
from tests.misfits import (
    CASES,
    GREYS,
    OCTETS,
    OCTETS_PART,
    PIXEL_DATA,
    PIXELS,
    coded_image,
    native_image,
    sample,
)
from tests.read_back import (
    EXPLANATION,
    FAILED,
    INSTANCE,
    OTHER,
    REASON,
    REFERENCED,
    WARNING,
    items_of,
    observed_of,
    stored_file,
    stored_uids,
    values_of,
)
from tests.representations import (
    FORMS,
    METADATA_TYPES,
    Attribute,
    Form,
    Message,
    Part,
    alone,
    attributes_of,
    changed,
    json_object,
    message,
    metadata_parts,
    pixel_attributes,
    represent,
    xml_metadata,
)

TAG_PATH = "00091003"
both_forms = pytest.mark.parametrize("form", FORMS)
F = FailureReason


def send(post: Post, partition: str, sent: Message, study: str = "") -> Answer:
    path = f"/partitions/{partition}/studies{f'/{study}' if study else ''}"
    return post(path, sent.body, sent.headers)


def reasons(answer: Answer, sequence: str) -> list[FailureReason]:
    by_code = {reason.code: reason for reason in FailureReason}
    return [by_code[code] for code in values_of(answer.json(), sequence, REASON)]


# ---------------------------------------------------------------- one fails, its neighbour does not


@both_forms
@pytest.mark.parametrize("name", CASES)
def test_an_instance_that_does_not_fit_fails_alone(
    local_stack: LocalStack, post: Post, partition: str, name: str, form: Form
) -> None:
    build, bulkdata, reason, path = CASES[name]
    bad, good = (uids_for(partition, one) for one in ("bad", "good"))
    sent = represent(
        form,
        [build(bad), native_image(good, "good")],
        [*bulkdata, Part(PIXELS, OCTETS, "good")],
    )

    answer = send(post, partition, sent)

    assert answer.status == 202, answer.body.decode()
    module = answer.json()
    assert values_of(module, REFERENCED, INSTANCE) == [good.instance]
    failures = items_of(module, FAILED) or items_of(module, OTHER)
    assert failures[0][REASON]["Value"] == [reason.code], failures[0][EXPLANATION]
    assert failures[0].get(TAG_PATH, {}).get("Value") == (path and [path])
    assert stored_uids(local_stack, partition) == {good.instance}


def test_the_missing_attributes_of_the_macro_are_named(post: Post, partition: str) -> None:
    uids = uids_for(partition, "macro")
    jls = Part(sample("jpegls_lossless_mono16.jls"), "image/jls", "pixels")

    answer = send(post, partition, represent("json", [coded_image(uids)], [jls]))

    [said] = values_of(answer.json(), FAILED, EXPLANATION)
    for tag in pixel_attributes(1, 1):
        assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in said


@both_forms
def test_a_part_that_nobody_names_is_one_failure(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    uids = uids_for(partition, "named")
    extra = Part(b"secret", OCTETS, "nobody")

    answer = send(post, partition, represent(form, [native_image(uids)], [extra, OCTETS_PART]))

    assert answer.status == 202
    assert reasons(answer, OTHER) == [F.BULKDATA_UNNAMED]
    assert values_of(answer.json(), OTHER, "00091002") == [2]
    assert stored_uids(local_stack, partition) == {uids.instance}


@both_forms
def test_parts_of_an_instance_that_fails_are_no_failures_of_their_own(
    post: Post, partition: str, form: Form
) -> None:
    uids = uids_for(partition, "bad")
    bad = changed(native_image(uids), t00280010=("US", 5))

    answer = send(post, partition, represent(form, [bad], [OCTETS_PART]))

    assert answer.status == 409
    assert reasons(answer, FAILED) == [F.DATA_SET_MISMATCH]
    assert items_of(answer.json(), OTHER) == []


@pytest.mark.parametrize(
    ("media_type", "more"),
    [
        ("application/dicom", ()),
        ("no type", ()),
        (OCTETS, (("Content-Transfer-Encoding", "base64"),)),
        (OCTETS, (("Content-Encoding", "gzip"),)),
        ("the other form", ()),
    ],
)
@both_forms
def test_a_part_that_has_no_place_here_fails_alone(
    post: Post,
    partition: str,
    form: Form,
    media_type: str,
    more: tuple[tuple[str, str], ...],
) -> None:
    uids = uids_for(partition, "good")
    if media_type == "the other form":
        media_type = METADATA_TYPES["xml" if form == "json" else "json"]
    odd = Part(b"anything", media_type, "odd", more)

    answer = send(post, partition, represent(form, [native_image(uids)], [odd, OCTETS_PART]))

    assert answer.status == 202
    assert reasons(answer, OTHER) == [F.UNSUPPORTED_PART]
    assert values_of(answer.json(), REFERENCED, INSTANCE) == [uids.instance]


# ---------------------------------------------------------------- nothing is fetched


@contextmanager
def no_other_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Keep the addresses that anything connects to or asks for, beyond this machine's own."""
    met: list[object] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connecting(this: socket.socket, address: Any) -> None:
        if not (isinstance(address, tuple) and address[0] in ("127.0.0.1", "::1", "localhost")):
            met.append(address)
        connect(this, address)

    def looking_up(host: Any, *arguments: Any, **named: Any) -> Any:
        if host not in ("127.0.0.1", "localhost"):
            met.append(host)
        return look_up(host, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "connect", connecting)
        patched.setattr(socket, "getaddrinfo", looking_up)
        yield met


@both_forms
@pytest.mark.parametrize(
    "uri",
    [
        "http://elsewhere.invalid/pixels",
        "https://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "s3://bucket/key",
        "//elsewhere.invalid/pixels",
    ],
)
def test_a_reference_to_elsewhere_is_never_followed(
    monkeypatch: pytest.MonkeyPatch, post: Post, partition: str, form: Form, uri: str
) -> None:
    uids = uids_for(partition, "elsewhere")

    with no_other_host(monkeypatch) as met:
        answer = send(post, partition, represent(form, [native_image(uids, uri)]))

    assert answer.status == 409
    assert reasons(answer, FAILED) == [F.BULKDATA_MISSING]
    assert met == []


def test_a_reference_to_this_server_is_never_followed(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids = uids_for(partition, "here")
    opened: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.05)
        uri = f"http://127.0.0.1:{trap.getsockname()[1]}/pixels"
        answer = send(post, partition, represent("json", [native_image(uids, uri)]))
        with suppress(TimeoutError):
            opened.append(trap.accept())

    assert answer.status == 409
    assert opened == []


# ---------------------------------------------------------------- tolerated, and coerced


@both_forms
def test_group_0002_and_group_lengths_are_left_out_with_a_finding(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    uids = uids_for(partition, "meta")
    metadata = native_image(uids) | {
        0x00020010: ("UI", "1.2.840.10008.1.2.4.50"),
        0x00020013: ("SH", "SOMEBODY"),
        0x00080000: ("UL", 7),
    }

    answer = send(post, partition, represent(form, [metadata], [OCTETS_PART]))
    local_stack.drain()

    assert answer.status == 200
    file = stored_file(local_stack, partition, uids.instance)
    assert file.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert file.file_meta.get("ImplementationVersionName") != "SOMEBODY"
    assert 0x00080000 not in file
    assert {finding.rule for finding in observed_of(local_stack, partition, uids)} == {
        "metadata-file-meta",
        "metadata-group-length",
    }


@both_forms
def test_a_location_as_a_value_is_read_as_the_reference_it_is_meant_to_be(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    """As odil sends it; a URL that is one stays one."""
    uids = uids_for(partition, "value")
    metadata = native_image(uids) | {
        PIXEL_DATA: ("UR", "pixels"),
        0x00081190: ("UR", "pixels"),
        0x00081140: ("SQ", {0x00282000: ("UR", "icc")}),
    }
    parts = [OCTETS_PART, Part(b"\1\2", OCTETS, "icc")]

    answer = send(post, partition, represent(form, [metadata], parts))
    local_stack.drain()

    assert answer.status == 200
    file = stored_file(local_stack, partition, uids.instance)
    assert file.PixelData == PIXELS
    assert file.RetrieveURL == "pixels"
    assert file.ReferencedImageSequence[0].ICCProfile == b"\1\2"
    [finding] = observed_of(local_stack, partition, uids)
    assert finding.rule == "metadata-reference-as-value"


EARLIER: dict[int, Attribute] = {
    0x04000550: ("SQ", {0x00100020: ("LO", "FORMER")}),
    0x04000562: ("DT", "20200101"),
    0x04000563: ("LO", "ANOTHER"),
    0x04000564: ("LO",),
    0x04000565: ("CS", "CORRECT"),
}


@both_forms
def test_a_coercion_is_warned_of_and_recorded_beside_earlier_ones(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    uids = uids_for(partition, "coerced")
    metadata = coded_image(
        uids,
        t00280004=("CS", "RGB"),
        t00280006=("US", 1),
        t04000561=("SQ", EARLIER),
    )
    ybr = Part(sample("jpeg_baseline_ybr422.jpg"), "image/jpeg", "pixels")
    sent = represent(form, [metadata], [ybr])

    answer = send(post, partition, sent)
    again = send(post, partition, sent)

    assert answer.status == again.status == 202
    assert values_of(answer.json(), REFERENCED, WARNING) == [WarningReason.COERCION.code]
    assert stored_uids(local_stack, partition) == {uids.instance}
    file = stored_file(local_stack, partition, uids.instance)
    assert file.PhotometricInterpretation == "YBR_FULL_422"
    assert file.PlanarConfiguration == 0
    earlier, ours = file.OriginalAttributesSequence
    assert earlier.ModifiedAttributesSequence[0].PatientID == "FORMER"
    assert earlier.AttributeModificationDateTime == "20200101"
    [before] = ours.ModifiedAttributesSequence
    assert (before.PhotometricInterpretation, before.PlanarConfiguration) == ("RGB", 1)
    assert ours.ReasonForTheAttributeModification == "COERCE"
    assert ours.ModifyingSystem == "STOWAGE"


@both_forms
def test_frames_that_nobody_counted_are_counted_and_that_is_a_coercion(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    uids = uids_for(partition, "frames", "1.2.840.10008.5.1.4.1.1.7.2")

    answer = send(post, partition, represent(form, [coded_image(uids)], [GREYS] * 3))

    assert answer.status == 202
    assert values_of(answer.json(), REFERENCED, WARNING) == [WarningReason.COERCION.code]
    file = stored_file(local_stack, partition, uids.instance)
    assert file.NumberOfFrames == 3
    [item] = file.OriginalAttributesSequence
    assert item.ModifiedAttributesSequence[0]["NumberOfFrames"].is_empty


# ---------------------------------------------------------------- what streams cannot know


@both_forms
def test_metadata_tell_what_a_stream_cannot_know(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    uids = uids_for(partition, "inverse")
    metadata = coded_image(
        uids,
        t00280004=("CS", "MONOCHROME1"),
        t00280100=("US", 16),
        t00280101=("US", 12),
        t00280102=("US", 11),
        t00280103=("US", 1),
    )
    lossless = Part(sample("jpeg_lossless_sv1_mono16.jpg"), "image/jpeg", "pixels")

    answer = send(post, partition, represent(form, [metadata], [lossless]))

    assert answer.status == 200
    file = stored_file(local_stack, partition, uids.instance)
    assert file.PhotometricInterpretation == "MONOCHROME1"
    assert (file.BitsStored, file.HighBit, file.PixelRepresentation) == (12, 11, 1)
    assert (file.Rows, file.Columns) == (128, 128)


TEXTS = (
    "漢字かな交じり文",
    "🩻 a\u0301 \U0002f800 ﷽",
    "Ελληνικά, العربية, עברית, ไทย",
    "ÀÖØöøÿ",
    "A\u00a0B",
)


@both_forms
@pytest.mark.parametrize("declared", ["ISO_IR 100", "ISO_IR 192", None])
def test_no_character_is_lost(
    local_stack: LocalStack, post: Post, partition: str, form: Form, declared: str | None
) -> None:
    uids = uids_for(partition, "text", "1.2.840.10008.5.1.4.1.1.66")
    metadata = attributes_of(
        uids,
        t00080005=("CS", declared) if declared else (),
        t00081030=("LO", TEXTS[0]),
        t00081048=("PN", "^".join(TEXTS[3:]), f"{TEXTS[3]}={TEXTS[0]}"),
        t00204000=("LT", "\r\n".join(TEXTS)),
        t00081110=("SQ", {0x00080005: ("CS", "ISO_IR 100"), 0x00080081: ("ST", TEXTS[1])}),
    )

    answer = send(post, partition, alone(form, metadata))

    assert answer.status == 200
    file = stored_file(local_stack, partition, uids.instance)
    assert file.SpecificCharacterSet == "ISO_IR 192"
    assert file.StudyDescription == TEXTS[0]
    assert str(file[0x00081048].value[1]) == f"{TEXTS[3]}={TEXTS[0]}"
    assert file.ImageComments == "\r\n".join(TEXTS)
    assert file[0x00081110].value[0][0x00080081].value == TEXTS[1]


# ---------------------------------------------------------------- several instances


@both_forms
def test_a_study_takes_its_own_instances_alone(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    right = uids_for(partition, "right")
    wrong = replace(uids_for(partition, "wrong"), study=uid_of(partition, "other"))
    images = [native_image(right), native_image(wrong)]

    answer = send(post, partition, represent(form, images, [OCTETS_PART]), study=right.study)

    assert answer.status == 202
    assert values_of(answer.json(), REFERENCED, INSTANCE) == [right.instance]
    assert reasons(answer, FAILED) == [F.STUDY_MISMATCH]
    assert stored_uids(local_stack, partition) == {right.instance}


@both_forms
def test_the_first_of_two_instances_of_one_uid_wins(
    local_stack: LocalStack, post: Post, partition: str, form: Form
) -> None:
    uids = uids_for(partition, "twice")
    first, other = native_image(uids), native_image(uids) | {0x00100020: ("LO", "OTHER")}

    answer = send(post, partition, represent(form, [first, first, other], [OCTETS_PART]))

    assert answer.status == 202
    assert values_of(answer.json(), REFERENCED, INSTANCE) == [uids.instance] * 2
    assert reasons(answer, FAILED) == [F.DUPLICATE_SOP_INSTANCE]
    assert stored_file(local_stack, partition, uids.instance).PatientID == "PID-1"


@both_forms
def test_an_instance_without_a_name_is_an_other_failure(
    post: Post, partition: str, form: Form
) -> None:
    good = uids_for(partition, "good")
    nameless = changed(native_image(uids_for(partition, "x")), t00080018=())

    answer = send(post, partition, represent(form, [nameless, native_image(good)], [OCTETS_PART]))

    assert answer.status == 202
    assert reasons(answer, OTHER) == [F.MISSING_ATTRIBUTE]
    assert values_of(answer.json(), REFERENCED, INSTANCE) == [good.instance]


def test_a_broken_document_fails_alone(local_stack: LocalStack, post: Post, partition: str) -> None:
    good = uids_for(partition, "good")
    broken = xml_metadata(native_image(uids_for(partition, "broken")))[:-30]
    parts = [Part(broken, METADATA_TYPES["xml"]), *metadata_parts("xml", [native_image(good)])]

    answer = send(post, partition, message(*parts, OCTETS_PART, root_type=METADATA_TYPES["xml"]))

    assert answer.status == 202
    assert F.METADATA_MALFORMED in reasons(answer, OTHER) + reasons(answer, FAILED)
    assert stored_uids(local_stack, partition) == {good.instance}


def test_a_hundred_instances_come_in_one_array(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids = [uids_for(partition, str(number)) for number in range(100)]
    images = [native_image(one, f"bulk/{one.instance}") for one in uids]
    bulkdata = [Part(PIXELS, OCTETS, f"bulk/{one.instance}") for one in uids]

    answer = send(post, partition, represent("json", images, bulkdata))

    assert answer.status == 200
    assert values_of(answer.json(), REFERENCED, INSTANCE) == [one.instance for one in uids]
    assert stored_uids(local_stack, partition) == {one.instance for one in uids}


# ---------------------------------------------------------------- requests that are refused whole


def refusals() -> dict[str, Message]:
    uids = Uids.of("refused")
    array = json.dumps([json_object(attributes_of(uids))]).encode()
    json_type, xml_type = METADATA_TYPES["json"], METADATA_TYPES["xml"]

    def of_json(body: bytes) -> Message:
        return message(Part(body, json_type), root_type=json_type)

    return {
        "malformed JSON": of_json(array[:-1]),
        "an empty array": of_json(b"[]"),
        "an array of arrays": of_json(b"[[]]"),
        "a string": of_json(b'"instance"'),
        "no JSON at all": of_json(b""),
        "more than 500 instances": of_json(b"[%s]" % b",".join([b"{}"] * 501)),
        "octets as root": message(Part(PIXELS, OCTETS, "p"), root_type=OCTETS),
        "a picture as root": message(GREYS, root_type="image/jpeg"),
        "JSON called XML": message(Part(array, json_type), root_type=xml_type),
        "bulkdata alone": message(OCTETS_PART, root_type=json_type),
        "a start that is nowhere": message(
            Part(array, json_type), root_type=OCTETS, more='; start="<nowhere>"'
        ),
    }


@pytest.mark.parametrize("name", refusals())
def test_such_a_request_is_refused_whole(
    local_stack: LocalStack, post: Post, partition: str, name: str
) -> None:
    answer = send(post, partition, refusals()[name])

    assert answer.status == 400, answer.body.decode()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert stored_uids(local_stack, partition) == set()


def test_metadata_without_multipart_and_with_references_say_what_is_missing(
    post: Post, partition: str
) -> None:
    answer = send(post, partition, alone("json", native_image(uids_for(partition, "alone"))))

    assert answer.status == 409
    assert reasons(answer, FAILED) == [F.BULKDATA_MISSING]
