"""Coded values of audit messages, each with where it is defined."""

from typing import NamedTuple


class AuditCode(NamedTuple):
    """A coded value as audit messages spell it (PS3.15 A.5.1)."""

    code: str
    system: str
    meaning: str


INSTANCES_TRANSFERRED = AuditCode("110104", "DCM", "DICOM Instances Transferred")  # CID 400
SOURCE = AuditCode("110153", "DCM", "Source Role ID")  # CID 402
DESTINATION = AuditCode("110152", "DCM", "Destination Role ID")  # CID 402
STUDY_INSTANCE_UID = AuditCode("110180", "DCM", "Study Instance UID")  # CID 404
PATIENT_NUMBER = AuditCode("2", "RFC-3881", "Patient Number")  # RFC 3881 5.5.4
APPLICATION_SERVER = AuditCode("4", "DCM", "Application Server Process")  # RFC 3881 5.4.3
