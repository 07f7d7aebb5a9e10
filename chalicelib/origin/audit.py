"""The audit trail: for each announced event, who stored which instances of which patient.

What belongs here: splitting an event by patient, and what each message says. What must not: how a
message is spelled (`audit_message`), where it is kept (an AuditLog's).

One message may concern one patient only (PS3.15 A.5.3.7). All of a message comes from the event
and the records, and nothing from a clock, so that an event that is delivered twice makes the same
messages with the same ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Protocol
from uuid import UUID, uuid5

from chalicelib.dicomweb.resources import service_url
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import InstanceKey, InstanceRecord
from chalicelib.origin.ports import PortError, RecordStore

_MESSAGE_IDS = UUID("5d0b1b1e-6a5f-4c58-9d0e-8f2c1f4b7a61")
NO_PATIENT_ID = "<none>"
"""Stands where an instance has no Patient ID: the message must have one."""
NOBODY = "<unauthenticated>"
"""Stands for a sender in a deployment that lets anyone store."""


class RecordMissing(PortError):  # noqa: N818 - reads as the fact it is
    """An announced instance has no record: what was stored cannot be told apart by patient."""


class Action(Enum):
    """EventActionCode of PS3.15 A.5.3.7."""

    CREATED = "C"
    """The receiver did not hold the instances."""
    READ = "R"
    """The receiver held them, unchanged."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event as the bus delivered it: its id and time are the same in every delivery."""

    event_id: str
    occurred: str
    event: InstancesStored


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one message says: one patient, one study, one sender, one action.

    ``sop_classes`` are pairs of a SOP Class UID and its instances' UIDs.
    """

    message_id: str
    event_id: str
    occurred: str
    request_id: str
    cause: str
    action: Action
    sender: str
    destination: str
    patient_id: str
    study: str
    sop_classes: tuple[tuple[str, tuple[str, ...]], ...]


class AuditLog(Protocol):
    """Where audit messages are kept, apart from every other log."""

    def write(self, transfers: Sequence[Transfer]) -> None:
        """Keep all of the messages. Raises Unavailable unless all were accepted."""
        ...


class Auditor:
    """Writes what PS3.15 A.5 asks of the receiver of a Store."""

    def __init__(self, records: RecordStore, log: AuditLog, base_uri: str) -> None:
        self._records = records
        self._log = log
        self._base_uri = base_uri

    def audit(self, announcement: Announcement) -> None:
        """Write the messages of an event.

        Raises
        ------
        Unavailable
            When records cannot be read, or messages not written, now.
        RecordMissing
            When an instance has no record; no message is written then.
        """
        event = announcement.event
        keys = [event.key_of(instance) for instance in event.instances]
        found = self._records.read(keys)
        if not found.keys() >= set(keys):
            raise RecordMissing("an announced instance has no record")
        self._log.write(transfers_of(announcement, found.values(), self._base_uri))


def transfers_of(
    announcement: Announcement, records: Iterable[InstanceRecord], base_uri: str
) -> tuple[Transfer, ...]:
    """Return the messages of an event, one for each patient, sender and action.

    Whether an instance is new says its record, which names the request that stored it. Who sent
    it *again* no record knows: then the message names the request, and the access log its sender.
    """
    event = announcement.event

    def group_of(record: InstanceRecord) -> tuple[str, str, str]:
        is_new = record.facts.request_id == event.request_id
        action = Action.CREATED if is_new else Action.READ
        sender = (record.facts.subject or NOBODY) if is_new else f"request {event.request_id}"
        return action.value, sender, patient_id_of(record)

    return tuple(
        Transfer(
            message_id=str(uuid5(_MESSAGE_IDS, "\n".join([announcement.event_id, *group]))),
            event_id=announcement.event_id,
            occurred=announcement.occurred,
            request_id=event.request_id,
            cause=event.cause.value,
            action=Action(group[0]),
            sender=group[1],
            destination=service_url(base_uri, event.partition),
            patient_id=group[2],
            study=event.study,
            sop_classes=_sop_classes(record for record in members),
        )
        for group, members in groupby(sorted(records, key=lambda r: (group_of(r), r.key)), group_of)
    )


def patient_id_of(record: InstanceRecord) -> str:
    """Return a record's Patient ID, with who issued it as in HL7's CX (``id^^^issuer``)."""
    raw = record.undecoded.get("PatientID", b"").decode("ascii", "backslashreplace")
    patient_id = record.attributes.get("PatientID") or raw
    issuer = record.attributes.get("IssuerOfPatientID")
    if not patient_id:
        return NO_PATIENT_ID
    return f"{patient_id}^^^{issuer}" if issuer else patient_id


def _sop_classes(records: Iterable[InstanceRecord]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[InstanceKey]] = {}
    for record in records:
        found.setdefault(record.sop_class, []).append(record.key)
    return tuple((uid, tuple(k.sop_instance for k in keys)) for uid, keys in sorted(found.items()))
