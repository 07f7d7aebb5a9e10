"""Modules of the instances this product creates (PS3.3 Annex C): their attributes, row by row.

A row says the type of an attribute and where its value comes from. Conditional attributes whose
condition is never met here (animals, calendars, waveforms) and optional ones never written have no
row. Which modules make an IOD is in ``created_iods``.
"""

from dataclasses import dataclass
from enum import Enum


class ValueSource(Enum):
    """Where the value of an attribute comes from, as the conformance statement names it."""

    USER = "given by the user"
    TEMPLATE = "given by the user, or copied from the template instance"
    CONTENT = "read from the file"
    EITHER = "given by the user, or read from the file"
    DERIVED = "derived from the content, the study and the options"
    FIXED = "the same in every instance"

    @property
    def is_settable(self) -> bool:
        """Whether a user may state the value."""
        return self in (ValueSource.USER, ValueSource.TEMPLATE, ValueSource.EITHER)


class Entity(Enum):
    """What an attribute describes (PS3.3 A.1.2)."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class CreatedAttribute:
    """A row.

    ``type`` is that of PS3.5 7.4; ``is_due``: the condition of a 1C or 2C attribute is always met
    here. ``fixed`` is the value of a FIXED row. ``terms`` are its Enumerated Values, or those of
    its Defined Terms that are accepted; empty for any.
    """

    tag: int
    vr: str
    keyword: str
    type: str
    source: ValueSource
    fixed: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    is_due: bool = False


@dataclass(frozen=True, slots=True)
class CreatedModule:
    """A module: where PS3.3 has it, what it describes, its rows."""

    name: str
    table: str
    entity: Entity
    rows: tuple[CreatedAttribute, ...]


_USER, _TEMPLATE, _CONTENT = ValueSource.USER, ValueSource.TEMPLATE, ValueSource.CONTENT
_EITHER, _DERIVED, _FIXED = ValueSource.EITHER, ValueSource.DERIVED, ValueSource.FIXED
_A = CreatedAttribute
_YES_NO = ("YES", "NO")

PATIENT = CreatedModule(
    "Patient",
    "PS3.3 Table C.7-1",
    Entity.PATIENT,
    (
        _A(0x00100010, "PN", "PatientName", "2", _TEMPLATE),
        _A(0x00100020, "LO", "PatientID", "2", _TEMPLATE),
        _A(0x00100021, "LO", "IssuerOfPatientID", "3", _TEMPLATE),
        _A(0x00100030, "DA", "PatientBirthDate", "2", _TEMPLATE),
        _A(0x00100032, "TM", "PatientBirthTime", "3", _TEMPLATE),
        _A(0x00100040, "CS", "PatientSex", "2", _TEMPLATE, terms=("F", "M", "O")),
    ),
)
GENERAL_STUDY = CreatedModule(
    "General Study",
    "PS3.3 Table C.7-3",
    Entity.STUDY,
    (
        _A(0x00080020, "DA", "StudyDate", "2", _TEMPLATE),
        _A(0x00080030, "TM", "StudyTime", "2", _TEMPLATE),
        _A(0x00080050, "SH", "AccessionNumber", "2", _TEMPLATE),
        _A(0x00080090, "PN", "ReferringPhysicianName", "2", _TEMPLATE),
        _A(0x00081030, "LO", "StudyDescription", "3", _TEMPLATE),
        _A(0x0020000D, "UI", "StudyInstanceUID", "1", _TEMPLATE),
        _A(0x00200010, "SH", "StudyID", "2", _TEMPLATE),
    ),
)
_SERIES = (
    _A(0x0008103E, "LO", "SeriesDescription", "3", _USER),
    _A(0x00081050, "PN", "PerformingPhysicianName", "3", _USER),
    _A(0x00081070, "PN", "OperatorsName", "3", _USER),
    _A(0x00180015, "CS", "BodyPartExamined", "3", _USER),
    _A(0x00181030, "LO", "ProtocolName", "3", _USER),
    _A(0x00200060, "CS", "Laterality", "2C", _USER, terms=("L", "R"), is_due=True),
)
GENERAL_SERIES = CreatedModule(
    "General Series",
    "PS3.3 Table C.7-5a",
    Entity.SERIES,
    (
        _A(0x00080060, "CS", "Modality", "1", _USER),
        _A(0x0020000E, "UI", "SeriesInstanceUID", "1", _DERIVED),
        _A(0x00200011, "IS", "SeriesNumber", "2", _USER),
        *_SERIES,
    ),
)
ENCAPSULATED_DOCUMENT_SERIES = CreatedModule(
    "Encapsulated Document Series",
    "PS3.3 Table C.24-1",
    Entity.SERIES,
    (
        _A(0x00080060, "CS", "Modality", "1", _USER),
        _A(0x0020000E, "UI", "SeriesInstanceUID", "1", _DERIVED),
        _A(0x00200011, "IS", "SeriesNumber", "1", _USER),
        _A(0x0008103E, "LO", "SeriesDescription", "3", _USER),
        _A(0x00181030, "LO", "ProtocolName", "3", _USER),
    ),
)
GENERAL_EQUIPMENT = CreatedModule(
    "General Equipment",
    "PS3.3 Table C.7-8",
    Entity.SERIES,
    (
        _A(0x00080070, "LO", "Manufacturer", "2", _EITHER),
        _A(0x00080080, "LO", "InstitutionName", "3", _USER),
        _A(0x00081010, "SH", "StationName", "3", _USER),
        _A(0x00081040, "LO", "InstitutionalDepartmentName", "3", _USER),
        _A(0x00081090, "LO", "ManufacturerModelName", "3", _EITHER),
    ),
)
SC_EQUIPMENT = CreatedModule(
    "SC Equipment",
    "PS3.3 Table C.8-24",
    Entity.SERIES,
    (
        _A(
            0x00080064,
            "CS",
            "ConversionType",
            "1",
            _USER,
            terms=("DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"),
        ),
        _A(0x00181016, "LO", "SecondaryCaptureDeviceManufacturer", "3", _FIXED, ("Stowage",)),
    ),
)
GENERAL_ACQUISITION = CreatedModule(
    "General Acquisition",
    "PS3.3 Table C.7.10.1-1",
    Entity.INSTANCE,
    (_A(0x0008002A, "DT", "AcquisitionDateTime", "3", _EITHER),),
)
GENERAL_IMAGE = CreatedModule(
    "General Image",
    "PS3.3 Table C.7-9",
    Entity.INSTANCE,
    (
        _A(0x00080023, "DA", "ContentDate", "2C", _EITHER),
        _A(0x00080033, "TM", "ContentTime", "2C", _EITHER),
        _A(0x00200013, "IS", "InstanceNumber", "2", _USER),
        _A(0x00200020, "CS", "PatientOrientation", "2C", _FIXED, is_due=True),
        _A(0x00200062, "CS", "ImageLaterality", "3", _USER, terms=("R", "L", "U", "B")),
        _A(0x00204000, "LT", "ImageComments", "3", _USER),
        _A(0x00280301, "CS", "BurnedInAnnotation", "3", _USER, terms=_YES_NO),
        _A(0x00280302, "CS", "RecognizableVisualFeatures", "3", _USER, terms=_YES_NO),
        _A(0x00282110, "CS", "LossyImageCompression", "3", _CONTENT),
        _A(0x00282112, "DS", "LossyImageCompressionRatio", "1C", _CONTENT),
        _A(0x00282114, "CS", "LossyImageCompressionMethod", "1C", _CONTENT),
    ),
)
IMAGE_PIXEL = CreatedModule(
    "Image Pixel",
    "PS3.3 Table C.7-11a",
    Entity.INSTANCE,
    (
        _A(0x00280002, "US", "SamplesPerPixel", "1", _CONTENT),
        _A(0x00280004, "CS", "PhotometricInterpretation", "1", _CONTENT),
        _A(0x00280006, "US", "PlanarConfiguration", "1C", _CONTENT),
        _A(0x00280010, "US", "Rows", "1", _CONTENT),
        _A(0x00280011, "US", "Columns", "1", _CONTENT),
        _A(0x00280034, "IS", "PixelAspectRatio", "1C", _CONTENT),
        _A(0x00280100, "US", "BitsAllocated", "1", _CONTENT),
        _A(0x00280101, "US", "BitsStored", "1", _CONTENT),
        _A(0x00280102, "US", "HighBit", "1", _CONTENT),
        _A(0x00280103, "US", "PixelRepresentation", "1", _CONTENT),
        _A(0x7FE00010, "OB", "PixelData", "1C", _CONTENT, is_due=True),
    ),
)
CINE = CreatedModule(
    "Cine",
    "PS3.3 Table C.7-13",
    Entity.INSTANCE,
    (
        _A(0x00180040, "IS", "CineRate", "3", _CONTENT),
        _A(0x00181063, "DS", "FrameTime", "1C", _EITHER),
        _A(0x00082144, "IS", "RecommendedDisplayFrameRate", "3", _CONTENT),
        # Its condition is sound in the video.
        _A(0x003A0300, "SQ", "MultiplexedAudioChannelsDescriptionCodeSequence", "2C", _CONTENT),
    ),
)
MULTI_FRAME = CreatedModule(
    "Multi-frame",
    "PS3.3 Table C.7-14",
    Entity.INSTANCE,
    (
        _A(0x00280008, "IS", "NumberOfFrames", "1", _EITHER),
        _A(0x00280009, "AT", "FrameIncrementPointer", "1", _CONTENT),
    ),
)
ACQUISITION_CONTEXT = CreatedModule(
    "Acquisition Context",
    "PS3.3 Table C.7.6.14-1",
    Entity.INSTANCE,
    (_A(0x00400555, "SQ", "AcquisitionContextSequence", "2", _FIXED),),
)
VL_IMAGE = CreatedModule(
    "VL Image",
    "PS3.3 Table C.8-77",
    Entity.INSTANCE,
    (
        _A(0x00080008, "CS", "ImageType", "1", _FIXED, ("ORIGINAL", "PRIMARY")),
        # Its condition is several frames; a photograph has it where its body part has a code.
        _A(0x00082218, "SQ", "AnatomicRegionSequence", "1C", _DERIVED),
        _A(0x00282110, "CS", "LossyImageCompression", "2", _CONTENT),
    ),
)
SC_IMAGE = CreatedModule("SC Image", "PS3.3 Table C.8-25", Entity.INSTANCE, ())
ICC_PROFILE = CreatedModule(
    "ICC Profile",
    "PS3.3 Table C.11.15-1",
    Entity.INSTANCE,
    (_A(0x00282000, "OB", "ICCProfile", "1C", _CONTENT),),  # the module is absent without one
)
ENCAPSULATED_DOCUMENT = CreatedModule(
    "Encapsulated Document",
    "PS3.3 Table C.24-2",
    Entity.INSTANCE,
    (
        _A(0x00080023, "DA", "ContentDate", "2", _USER),
        _A(0x0008002A, "DT", "AcquisitionDateTime", "2", _USER),
        _A(0x00080033, "TM", "ContentTime", "2", _USER),
        _A(0x00200013, "IS", "InstanceNumber", "1", _USER),
        _A(0x00280301, "CS", "BurnedInAnnotation", "1", _USER, terms=_YES_NO),
        _A(0x0040A043, "SQ", "ConceptNameCodeSequence", "2", _FIXED),
        _A(
            0x0040A493,
            "CS",
            "VerificationFlag",
            "3",
            _USER,
            terms=("UNVERIFIED", "VERIFIED"),
        ),
        _A(0x00420010, "ST", "DocumentTitle", "2", _USER),
        _A(0x00420011, "OB", "EncapsulatedDocument", "1", _CONTENT),
        _A(0x00420012, "LO", "MIMETypeOfEncapsulatedDocument", "1", _FIXED, ("application/pdf",)),
        _A(0x00420015, "UL", "EncapsulatedDocumentLength", "3", _CONTENT),
    ),
)
SOP_COMMON = CreatedModule(
    "SOP Common",
    "PS3.3 Table C.12-1",
    Entity.INSTANCE,
    (
        _A(0x00080005, "CS", "SpecificCharacterSet", "1C", _FIXED, ("ISO_IR 192",), is_due=True),
        _A(0x00080016, "UI", "SOPClassUID", "1", _DERIVED),
        _A(0x00080018, "UI", "SOPInstanceUID", "1", _DERIVED),
    ),
)
