"""From metadata and bulkdata to a DICOM file (PS3.18 10.5.2, PS3.10 7.1).

What belongs here: which way the bulkdata of one instance take into its file. What must not:
finding the parts, decoding the metadata, storing the file. The same input and the same time give
the same bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.bulkdata import Bulkdata
from chalicelib.dicomweb.bulkdata_values import (
    ENCAPSULATED_DOCUMENT,
    check_native_syntax,
    document_of,
    note_document_length,
    single,
    value_of,
)
from chalicelib.dicomweb.codestream_intake import read_coded_pixels
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.dataset_writer import EncodedValue, Path, encode_dataset
from chalicelib.dicomweb.draft import Draft, mismatch
from chalicelib.dicomweb.encapsulation import encapsulate
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta_writer import encode_file_meta
from chalicelib.dicomweb.native_pixels import check_native_pixels, describe_picture, native_vr
from chalicelib.dicomweb.original_attributes import append_original_attributes
from chalicelib.dicomweb.pixel_description import (
    SAMPLES,
    describe_coded_pixels,
    has_offsets,
)
from chalicelib.dicomweb.transformed import decode_picture
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.bulkdata_media_types import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    BulkdataMediaType,
    Treatment,
    bulkdata_media_type,
)
from chalicelib.standard.reasons import FailureReason, WarningReason

_EXTENDED_OFFSETS = (0x7FE00001, 0x7FE00002)
_PIXEL_PATH = tags.format_tag(tags.PIXEL_DATA)
FindBulkdata = Callable[[BulkdataReference], Bulkdata]


@dataclass(frozen=True, slots=True)
class BuildLimits:
    """Bounds of one instance.

    ``max_frames`` counts parts; ``max_decoded_bytes`` bounds a GIF or PNG; ``max_depth`` the
    nesting of sequences.
    """

    max_frames: int = 100_000
    max_decoded_bytes: int = 64 * 1024 * 1024
    max_depth: int = 32


@dataclass(frozen=True, slots=True)
class BuiltInstance:
    """A DICOM file.

    Attributes
    ----------
    content : bytes
        The whole file.
    transfer_syntax : str
    warning : WarningReason or None
        COERCION where an attribute was coerced.
    original_attributes : Dataset or None
        The item that was appended to Original Attributes Sequence.
    observations : frozenset of str
        Names of what was tolerated; see ``standard.observations``.
    """

    content: bytes
    transfer_syntax: str
    warning: WarningReason | None
    original_attributes: Dataset | None
    observations: frozenset[str]


def build_instance(
    metadata: Dataset,
    bulkdata: FindBulkdata,
    *,
    now: datetime,
    limits: BuildLimits | None = None,
) -> BuiltInstance:
    """Return the file that metadata and their bulkdata make.

    Parameters
    ----------
    metadata : Dataset
        Of one instance, without group 0002.
    bulkdata : callable
        Returns the parts that a reference means, or raises InstanceError.
    now : datetime
        Goes into Original Attributes Sequence, nowhere else.
    limits : BuildLimits, optional

    Raises
    ------
    InstanceError
        MISSING_ATTRIBUTE or INVALID_SOP_INSTANCE for its UIDs; DATA_SET_MISMATCH where bulkdata
        and data set contradict each other or a value cannot be written;
        TRANSFER_SYNTAX_NOT_SUPPORTED, CANNOT_UNDERSTAND, INFLATES_TOO_LARGE or TOO_DEEP; or what
        ``bulkdata`` raises.
    """
    limits = limits or BuildLimits()
    draft = Draft(metadata)
    sop_class = _required_uid(draft, tags.SOP_CLASS_UID)
    sop_instance = _required_uid(draft, tags.SOP_INSTANCE_UID)
    draft.complete(tags.SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192")
    assembly = _Assembly(draft, bulkdata, limits)
    assembly.take_document()
    assembly.take_pixels()
    item = append_original_attributes(draft, now)
    start = encode_file_meta(sop_class, sop_instance, assembly.transfer_syntax)
    content = encode_dataset(draft.dataset(), assembly.resolve, max_depth=limits.max_depth)
    return BuiltInstance(
        b"".join((start, *content)),
        assembly.transfer_syntax,
        WarningReason.COERCION if item is not None else None,
        item,
        frozenset(assembly.observations),
    )


def _required_uid(draft: Draft, tag: int) -> str:
    uid = draft.text(tag)
    path = tags.format_tag(tag)
    if not uid:
        raise InstanceError(
            FailureReason.MISSING_ATTRIBUTE, f"{path} is missing or empty.", tag_path=path
        )
    if not is_uid(uid):
        raise InstanceError(
            FailureReason.INVALID_SOP_INSTANCE,
            f"{path} is not a UID by the grammar of PS3.5 9.1 ({len(uid)} characters).",
            tag_path=path,
        )
    return uid


class _Assembly:
    """What the parts of one instance become. ``resolve`` gives the writer their values."""

    def __init__(self, draft: Draft, find: FindBulkdata, limits: BuildLimits) -> None:
        self.transfer_syntax = EXPLICIT_VR_LITTLE_ENDIAN
        self.observations: set[str] = set()
        self._draft = draft
        self._find = find
        self._limits = limits
        self._ready: dict[int, EncodedValue] = {}

    def resolve(self, element: Element, path: Path) -> EncodedValue:
        """Return the value of an element that has a bulkdata reference."""
        if not path and element.tag in self._ready:
            return self._ready[element.tag]
        return value_of(element, self._found(element), path)

    def _found(self, element: Element) -> Bulkdata:
        if element.bulkdata is None:
            raise mismatch(element.tag, "has no bulkdata")
        return self._find(element.bulkdata)

    def take_document(self) -> None:
        """Take in Encapsulated Document (0042,0011), which may be in the metadata itself."""
        element = self._draft.get(ENCAPSULATED_DOCUMENT)
        if element is None:
            return
        if element.bulkdata is not None:
            self._ready[element.tag] = document_of(self._draft, self._found(element))
        elif element.values and isinstance(element.values[0], bytes):
            note_document_length(self._draft, len(element.values[0]))

    def take_pixels(self) -> None:
        """Take in Pixel Data (7FE0,0010), by what its part is."""
        element = self._draft.get(tags.PIXEL_DATA)
        if element is None:
            return
        # Another encoding's offsets: ours are in the Basic Offset Table (PS3.5 A.4).
        for tag in _EXTENDED_OFFSETS:
            if self._draft.remove(tag):
                self.observations.add("metadata-extended-offsets")
        if element.bulkdata is None:
            self._take_inline(element)
            return
        bulkdata = self._found(element)
        if len(bulkdata.frames) > self._limits.max_frames:
            raise mismatch(element.tag, f"is in more than {self._limits.max_frames} parts")
        row = bulkdata_media_type(bulkdata.media_type.name)
        if row is None:
            raise mismatch(element.tag, "has bulkdata of a media type that holds no pixels")
        if row.treatment is Treatment.NATIVE:
            self._take_native(bulkdata)
        elif row.treatment is Treatment.TRANSFORM:
            self._take_picture(row, bulkdata)
        else:
            self._take_coded(row, bulkdata)

    def _take_inline(self, element: Element) -> None:
        value = element.values[0] if element.values else b""
        if not isinstance(value, bytes):
            raise mismatch(element.tag, "has a value that is not bytes")
        check_native_pixels(self._draft, len(value))
        self._draft.put(replace(element, vr=native_vr(self._draft)))

    def _take_native(self, bulkdata: Bulkdata) -> None:
        check_native_syntax(bulkdata, _PIXEL_PATH)
        content = single(tags.PIXEL_DATA, bulkdata)
        check_native_pixels(self._draft, len(content))
        self._ready[tags.PIXEL_DATA] = EncodedValue((content,), native_vr(self._draft))

    def _take_picture(self, row: BulkdataMediaType, bulkdata: Bulkdata) -> None:
        picture = decode_picture(
            memoryview(single(tags.PIXEL_DATA, bulkdata)),
            row.name,
            wants_grey=self._draft.number(SAMPLES) == 1,
            max_decoded_bytes=self._limits.max_decoded_bytes,
        )
        describe_picture(self._draft, picture)
        self._ready[tags.PIXEL_DATA] = EncodedValue(picture.frames, native_vr(self._draft))

    def _take_coded(self, row: BulkdataMediaType, bulkdata: Bulkdata) -> None:
        frames = bulkdata.frames if row.frames_apart else (single(tags.PIXEL_DATA, bulkdata),)
        if not frames:
            raise mismatch(tags.PIXEL_DATA, "has no parts")
        stated = bulkdata.media_type.get("transfer-syntax")
        pixels = read_coded_pixels(row, frames, stated)
        describe_coded_pixels(self._draft, pixels, derives=row.derives_macro)
        value = encapsulate(pixels.fragments, has_offsets=has_offsets(pixels))
        self._ready[tags.PIXEL_DATA] = EncodedValue(value, "OB", is_encapsulated=True)
        self.transfer_syntax = pixels.transfer_syntax
        self.observations |= pixels.observations
