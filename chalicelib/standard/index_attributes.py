"""Attributes an index keeps so that Search (QIDO-RS) can answer (PS3.18 Tables 10.6.3-3 to -5).

One row per attribute that is *read from the instance*; counts and modalities in study are computed
by the indexing function. Request Attributes Sequence is kept with the two attributes that the
tables list below it.
"""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """The level at which instances of one entity should agree on a value."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class IndexAttribute:
    """A row: ``matching`` says whether Search must be able to match on it."""

    level: Level
    tag: int
    vr: str
    keyword: str
    matching: bool


_S, _E, _I = Level.STUDY, Level.SERIES, Level.INSTANCE

INDEX_ATTRIBUTES: tuple[IndexAttribute, ...] = (
    IndexAttribute(_S, 0x00080020, "DA", "StudyDate", True),
    IndexAttribute(_S, 0x00080030, "TM", "StudyTime", True),
    IndexAttribute(_S, 0x00080050, "SH", "AccessionNumber", True),
    IndexAttribute(_S, 0x00080090, "PN", "ReferringPhysicianName", True),
    IndexAttribute(_S, 0x00081030, "LO", "StudyDescription", False),
    IndexAttribute(_S, 0x00100010, "PN", "PatientName", True),
    IndexAttribute(_S, 0x00100020, "LO", "PatientID", True),
    IndexAttribute(_S, 0x00100021, "LO", "IssuerOfPatientID", False),
    IndexAttribute(_S, 0x00100030, "DA", "PatientBirthDate", False),
    IndexAttribute(_S, 0x00100040, "CS", "PatientSex", False),
    IndexAttribute(_S, 0x00200010, "SH", "StudyID", True),
    IndexAttribute(_E, 0x00080060, "CS", "Modality", True),
    IndexAttribute(_E, 0x00081010, "SH", "StationName", False),
    IndexAttribute(_E, 0x0008103E, "LO", "SeriesDescription", False),
    IndexAttribute(_E, 0x00080201, "SH", "TimezoneOffsetFromUTC", False),
    IndexAttribute(_E, 0x00200011, "IS", "SeriesNumber", True),
    IndexAttribute(_E, 0x00400244, "DA", "PerformedProcedureStepStartDate", True),
    IndexAttribute(_E, 0x00400245, "TM", "PerformedProcedureStepStartTime", True),
    IndexAttribute(_E, 0x00400275, "SQ", "RequestAttributesSequence", True),
    IndexAttribute(_I, 0x00200013, "IS", "InstanceNumber", True),
    IndexAttribute(_I, 0x00280008, "IS", "NumberOfFrames", False),
    IndexAttribute(_I, 0x00280010, "US", "Rows", False),
    IndexAttribute(_I, 0x00280011, "US", "Columns", False),
    IndexAttribute(_I, 0x00280100, "US", "BitsAllocated", False),
)

REQUEST_ATTRIBUTES: tuple[IndexAttribute, ...] = (
    IndexAttribute(_E, 0x00400009, "SH", "ScheduledProcedureStepID", True),
    IndexAttribute(_E, 0x00401001, "SH", "RequestedProcedureID", True),
)
