"""Attributes that every composite IOD of a patient has, and those that describe pixels.

Type 1 shall be there with a value, type 2 shall be there (PS3.5 7.4). Only rows that hold in
every such IOD are listed: where modules differ, as General Series and SR Document Series do, the
weaker type is taken. UIDs that identify the instance have rules of their own.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModuleAttribute:
    """A row. ``source`` is the table of PS3.3."""

    tag: int
    name: str
    type: int
    source: str


_PATIENT, _STUDY, _SERIES = "PS3.3 Table C.7-1", "PS3.3 Table C.7-3", "PS3.3 Table C.7-5a"
_PIXEL, _FLOAT = "PS3.3 Table C.7-11c", "PS3.3 Table C.7.6.24-1"

COMMON_ATTRIBUTES: tuple[ModuleAttribute, ...] = (
    ModuleAttribute(0x00080020, "Study Date", 2, _STUDY),
    ModuleAttribute(0x00080030, "Study Time", 2, _STUDY),
    ModuleAttribute(0x00080050, "Accession Number", 2, _STUDY),
    ModuleAttribute(0x00080060, "Modality", 1, _SERIES),
    ModuleAttribute(0x00080090, "Referring Physician's Name", 2, _STUDY),
    ModuleAttribute(0x00100010, "Patient's Name", 2, _PATIENT),
    ModuleAttribute(0x00100020, "Patient ID", 2, _PATIENT),
    ModuleAttribute(0x00100030, "Patient's Birth Date", 2, _PATIENT),
    ModuleAttribute(0x00100040, "Patient's Sex", 2, _PATIENT),
    ModuleAttribute(0x00200010, "Study ID", 2, _STUDY),
    ModuleAttribute(0x00200011, "Series Number", 2, _SERIES),
)

PIXEL_ATTRIBUTES: tuple[ModuleAttribute, ...] = (
    ModuleAttribute(0x00280002, "Samples per Pixel", 1, _PIXEL),
    ModuleAttribute(0x00280004, "Photometric Interpretation", 1, _PIXEL),
    ModuleAttribute(0x00280010, "Rows", 1, _PIXEL),
    ModuleAttribute(0x00280011, "Columns", 1, _PIXEL),
    ModuleAttribute(0x00280100, "Bits Allocated", 1, _PIXEL),
    ModuleAttribute(0x00280101, "Bits Stored", 1, _PIXEL),
    ModuleAttribute(0x00280102, "High Bit", 1, _PIXEL),
    ModuleAttribute(0x00280103, "Pixel Representation", 1, _PIXEL),
)
"""Of an instance with Pixel Data (7FE0,0010)."""

FLOAT_PIXEL_ATTRIBUTES: tuple[ModuleAttribute, ...] = tuple(
    ModuleAttribute(row.tag, row.name, row.type, _FLOAT) for row in PIXEL_ATTRIBUTES[:5]
)
"""Of an instance with Float or Double Float Pixel Data."""

PHOTOMETRIC_INTERPRETATIONS: dict[str, int] = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_420": 3,
    "YBR_PARTIAL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "XYB": 3,
    "HSV": 3,
    "ARGB": 4,
    "CMYK": 4,
}
"""Defined terms and their Samples per Pixel (PS3.3 C.7.6.3.1.2); the last three are retired."""

SAMPLES_KEPT_OF_A_PIXEL: dict[str, int] = {
    "YBR_FULL_422": 2,
    "YBR_PARTIAL_422": 2,
}
"""Samples kept for each pixel where chrominance is halved horizontally (PS3.3 C.7.6.3.1.2)."""

COMPRESSED_PHOTOMETRIC_INTERPRETATIONS = frozenset(
    {"YBR_PARTIAL_420", "YBR_PARTIAL_422", "YBR_ICT", "YBR_RCT", "XYB"}
)
"""Only a codestream can have them (PS3.3 C.7.6.3.1.2)."""
