"""What a user may say about the instances to make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from chalicelib.standard.created_iods import SECONDARY_CAPTURE, VL_PHOTOGRAPHIC


class PhotoClass(Enum):
    """The SOP Class that photographs get."""

    VL_PHOTOGRAPHIC = VL_PHOTOGRAPHIC
    SECONDARY_CAPTURE = SECONDARY_CAPTURE


@dataclass(frozen=True, slots=True)
class AcquireLimits:
    """Bounds of one file.

    ``max_file_bytes``: of a file, which is held in memory; ``max_pixels``: rows times columns of
    a photograph, above those of any camera; ``max_metadata_bytes``: of a metadata file;
    ``max_icc_bytes``: of a colour profile; ``max_seconds``: that turning a JPEG may take.
    """

    max_file_bytes: int = 1 << 30
    max_pixels: int = 250_000_000
    max_metadata_bytes: int = 1 << 20
    max_icc_bytes: int = 4 << 20
    max_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquireOptions:
    """Options of ``acquire``. What is stated twice: flags before metadata file before template.

    Parameters
    ----------
    values : mapping of str to str
        Flags: attributes by keyword; ``standard.created_iods.SETTABLE`` lists them.
    metadata_file : Path, optional
        JSON or YAML, by its suffix: a mapping of the same keywords.
    template : Path, optional
        A DICOM file of the patient and study: their attributes are copied from it.
    new_study : bool
        Make a Study Instance UID from Patient ID, issuer and Accession Number. The template then
        gives the patient only.
    photo_class : PhotoClass
    to_baseline : bool
        Rewrite progressive and arithmetic JPEG as baseline, without loss.
    ignore_orientation : bool
        Take pixels as they lie, whatever orientation the file declares.
    use_capture_date : bool
        Take Content Date and Time, Acquisition DateTime, Manufacturer and model from EXIF where
        nobody states them.
    jpegtran : str
        The program that turns JPEG without loss: a name on the path, or a path.
    limits : AcquireLimits
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    metadata_file: Path | None = field(default=None, repr=False)
    template: Path | None = field(default=None, repr=False)
    new_study: bool = False
    photo_class: PhotoClass = PhotoClass.VL_PHOTOGRAPHIC
    to_baseline: bool = False
    ignore_orientation: bool = False
    use_capture_date: bool = True
    jpegtran: str = "jpegtran"
    limits: AcquireLimits = field(default_factory=AcquireLimits)
