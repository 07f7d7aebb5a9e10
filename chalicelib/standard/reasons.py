"""Failure and Warning Reasons of a Store Instances Response (PS3.18 Annex I.2).

One row per code this product can send. The ranges A7xx, A9xx and Cxxx are the standard's, their
last digits ours; codes of PS3.7 Annex C are used with the meaning they have there. PS3.18 10.5.5
obliges us to publish every row: the conformance statement prints this table.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class _Row:
    code: int
    meaning: str
    source: str
    transient: bool = False


class _Reason(Enum):
    """What the rows of both tables tell."""

    @property
    def code(self) -> int:
        return int(self.value.code)

    @property
    def meaning(self) -> str:
        return str(self.value.meaning)

    @property
    def source(self) -> str:
        return str(self.value.source)


class FailureReason(_Reason):
    """Why an instance, or a part that names none, was not stored.

    ``code`` goes into Failure Reason (0008,1197). ``transient`` says that sending the same bytes
    again can succeed; one such failure makes the whole answer a 503.
    """

    PROCESSING_FAILURE = _Row(0x0110, "Processing failure", "PS3.18 Table I.2-2", transient=True)
    DUPLICATE_SOP_INSTANCE = _Row(
        0x0111, "Another instance with this SOP Instance UID is stored", "PS3.7 C.5.8"
    )
    INVALID_SOP_INSTANCE = _Row(0x0117, "A UID breaks the grammar of PS3.5 9.1", "PS3.7 C.5.13")
    CLASS_INSTANCE_CONFLICT = _Row(
        0x0119, "File Meta Information and data set name different instances", "PS3.7 C.5.7"
    )
    MISSING_ATTRIBUTE = _Row(0x0120, "A required attribute is missing", "PS3.7 C.5.14")
    SOP_CLASS_NOT_SUPPORTED = _Row(
        0x0122, "Referenced SOP Class not supported", "PS3.18 Table I.2-2"
    )
    OUT_OF_TIME = _Row(
        0xA700, "Out of resources: no time left in this request", "PS3.18 Table I.2-2", True
    )
    STORE_UNAVAILABLE = _Row(
        0xA701,
        "Out of resources: the store is throttled or unreachable",
        "PS3.18 Table I.2-2",
        True,
    )
    DATA_SET_MISMATCH = _Row(0xA900, "Data Set does not match SOP Class", "PS3.18 Table I.2-2")
    STUDY_MISMATCH = _Row(
        0xA901, "Study Instance UID is not that of the target resource", "PS3.18 10.5.1.4"
    )
    CANNOT_UNDERSTAND = _Row(0xC000, "Cannot understand", "PS3.18 Table I.2-2")
    NOT_DICOM_FILE = _Row(0xC001, "Not a DICOM file: no DICM prefix", "PS3.10 7.1")
    TRUNCATED = _Row(0xC002, "The data end before the structure does", "PS3.5 7.1")
    MALFORMED_STRUCTURE = _Row(
        0xC003, "Elements, items or lengths contradict each other", "PS3.5 7"
    )
    TOO_DEEP = _Row(0xC004, "Sequences are nested deeper than the limit", "limit: nesting depth")
    TOO_MANY_ELEMENTS = _Row(0xC005, "More elements than the limit", "limit: element count")
    INFLATES_TOO_LARGE = _Row(
        0xC006, "Inflates to more bytes than the limit", "limit: inflated size"
    )
    EXECUTABLE_PREAMBLE = _Row(0xC007, "The preamble starts an executable", "PS3.10 7.5")
    FILE_META_UNREADABLE = _Row(
        0xC008, "File Meta Information is missing or unreadable", "PS3.10 7.1"
    )
    AMBIGUOUS_ELEMENT = _Row(
        0xC009, "An attribute that identifies or indexes stands twice", "PS3.5 7.1"
    )
    UNSUPPORTED_PART = _Row(
        0xC010, "The part's media type is not that of the message", "PS3.18 8.6.1"
    )
    BULKDATA_MISSING = _Row(
        0xC011, "No part answers a bulkdata reference of the metadata", "PS3.18 8.6.1.2"
    )
    BULKDATA_AMBIGUOUS = _Row(
        0xC012, "Several parts answer a bulkdata reference of the metadata", "PS3.18 8.6.1.2"
    )
    BULKDATA_UNNAMED = _Row(
        0xC013, "No metadata of the message refer to this bulkdata part", "PS3.18 8.6.1.2"
    )
    METADATA_MALFORMED = _Row(
        0xC020,
        "The metadata are no DICOM JSON Model or Native DICOM Model",
        "PS3.18 F.2, PS3.19 A.1",
    )
    METADATA_VALUE = _Row(
        0xC021,
        "A value of the metadata cannot be one of its VR",
        "PS3.18 Table F.2.3-1, PS3.5 Table 6.2-1",
    )
    TRANSFER_SYNTAX_NOT_SUPPORTED = _Row(
        0xC122, "Referenced Transfer Syntax not supported", "PS3.18 Table I.2-2"
    )

    @property
    def transient(self) -> bool:
        return bool(self.value.transient)


class WarningReason(_Reason):
    """What happened to an instance that was stored (PS3.18 Table I.2-1)."""

    COERCION = _Row(0xB000, "Coercion of Data Elements", "PS3.18 Table I.2-1")
    ELEMENTS_DISCARDED = _Row(0xB006, "Elements Discarded", "PS3.18 Table I.2-1")
    DATA_SET_MISMATCH = _Row(0xB007, "Data Set does not match SOP Class", "PS3.18 Table I.2-1")
