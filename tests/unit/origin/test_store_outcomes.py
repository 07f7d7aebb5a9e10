"""What becomes of one instance: new, sent again, rewrapped, a duplicate, or not stored now."""

from array import array
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import RawValue
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.store_instances import Failed, Reference, Stored
from chalicelib.origin import metrics
from chalicelib.origin.events import Cause
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.ports import Unavailable
from chalicelib.origin.store import MAX_FACT_CHARACTERS
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.transfer_syntaxes import Encoding
from tests.builders import CT_IMAGE, make_facts, make_key
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset
from tests.unit.dicomweb.elements import explicit
from tests.unit.origin.storing import (
    CANARY,
    UID,
    World,
    arrive,
    fail,
    make_file,
    make_world,
    only_event,
    reasons,
)

KEY = InstanceKey("default", "1.2.3", "1.2.3.1", UID)
STORED = Stored(Reference(CT_IMAGE, UID))


@pytest.fixture
def world() -> Iterator[World]:
    with make_world() as world:
        yield world


# ------------------------------------------------------------------ new


def test_a_new_instance_becomes_object_record_and_event(world: World) -> None:
    file = make_file()
    assert world.store(file, subject="Jürgen@example") == [STORED]
    content, facts = world.instances.objects["default", UID]
    assert content == file
    assert facts.sha256 == sha256(file).hexdigest()
    assert (facts.study, facts.series) == (KEY.study, KEY.series)
    assert (facts.received, facts.request_id) == ("2026-05-01T10:00:00.123Z", "request-1")
    assert facts.subject == "Jürgen@example"
    [record] = world.records.records.values()
    assert (record.key, record.size, record.facts) == (KEY, len(file), facts)
    assert record.attributes["PatientName"] == CANARY
    event = only_event(world)
    assert (event.cause, event.request_id, world.announced()) == (Cause.STORED, "request-1", [KEY])


def test_a_new_instance_costs_one_call_on_its_object(world: World) -> None:
    world.store(make_file())
    assert world.calls == [("create", UID)]


def test_what_object_metadata_cannot_hold_is_cut_in_object_and_record_alike(world: World) -> None:
    world.store(make_file(), request_id="r" * 1000, subject="漢" * 1000)
    _, facts = world.instances.objects["default", UID]
    assert facts.subject == "漢" * MAX_FACT_CHARACTERS
    assert facts.request_id == "r" * MAX_FACT_CHARACTERS
    assert world.records.records[KEY].facts == facts


def test_nothing_that_is_logged_or_announced_names_the_patient(world: World) -> None:
    world.store(make_file())
    world.store(make_file(PatientID="P2"))
    assert "Canary" not in repr(world.telemetry.lines) + repr(world.announcer.sent)


# ------------------------------------------------------------------ the same bytes again


def test_a_resend_succeeds_changes_nothing_and_announces_again(world: World) -> None:
    world.store(make_file())
    before = dict(world.instances.objects), dict(world.records.records)
    assert world.store(make_file(), request_id="request-2") == [STORED]
    assert (world.instances.objects, world.records.records) == before
    first, second = world.announcer.sent
    assert (first.cause, second.cause) == (Cause.STORED, Cause.RESENT)
    assert second.request_id == "request-2"
    assert world.telemetry.counts[metrics.INSTANCES_RESENT] == 1


def test_a_resend_completes_the_record_that_a_crash_left_out(world: World) -> None:
    world.store(make_file())
    whole = dict(world.records.records)
    world.records.records.clear()
    assert world.store(make_file(), request_id="request-2") == [STORED]
    assert world.records.records == whole


def test_our_own_put_sent_again_by_the_sdk_is_new(world: World) -> None:
    file = make_file()
    facts = replace(make_facts(KEY), sha256=sha256(file).hexdigest(), request_id="request-1")
    world.instances.objects["default", UID] = (file, facts)
    assert world.store(file, request_id="request-1") == [STORED]
    assert only_event(world).cause is Cause.STORED
    assert world.telemetry.counts[metrics.INSTANCES_RESENT] == 0


def test_our_own_put_is_known_by_the_part_of_the_request_id_that_is_kept(world: World) -> None:
    world.store(make_file(), request_id="r" * 1000)
    world.store(make_file(), request_id="r" * 1000)
    assert [event.cause for event in world.announcer.sent] == [Cause.STORED, Cause.STORED]


# ------------------------------------------------------------------ the same content, rewrapped


def rich() -> Dataset:
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3.9"
    dataset = make_dataset(SOPInstanceUID=UID, ImageComments="odd")
    dataset.ReferencedImageSequence = [item, item]
    return dataset


def with_undefined_lengths() -> bytes:
    dataset = rich()
    dataset["ReferencedImageSequence"].is_undefined_length = True
    for item in dataset.ReferencedImageSequence:
        item.is_undefined_length_sequence_item = True
    return encode_file(dataset)


def with_swapped_bytes() -> bytes:
    dataset = rich()
    words = array("H", dataset.PixelData)  # pydicom writes OW as it finds it
    words.byteswap()
    dataset.PixelData = words.tobytes()
    return encode_file(dataset, ExplicitVRBigEndian)


def with_group_length() -> bytes:
    file = encode_file(rich())
    start = read_file_meta(MemorySource(file)).data_set_start
    return file[:start] + explicit(0x00080000, "UL", b"\x7b\0\0\0") + file[start:]


def with_trailing_padding() -> bytes:
    return encode_file(rich()) + explicit(0xFFFCFFFC, "OB", b"\0" * 64)


REWRAPS = {
    "another preamble": encode_file(rich(), preamble=b"II*\0" + b"\0" * 124),
    "implicit VR": encode_file(rich(), ImplicitVRLittleEndian),
    "big endian": with_swapped_bytes(),
    "deflated": encode_file(rich(), DeflatedExplicitVRLittleEndian),
    "sequences of undefined length": with_undefined_lengths(),
    "a group length": with_group_length(),
    "trailing padding": with_trailing_padding(),
}


@pytest.mark.parametrize("rewrapped", REWRAPS.values(), ids=REWRAPS)
def test_a_rewrap_succeeds_and_the_stored_bytes_stay(world: World, rewrapped: bytes) -> None:
    original = encode_file(rich())
    assert original != rewrapped
    world.store(original)
    record = world.records.records[KEY]
    assert world.store(rewrapped, request_id="request-2") == [STORED]
    assert world.content() == original
    assert world.records.records == {KEY: record}
    _, again = world.announcer.sent
    [instance] = again.instances
    assert again.cause is Cause.RESENT
    assert "rewrapped" in instance.observations


@pytest.mark.parametrize("first", REWRAPS.values(), ids=REWRAPS)
def test_the_record_is_that_of_the_stored_bytes_not_of_the_arrival(
    world: World, first: bytes
) -> None:
    world.store(first)
    whole = dict(world.records.records)
    world.records.records.clear()
    world.store(encode_file(rich()), request_id="request-2")
    assert world.records.records == whole


# ------------------------------------------------------------------ other content

TWELVE_ATTRIBUTES = (
    "StudyID",
    "Modality",
    "StudyDescription",
    "SeriesDescription",
    "Manufacturer",
    "InstitutionName",
    "StationName",
    "ProtocolName",
    "ImageComments",
    "PatientComments",
    "BodyPartExamined",
    "AccessionNumber",
)


def test_other_content_is_a_duplicate_and_the_stored_one_stays(world: World) -> None:
    stored = make_file()
    world.store(stored)
    before = dict(world.records.records)
    other = make_file(PatientID="SECRET-7", Rows=4, Columns=1)
    [failed] = world.store(other, request_id="request-2")
    assert isinstance(failed, Failed)
    assert failed.reason is FailureReason.DUPLICATE_SOP_INSTANCE
    assert failed.reference == STORED.reference
    assert (world.content(), world.records.records) == (stored, before)
    assert len(world.announcer.sent) == 1


def test_a_duplicate_names_the_tags_that_differ_and_no_value(world: World) -> None:
    world.store(make_file())
    [failed] = world.store(make_file(PatientID="SECRET-7", Rows=4, Columns=1))
    assert isinstance(failed, Failed)
    detail = failed.explanation.detail
    assert "(0010,0020), (0028,0010), (0028,0011) differ" in detail
    assert failed.explanation.tag_path == "(0010,0020)"
    assert not any(value in detail for value in ("SECRET", "P1", "Canary"))


@pytest.mark.parametrize(("count", "ending"), [(8, ") differ."), (12, ") and 4 more differ.")])
def test_of_many_differing_tags_eight_are_named_and_the_rest_counted(
    world: World, count: int, ending: str
) -> None:
    world.store(make_file())
    [failed] = world.store(make_file(**dict.fromkeys(TWELVE_ATTRIBUTES[:count], "X")))
    assert isinstance(failed, Failed)
    assert failed.explanation.detail.count("(00") == 8
    assert failed.explanation.detail.endswith(ending)


def test_a_uid_of_another_study_is_a_duplicate_too(world: World) -> None:
    world.store(make_file())
    [failed] = world.store(make_file(StudyInstanceUID="1.2.99", SeriesInstanceUID="1.2.99.1"))
    assert isinstance(failed, Failed)
    assert failed.reason is FailureReason.DUPLICATE_SOP_INSTANCE
    assert "(0020,000D)" in failed.explanation.detail
    assert list(world.records.records) == [KEY]


def test_an_object_that_is_no_dicom_file_is_a_duplicate_that_cannot_be_compared(
    world: World,
) -> None:
    world.instances.objects["default", UID] = (b"not DICOM", make_facts(KEY))
    [failed] = world.store(make_file())
    assert isinstance(failed, Failed)
    assert failed.reason is FailureReason.DUPLICATE_SOP_INSTANCE
    assert "cannot be compared" in failed.explanation.detail


# ------------------------------------------------------------------ not stored now


@pytest.mark.parametrize("call", ["create", "find", "read"])
def test_a_throttled_call_is_a_failure_that_a_resend_cures(world: World, call: str) -> None:
    if call != "create":
        world.store(make_file() if call == "find" else encode_file(rich()))
    world.at[call, UID] = fail(Unavailable())
    file = REWRAPS["implicit VR"] if call == "read" else make_file()
    [reason] = reasons(world.store(file))
    assert reason is FailureReason.STORE_UNAVAILABLE
    assert reason.transient
    world.at.clear()
    assert world.store(file) == [STORED]


def test_an_object_that_is_gone_again_is_a_failure_that_a_resend_cures(world: World) -> None:
    file = make_file()
    world.store(file)
    world.at["find", UID] = world.instances.objects.clear
    assert reasons(world.store(file)) == [FailureReason.STORE_UNAVAILABLE]
    assert world.store(file) == [STORED]


@pytest.mark.parametrize("call", ["create", "find"])
def test_an_unknown_fault_is_no_success_and_logged_without_its_text(
    world: World, call: str
) -> None:
    if call == "find":
        world.store(make_file())
    world.at[call, UID] = fail(RuntimeError(CANARY))
    assert reasons(world.store(make_file(), request_id="request-2")) == [
        FailureReason.PROCESSING_FAILURE
    ]
    [(_, fields)] = [line for line in world.telemetry.lines if "error" in line[1]]
    assert fields == {"error": "RuntimeError", "sop_instance": UID, "request_id": "request-2"}
    assert CANARY not in repr(world.telemetry.lines)


def test_one_that_fails_does_not_touch_its_neighbours(world: World) -> None:
    world.at["create", "1.2.3.2"] = fail(Unavailable())
    world.at["create", "1.2.3.3"] = fail(RuntimeError())
    outcomes = world.store(*(make_file(f"1.2.3.{n}") for n in range(1, 5)))
    assert reasons(outcomes) == [
        None,
        FailureReason.STORE_UNAVAILABLE,
        FailureReason.PROCESSING_FAILURE,
        None,
    ]
    assert {key.sop_instance for key in world.announced()} == {"1.2.3.1", "1.2.3.4"}


def test_an_object_whose_record_was_not_accepted_is_not_promised(world: World) -> None:
    key = make_key("1.2.3.2", "1.2.3.1", "1.2.3")
    world.records.refusing.add(key)
    outcomes = world.store(make_file("1.2.3.1"), make_file("1.2.3.2"))
    assert reasons(outcomes) == [None, FailureReason.STORE_UNAVAILABLE]
    assert [one.sop_instance for one in world.announced()] == ["1.2.3.1"]
    assert ("default", "1.2.3.2") in world.instances.objects
    world.records.refusing.clear()
    assert reasons(world.store(make_file("1.2.3.2"))) == [None]


def test_when_the_table_fails_in_an_unknown_way_nothing_is_promised(world: World) -> None:
    world.records.write = fail(RuntimeError(CANARY))  # type: ignore[assignment]
    assert reasons(world.store(make_file())) == [FailureReason.STORE_UNAVAILABLE]
    assert world.announcer.sent == []
    assert CANARY not in repr(world.telemetry.lines)


def test_what_no_record_can_be_made_of_is_never_put(world: World) -> None:
    """Else it would stay in the bucket, and no re-send and no reconcile could complete it."""
    [arrival] = arrive(make_file())
    values = {0x00280010: RawValue("US", None, Encoding.EXPLICIT_LITTLE)}  # type: ignore[arg-type]
    broken = replace(arrival, file=replace(arrival.file, values=values))
    assert reasons(world.store_arrivals([broken])) == [FailureReason.PROCESSING_FAILURE]
    assert world.instances.objects == {}
