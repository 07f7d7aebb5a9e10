"""From a part to an instance that may be stored, or to the item that says why not.

Nothing is stored here and nothing outside is asked.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, MemorySource, RangeSource, read_bytes
from chalicelib.dicomweb.decoded import MetadataLimits
from chalicelib.dicomweb.dicom_file import DicomFile, DicomFileLimits, read_dicom_file
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import PREAMBLE_LENGTH, PREFIX, read_file_meta
from chalicelib.dicomweb.media_types import MediaTypeSyntaxError, parse_media_type
from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart import Part
from chalicelib.dicomweb.resources import Target
from chalicelib.dicomweb.store_instances import Explanation, Failed, OtherFailure, Reference
from chalicelib.origin.model import Content, SourceForm, StagedRange
from chalicelib.standard.reasons import FailureReason, WarningReason
from chalicelib.standard.sop_classes import SopClassKind, kind_of

_DICOM = "application/dicom"
_OCTET_STREAM = "application/octet-stream"
_IDENTITY_CODINGS = ("", "binary", "8bit", "7bit")


OUT_OF_TIME = InstanceError(
    FailureReason.OUT_OF_TIME, "The request ran out of time before this instance was stored."
)
"""Said of each instance that there was no time for, wherever the time ran out."""


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """What the deployment decides about single instances."""

    strict: bool = False
    limits: DicomFileLimits = field(default_factory=DicomFileLimits)
    metadata: MetadataLimits = field(default_factory=MetadataLimits)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the request an instance is, for explanations: its part, and which of its items.

    Both count from 1; ``item`` is 0 where the part holds one instance alone.
    """

    part: int
    item: int = 0

    def __str__(self) -> str:
        return f"Part {self.part}, instance {self.item}" if self.item else f"Part {self.part}"


STAGED_WINDOW = 4 << 20
"""Bytes read at once of an instance that is not at hand."""


@dataclass(frozen=True, slots=True)
class IncomingPart:
    """A part with an instance, wherever its bytes are; ``sha256`` is "" until somebody hashes."""

    number: int
    headers: Headers
    content: Content
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An instance that may be stored: its place, its bytes, and what they say.

    ``slot`` is its place among the items of the response. ``content`` are the bytes of a PS3.10
    part unchanged, or of the file built from metadata and bulkdata; then ``warning`` tells of
    what was coerced.
    """

    slot: int
    place: Place
    content: Content
    sha256: str
    file: DicomFile
    observations: frozenset[str]
    source_form: SourceForm = SourceForm.PART10
    warning: WarningReason | None = None

    @property
    def part(self) -> int:
        return self.place.part

    @property
    def source(self) -> ByteSource:
        """The bytes for a reader that jumps; each time another."""
        return source_of(self.content)

    @property
    def reference(self) -> Reference:
        return Reference(self.file.sop_class, self.file.sop_instance)

    def failed(self, error: InstanceError) -> Failed:
        """Return the item that says why this instance is not stored."""
        return Failed(self.reference, error.reason, explain(error, self.place))


Taken = Arrival | Failed | OtherFailure
"""What an instance, or a part that names none, has come to before anything is stored."""


def source_of(content: Content) -> ByteSource:
    """Return the bytes for a reader that jumps."""
    if isinstance(content, StagedRange):
        return RangeSource(content.length, content.read, STAGED_WINDOW)
    return MemorySource(content)


def take_in(part: IncomingPart, target: Target, policy: IntakePolicy) -> Taken:
    """Return the arrival that a part of type application/dicom is, or its failure.

    Never raises for what a part holds: one bad part among good ones fails alone (R-453).
    """
    reference: Reference | None = None
    try:
        source = source_of(part.content)
        observed = _check_part_type(part, source)
        meta = read_file_meta(source)
        if meta.names_instance:
            reference = Reference(meta.sop_class, meta.sop_instance)
            # A DICOMDIR names its class here alone (PS3.10 8.6).
            _check_class(meta.sop_class, "(0002,0002)")
        file = read_dicom_file(source, meta, strict=policy.strict, limits=policy.limits)
        reference = Reference(file.sop_class, file.sop_instance)
        check_storable(file, target)
    except InstanceError as error:
        return refused_item(error, reference, Place(part.number))
    observed |= _transfer_syntax_parameter(part, file)
    digest = part.sha256 or _hashed(part.content)
    observations = file.observations | observed
    return Arrival(part.number, Place(part.number), part.content, digest, file, observations)


def _hashed(content: Content) -> str:
    if isinstance(content, StagedRange):
        raise TypeError("a staged part is hashed where it is framed")
    return sha256(content).hexdigest()


def refused_item(
    error: InstanceError, reference: Reference | None, place: Place
) -> Failed | OtherFailure:
    """Return the item of an error: in Other Failures Sequence when no instance is known."""
    if reference is None:
        return OtherFailure(error.reason, explain(error, place))
    return Failed(reference, error.reason, explain(error, place))


def explain(error: InstanceError, place: Place) -> Explanation:
    """Return what our private attributes tell of an error."""
    return Explanation(f"{place}: {error.detail}", place.part, error.tag_path)


def _check_part_type(part: IncomingPart, source: ByteSource) -> set[str]:
    """Return what to observe of the part's header, or refuse the part (PS3.18 8.6.1)."""
    check_part_coding(part)
    content_type = part.headers.get("Content-Type")
    if content_type is None:
        return {"untyped-part"}
    try:
        name = parse_media_type(content_type).name
    except MediaTypeSyntaxError:
        raise _unsupported("The part's Content-Type is not a media type.") from None
    if name == _DICOM:
        return set()
    prefix = read_bytes(source, PREAMBLE_LENGTH, len(PREFIX))
    if name == _OCTET_STREAM and prefix == PREFIX:
        return {"octet-stream-part"}
    raise _unsupported(f"The part is no {_DICOM} part, as the request's Content-Type promises.")


def check_part_coding(part: Part | IncomingPart) -> None:
    """Refuse a part that is encoded once more: parts are sent as they are."""
    coding = (part.headers.get("Content-Transfer-Encoding") or "").strip().lower()
    if coding not in _IDENTITY_CODINGS or part.headers.get("Content-Encoding"):
        raise _unsupported("The part is encoded; parts are sent as they are.")


def check_storable(file: DicomFile, target: Target) -> None:
    """Refuse a class that a Studies Service does not store, and another study's instance."""
    _check_class(file.sop_class, tags.format_tag(tags.SOP_CLASS_UID))
    if not target.admits(file.study):
        raise InstanceError(
            FailureReason.STUDY_MISMATCH,
            f"Study Instance UID {file.study} is not that of the target resource.",
            tag_path=tags.format_tag(tags.STUDY_INSTANCE_UID),
        )


def _check_class(sop_class: str, tag_path: str) -> None:
    kind = kind_of(sop_class)
    if kind is not SopClassKind.STORAGE:
        raise InstanceError(
            FailureReason.SOP_CLASS_NOT_SUPPORTED,
            f"SOP Class UID {sop_class} is {kind.value}.",
            tag_path=tag_path,
        )


def _transfer_syntax_parameter(part: IncomingPart, file: DicomFile) -> set[str]:
    """Return the observation that the file contradicts its part's header (PS3.18 8.7.9)."""
    content_type = part.headers.get("Content-Type")
    stated = parse_media_type(content_type).get("transfer-syntax") if content_type else None
    contradicts = stated not in (None, "*", file.transfer_syntax.uid)
    return {"transfer-syntax-parameter"} if contradicts else set()


def _unsupported(detail: str) -> InstanceError:
    return InstanceError(FailureReason.UNSUPPORTED_PART, detail)
