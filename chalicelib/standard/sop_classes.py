"""Which SOP Classes a Studies Service stores (PS3.18 6 and 12.1; PS3.4 Annexes B.5 and GG).

Composite storage classes all lie below one root, but for a few rows; below that root a few are no
storage classes, or hold objects of no patient, which belong to the Non-Patient Instance service.
Classes outside the DICOM root are private and taken for storage classes.
"""

from enum import Enum

DICOM_UID_ROOT = "1.2.840.10008."
STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."

STORAGE_ELSEWHERE: dict[str, str] = {
    "1.2.840.10008.5.1.1.29": "Hardcopy Grayscale Image Storage (retired)",
    "1.2.840.10008.5.1.1.30": "Hardcopy Color Image Storage (retired)",
    "1.2.840.10008.5.1.4.34.1": "RT Beams Delivery Instruction Storage - Trial (retired)",
    "1.2.840.10008.5.1.4.34.7": "RT Beams Delivery Instruction Storage",
    "1.2.840.10008.5.1.4.34.10": "RT Brachy Application Setup Delivery Instruction Storage",
}

NON_PATIENT: dict[str, str] = {
    "1.2.840.10008.5.1.4.38.1": "Hanging Protocol Storage",
    "1.2.840.10008.5.1.4.39.1": "Color Palette Storage",
    "1.2.840.10008.5.1.4.43.1": "Generic Implant Template Storage",
    "1.2.840.10008.5.1.4.44.1": "Implant Assembly Template Storage",
    "1.2.840.10008.5.1.4.45.1": "Implant Template Group Storage",
    "1.2.840.10008.5.1.4.1.1.200.1": "CT Defined Procedure Protocol Storage",
    "1.2.840.10008.5.1.4.1.1.200.3": "Protocol Approval Storage",
    "1.2.840.10008.5.1.4.1.1.200.7": "XA Defined Procedure Protocol Storage",
    "1.2.840.10008.5.1.4.1.1.201.1": "Inventory Storage",
}

NOT_STORAGE: dict[str, str] = {
    "1.2.840.10008.1.3.10": "Media Storage Directory Storage (DICOMDIR)",
    "1.2.840.10008.5.1.4.1.1.200.4": "Protocol Approval Information Model - FIND",
    "1.2.840.10008.5.1.4.1.1.200.5": "Protocol Approval Information Model - MOVE",
    "1.2.840.10008.5.1.4.1.1.200.6": "Protocol Approval Information Model - GET",
    "1.2.840.10008.5.1.4.1.1.201.2": "Inventory - FIND",
    "1.2.840.10008.5.1.4.1.1.201.3": "Inventory - MOVE",
    "1.2.840.10008.5.1.4.1.1.201.4": "Inventory - GET",
    "1.2.840.10008.5.1.4.1.1.201.5": "Inventory Creation",
    "1.2.840.10008.5.1.4.1.1.201.6": "Repository Query",
}


class SopClassKind(Enum):
    """What a SOP Class UID is to a Studies Service; only STORAGE is stored there."""

    STORAGE = "a composite storage class"
    NON_PATIENT = "a class of objects of no patient"
    NOT_STORAGE = "no composite storage class"


def kind_of(sop_class: str) -> SopClassKind:
    """Return what the class is; classes newer than these tables are judged by their root."""
    if sop_class in NON_PATIENT:
        return SopClassKind.NON_PATIENT
    if sop_class in NOT_STORAGE:
        return SopClassKind.NOT_STORAGE
    in_dicom_root = sop_class.startswith(DICOM_UID_ROOT)
    if not in_dicom_root or sop_class.startswith(STORAGE_ROOT) or sop_class in STORAGE_ELSEWHERE:
        return SopClassKind.STORAGE
    return SopClassKind.NOT_STORAGE
