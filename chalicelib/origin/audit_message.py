"""Audit messages as XML: DICOM Instances Transferred (PS3.15 A.5.1 and A.5.3.7).

What belongs here: the schema's spelling, which is RFC 3881's with DICOM's changes. What must not:
what is said. Only Patient ID is there to be said of a patient: no name has a place in a Transfer.
"""

import re
from base64 import b64encode
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from chalicelib.origin.audit import Transfer
from chalicelib.standard.audit_codes import (
    APPLICATION_SERVER,
    DESTINATION,
    INSTANCES_TRANSFERRED,
    PATIENT_NUMBER,
    SOURCE,
    STUDY_INSTANCE_UID,
    AuditCode,
)

SOURCE_ID = "stowage"
_SUCCESS = "0"
_HOST_NAME, _PERSON, _SYSTEM_OBJECT = "1", "1", "2"
_ROLE_PATIENT, _ROLE_REPORT = "1", "3"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode_message(transfer: Transfer) -> str:
    """Return the message's XML, without a declaration, in one line."""
    root = Element("AuditMessage")
    event = SubElement(
        root,
        "EventIdentification",
        EventActionCode=transfer.action.value,
        EventDateTime=transfer.occurred,
        EventOutcomeIndicator=_SUCCESS,
    )
    _code(event, "EventID", INSTANCES_TRANSFERRED)
    _participants(root, transfer)
    source = SubElement(root, "AuditSourceIdentification", AuditSourceID=SOURCE_ID)
    _code(source, "AuditSourceTypeCode", APPLICATION_SERVER)
    _study(root, transfer)
    patient = _object(root, transfer.patient_id, _PERSON, _ROLE_PATIENT)
    _code(patient, "ParticipantObjectIDTypeCode", PATIENT_NUMBER)
    return tostring(root, encoding="unicode")


def _participants(root: Element, transfer: Transfer) -> None:
    """Write who sent and who received; the address of the sender is in the access log alone."""
    sender = SubElement(
        root, "ActiveParticipant", UserID=_text(transfer.sender), UserIsRequestor="true"
    )
    _code(sender, "RoleIDCode", SOURCE)
    receiver = SubElement(
        root,
        "ActiveParticipant",
        UserID=transfer.destination,
        UserIsRequestor="false",
        NetworkAccessPointTypeCode=_HOST_NAME,
        NetworkAccessPointID=urlsplit(transfer.destination).hostname or "",
    )
    _code(receiver, "RoleIDCode", DESTINATION)


def _study(root: Element, transfer: Transfer) -> None:
    study = _object(root, transfer.study, _SYSTEM_OBJECT, _ROLE_REPORT)
    _code(study, "ParticipantObjectIDTypeCode", STUDY_INSTANCE_UID)
    for name, value in (("request id", transfer.request_id), ("cause", transfer.cause)):
        encoded = b64encode(value.encode()).decode("ascii")
        SubElement(study, "ParticipantObjectDetail", type=name, value=encoded)
    description = SubElement(study, "ParticipantObjectDescription")
    for uid, instances in transfer.sop_classes:
        count = str(len(instances))
        sop_class = SubElement(description, "SOPClass", UID=uid, NumberOfInstances=count)
        for instance in instances:
            SubElement(sop_class, "Instance", UID=instance)


def _object(root: Element, identity: str, kind: str, role: str) -> Element:
    return SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_text(identity),
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )


def _code(parent: Element, name: str, code: AuditCode) -> None:
    attributes = {
        "csd-code": code.code,
        "codeSystemName": code.system,
        "originalText": code.meaning,
    }
    SubElement(parent, name, attributes)


def _text(value: str) -> str:
    """Return text with what XML 1.0 cannot hold replaced."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
