"""Builders of model values for tests: everything has a default, tests name what they are about."""

from collections.abc import Iterable, Mapping

from chalicelib.origin.events import AnnouncedInstance, Cause, InstancesStored
from chalicelib.origin.model import InstanceKey, InstanceRecord, ObjectFacts

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def make_key(
    sop: str = "1.2.3", series: str = "1.2", study: str = "1.1", partition: str = "default"
) -> InstanceKey:
    return InstanceKey(partition, study, series, sop)


def make_facts(key: InstanceKey, **changes: str) -> ObjectFacts:
    known = {
        "sha256": "ab" * 32,
        "study": key.study,
        "series": key.series,
        "received": "2026-05-01T10:00:00.000Z",
        "request_id": "request-1",
    }
    return ObjectFacts(**(known | changes))  # type: ignore[arg-type]


def make_record(
    key: InstanceKey | None = None,
    attributes: Mapping[str, str] | None = None,
    undecoded: Mapping[str, bytes] | None = None,
    **facts: str,
) -> InstanceRecord:
    key = key or make_key()
    return InstanceRecord(
        key=key,
        sop_class=CT_IMAGE,
        transfer_syntax=EXPLICIT_LITTLE,
        size=1234,
        facts=make_facts(key, **facts),
        attributes={"PatientID": "P1", "Modality": "CT"} if attributes is None else attributes,
        undecoded=undecoded or {},
    )


def make_event(keys: Iterable[InstanceKey], request_id: str = "request-1") -> InstancesStored:
    keys = list(keys)
    [(partition, study)] = {(key.partition, key.study) for key in keys}
    instances = tuple(AnnouncedInstance(k.series, k.sop_instance, CT_IMAGE) for k in keys)
    return InstancesStored(partition, study, request_id, Cause.STORED, instances)
