"""The audit trail: one message for each patient, the same message for the same event."""

import re
from base64 import b64decode
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from chalicelib.origin.audit import (
    NO_PATIENT_ID,
    NOBODY,
    Action,
    Announcement,
    Auditor,
    RecordMissing,
    transfers_of,
)
from chalicelib.origin.audit_message import encode_message
from chalicelib.origin.model import InstanceRecord
from chalicelib.origin.ports import Unavailable
from tests.builders import CT_IMAGE, make_event, make_key, make_record
from tests.fakes.audit import MemoryAuditLog
from tests.fakes.records import MemoryRecordStore

BASE = "https://pacs.example/dicom"
DETAIL = "ParticipantObjectDetail"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"


def announce(*records: InstanceRecord, request_id: str = "request-1") -> Announcement:
    event = make_event([record.key for record in records], request_id)
    return Announcement("event-1", "2026-05-01T10:00:01Z", event)


def record(sop: str, patient: str | None = "P1", **facts: str) -> InstanceRecord:
    attributes = {"PatientName": "Zzyzxquill^Canary", "PatientBirthDate": "18991231"}
    if patient is not None:
        attributes["PatientID"] = patient
    return make_record(make_key(sop), attributes, **{"subject": "modality-7", **facts})


def test_one_message_tells_who_sent_which_instances_of_which_patient() -> None:
    records = [
        record("1.1"),
        replace(record("1.3"), sop_class=MR_IMAGE),
        record("1.2"),
    ]

    [transfer] = transfers_of(announce(*records), records, BASE)

    assert transfer.action is Action.CREATED
    assert (transfer.sender, transfer.patient_id, transfer.study) == ("modality-7", "P1", "1.1")
    assert transfer.sop_classes == ((CT_IMAGE, ("1.1", "1.2")), (MR_IMAGE, ("1.3",)))


def test_each_patient_has_a_message_of_their_own() -> None:
    records = [record("1.1", "P1"), record("1.2", "P2"), record("1.3", "P1"), record("1.4", None)]

    transfers = transfers_of(announce(*records), records, BASE)

    assert {t.patient_id: t.sop_classes[0][1] for t in transfers} == {
        "P1": ("1.1", "1.3"),
        "P2": ("1.2",),
        NO_PATIENT_ID: ("1.4",),
    }
    assert len({transfer.message_id for transfer in transfers}) == 3


def test_one_id_of_two_issuers_is_two_patients() -> None:
    first, second = record("1.1"), record("1.2")
    second = replace(second, attributes={**second.attributes, "IssuerOfPatientID": "EAST"})

    transfers = transfers_of(announce(first, second), [first, second], BASE)

    assert [transfer.patient_id for transfer in transfers] == ["P1", "P1^^^EAST"]


def test_an_undecoded_patient_id_is_kept_as_it_can_be() -> None:
    made = make_record(attributes={}, undecoded={"PatientID": b"P\xe91"})

    [transfer] = transfers_of(announce(made), [made], BASE)

    assert transfer.patient_id == "P\\xe91"


def test_what_an_earlier_request_stored_is_a_resend_by_someone_the_record_does_not_know() -> None:
    new, old = record("1.1"), record("1.2", request_id="request-0", subject="modality-1")

    transfers = transfers_of(announce(new, old), [new, old], BASE)

    assert [(t.action, t.sender) for t in transfers] == [
        (Action.CREATED, "modality-7"),
        (Action.READ, "request request-1"),
    ]


def test_a_sender_who_need_not_say_who_it_is_is_nobody() -> None:
    made = record("1.1", subject="")

    assert transfers_of(announce(made), [made], BASE)[0].sender == NOBODY


def test_the_same_event_makes_the_same_messages_in_whatever_order_records_are_read() -> None:
    records = [record(f"1.{n}", f"P{n % 3}") for n in range(9)]
    announcement = announce(*records)

    first = transfers_of(announcement, records, BASE)
    again = transfers_of(announcement, reversed(records), BASE)
    other = transfers_of(replace(announcement, event_id="event-2"), records, BASE)

    assert list(map(encode_message, first)) == list(map(encode_message, again))
    assert first == again
    assert not {t.message_id for t in first} & {t.message_id for t in other}


# ---------------------------------------------------------------- the message


def test_the_message_is_instances_transferred_of_ps3_15_a_5() -> None:
    made = [record("1.1"), record("1.2")]
    [transfer] = transfers_of(announce(*made), made, BASE)

    root = ElementTree.fromstring(encode_message(transfer))

    assert [child.tag for child in root] == [
        "EventIdentification",
        "ActiveParticipant",
        "ActiveParticipant",
        "AuditSourceIdentification",
        "ParticipantObjectIdentification",
        "ParticipantObjectIdentification",
    ]
    event, sender, receiver, _, study, patient = root
    assert event.attrib == {
        "EventActionCode": "C",
        "EventDateTime": "2026-05-01T10:00:01Z",
        "EventOutcomeIndicator": "0",
    }
    assert event[0].attrib["csd-code"] == "110104"
    assert (sender.attrib["UserID"], sender[0].attrib["csd-code"]) == ("modality-7", "110153")
    assert (receiver.attrib["UserID"], receiver[0].attrib["csd-code"]) == (BASE, "110152")
    assert receiver.attrib["NetworkAccessPointID"] == "pacs.example"
    assert study.attrib["ParticipantObjectID"] == "1.1"
    assert study[0].attrib["csd-code"] == "110180"
    details = {
        one.attrib["type"]: one.attrib["value"] for one in study.iter() if "type" in one.attrib
    }
    assert b64decode(details["request id"]) == b"request-1"
    [sop_class] = study.iter("SOPClass")
    assert sop_class.attrib == {"UID": CT_IMAGE, "NumberOfInstances": "2"}
    assert [one.attrib["UID"] for one in sop_class] == ["1.1", "1.2"]
    assert patient.attrib["ParticipantObjectID"] == "P1"
    assert (patient.attrib["ParticipantObjectTypeCode"], patient[0].attrib["csd-code"]) == (
        "1",
        "2",
    )


def test_no_name_and_no_birth_date_is_in_a_message() -> None:
    made = record("1.1")
    [transfer] = transfers_of(announce(made), [made], BASE)

    assert not re.search("zzyzxquill|canary|18991231", encode_message(transfer), re.IGNORECASE)


@pytest.mark.parametrize("patient", ['"><a b="', "a\x00b\x1b", "&amp;", "日本"])
def test_a_patient_id_cannot_break_the_message(patient: str) -> None:
    made = record("1.1", patient)
    [transfer] = transfers_of(announce(made), [made], BASE)

    text = encode_message(transfer)
    *_, found = ElementTree.fromstring(text)
    kept = re.sub("[\x00-\x1f]", "\N{REPLACEMENT CHARACTER}", patient)
    assert found.attrib["ParticipantObjectID"] == kept
    assert "\n" not in text


# ---------------------------------------------------------------- reading and writing


def test_an_event_is_audited() -> None:
    records, log = MemoryRecordStore(), MemoryAuditLog()
    made = [record("1.1", "P1"), record("1.2", "P2")]
    records.write(made)

    Auditor(records, log, BASE).audit(announce(*made))

    assert {transfer.patient_id for transfer in log.transfers} == {"P1", "P2"}


def test_nothing_is_written_while_a_record_is_missing() -> None:
    records, log = MemoryRecordStore(), MemoryAuditLog()
    made = [record("1.1"), record("1.2")]
    records.write(made[:1])

    with pytest.raises(RecordMissing):
        Auditor(records, log, BASE).audit(announce(*made))
    assert log.transfers == []


def test_a_log_that_takes_nothing_fails_the_event() -> None:
    records, log = MemoryRecordStore(), MemoryAuditLog()
    records.write([record("1.1")])
    log.unavailable = True

    with pytest.raises(Unavailable):
        Auditor(records, log, BASE).audit(announce(record("1.1")))
