"""From metadata and bulkdata parts to instances that may be stored (PS3.18 10.5.1.4).

A JSON part holds an array of instances, an XML part one. Each is built into a DICOM file with the
bulkdata it refers to, and that file goes through the same walk and checks as one that was sent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus

from chalicelib.dicomweb.bulkdata import BulkdataPart, BulkdataParts, with_references
from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dataset import Dataset
from chalicelib.dicomweb.decoded import Decoded
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.dicom_json import decode_json
from chalicelib.dicomweb.dicom_xml import decode_xml
from chalicelib.dicomweb.errors import InstanceError, RequestError
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.instance_builder import BuildLimits, BuiltInstance, build_instance
from chalicelib.dicomweb.media_types import (
    MediaType,
    MediaTypeSyntaxError,
    PayloadType,
    parse_media_type,
)
from chalicelib.dicomweb.multipart import Part
from chalicelib.dicomweb.resources import Target
from chalicelib.dicomweb.store_instances import OtherFailure, Reference
from chalicelib.origin.intake import (
    OUT_OF_TIME,
    Arrival,
    IntakePolicy,
    Place,
    Taken,
    check_part_coding,
    check_storable,
    explain,
    refused_item,
)
from chalicelib.origin.model import SourceForm
from chalicelib.standard.bulkdata_media_types import OCTET_STREAM
from chalicelib.standard.media_types import DICOM, DICOM_JSON, DICOM_XML
from chalicelib.standard.reasons import FailureReason

_SOURCE_FORMS = {DICOM_JSON: SourceForm.JSON, DICOM_XML: SourceForm.XML}


@dataclass(slots=True)
class _Message:
    """The parts of a message, sorted: metadata in body order, bulkdata, and what is neither."""

    form: str
    bulkdata: BulkdataParts
    metadata: list[Part] = field(default_factory=list)
    refused: list[OtherFailure] = field(default_factory=list)
    observations: set[str] = field(default_factory=set)


def take_in_metadata(
    parts: Sequence[Part],
    payload: PayloadType,
    target: Target,
    target_url: str,
    policy: IntakePolicy,
    now: datetime,
    has_time: Callable[[], bool],
) -> list[Taken]:
    """Return an arrival or a failure for each instance, and a failure for each part left over.

    Parameters
    ----------
    parts : sequence of Part
        All parts of the message.
    payload : PayloadType
        What Content-Type says of them.
    target, target_url : Target, str
        The resource, and its URL, against which references to bulkdata are resolved.
    policy : IntakePolicy
    now : datetime
        The time of what is recorded as modified.
    has_time : callable
        Whether what is built now could still be stored.

    Raises
    ------
    RequestError
        400 when the root is no metadata, or JSON that is not an array of data sets.
    """
    message = _sort(parts, _form_of(parts, payload), target_url)
    taken: list[Taken] = []
    for part in message.metadata:
        for decoded in _decode(part, message.form, policy):
            place = Place(part.number, decoded.number if message.form == DICOM_JSON else 0)
            if not has_time():
                taken.append(refused_item(OUT_OF_TIME, _reference_of(decoded), place))
                continue
            taken.append(_take_in(decoded, place, len(taken), message, target, policy, now))
    unnamed = InstanceError(
        FailureReason.BULKDATA_UNNAMED, "No metadata of this message refer to the bulkdata."
    )
    left_over = [
        OtherFailure(unnamed.reason, explain(unnamed, Place(one.part.number)))
        for one in message.bulkdata.unnamed()
    ]
    return [*taken, *message.refused, *left_over]


def _form_of(parts: Sequence[Part], payload: PayloadType) -> str:
    """Return the media type of the metadata: that of the message, or of its root part.

    Rows of PS3.2 Table N.5-81 name a bulkdata type as the message's; RFC 2387 then points to the
    root by ``start``, or it is the first part.
    """
    if payload.media_type.name in _SOURCE_FORMS:
        return payload.media_type.name
    root = _named_by(payload.start, parts) if payload.start else parts[0]
    name = _name_of(root) if root is not None else None
    if name not in _SOURCE_FORMS:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            f"The message's root is neither {DICOM_JSON} nor {DICOM_XML}: bulkdata without "
            "metadata make no instance.",
            part=root.number if root is not None else None,
        )
    return str(name)


def _named_by(start: str, parts: Iterable[Part]) -> Part | None:
    wanted = start.strip().strip("<>")
    for part in parts:
        if (part.headers.get("Content-ID") or "").strip().strip("<>") == wanted:
            return part
    return None


def _sort(parts: Sequence[Part], form: str, target_url: str) -> _Message:
    message = _Message(form, BulkdataParts(target_url))
    for part in parts:
        try:
            check_part_coding(part)
            media_type = _media_type_of(part, form, message)
        except InstanceError as error:
            message.refused.append(OtherFailure(error.reason, explain(error, Place(part.number))))
            continue
        if media_type.name == form:
            message.metadata.append(part)
        else:
            message.bulkdata.add(BulkdataPart(part, media_type))
    if not message.metadata:
        raise RequestError(HTTPStatus.BAD_REQUEST, f"The message has no part of type {form}.")
    return message


def _media_type_of(part: Part, form: str, message: _Message) -> MediaType:
    """Return a part's media type; of the first part and of bulkdata, what it is without one."""
    header = part.headers.get("Content-Type")
    if header is None:
        message.observations.add("untyped-part")
        untyped_root = not message.metadata and part.number == 1
        return parse_media_type(form if untyped_root else OCTET_STREAM)
    try:
        media_type = parse_media_type(header)
    except MediaTypeSyntaxError:
        raise _unsupported("The part's Content-Type is not a media type.") from None
    if media_type.name != form and media_type.name in (DICOM, *_SOURCE_FORMS):
        raise _unsupported(f"A part of type {media_type.name} has no place among {form} metadata.")
    return media_type


def _name_of(part: Part) -> str | None:
    try:
        return parse_media_type(part.headers.get("Content-Type") or "").name
    except MediaTypeSyntaxError:
        return None


def _decode(part: Part, form: str, policy: IntakePolicy) -> Iterator[Decoded]:
    """Yield the instances of a metadata part; broken JSON is a broken request."""
    if form == DICOM_XML:
        yield decode_xml(part.body, policy.metadata)
        return
    try:
        yield from decode_json(part.body, policy.metadata)
    except RequestError as error:
        error.part = part.number
        raise


def _take_in(
    decoded: Decoded,
    place: Place,
    slot: int,
    message: _Message,
    target: Target,
    policy: IntakePolicy,
    now: datetime,
) -> Taken:
    """Return the arrival that metadata and their bulkdata make, or its failure."""
    try:
        if decoded.error is not None or decoded.dataset is None:
            raise decoded.error or InstanceError(
                FailureReason.CANNOT_UNDERSTAND, "The metadata hold no data set."
            )
        dataset, observations = decoded.dataset, decoded.observations
        if _note_references(dataset, message.bulkdata):
            dataset = with_references(dataset, message.bulkdata)
            _note_references(dataset, message.bulkdata)
            if dataset != decoded.dataset:
                observations |= {"metadata-reference-as-value"}
        limits = BuildLimits(max_depth=policy.metadata.max_depth)
        built = build_instance(dataset, message.bulkdata.find, now=now, limits=limits)
        arrival = _arrive(built, place, slot, message, policy, observations)
        check_storable(arrival.file, target)
    except InstanceError as error:
        return refused_item(error, _reference_of(decoded), place)
    return arrival


def _reference_of(decoded: Decoded) -> Reference | None:
    if decoded.sop_class and decoded.sop_instance:
        return Reference(decoded.sop_class, decoded.sop_instance)
    return None


def _arrive(
    built: BuiltInstance,
    place: Place,
    slot: int,
    message: _Message,
    policy: IntakePolicy,
    observed: frozenset[str],
) -> Arrival:
    """Walk what was built as if it had been sent: what we store can be read."""
    source = MemorySource(built.content)
    file = read_dicom_file(source, read_file_meta(source), limits=policy.limits)
    return Arrival(
        slot=slot,
        place=place,
        content=built.content,
        sha256=sha256(built.content).hexdigest(),
        file=file,
        observations=file.observations | built.observations | observed | message.observations,
        source_form=_SOURCE_FORMS[message.form],
        warning=built.warning,
    )


def _note_references(dataset: Dataset, bulkdata: BulkdataParts) -> bool:
    """Mark what the metadata refer to, so that a part is not called unnamed when building fails.

    Return whether there are URLs, which may be references too.
    """
    has_urls = False
    for element in dataset:
        has_urls |= element.vr == "UR"
        if element.bulkdata is not None:
            bulkdata.note(element.bulkdata)
        for value in element.values:
            if isinstance(value, Dataset):
                has_urls |= _note_references(value, bulkdata)
    return has_urls


def _unsupported(detail: str) -> InstanceError:
    return InstanceError(FailureReason.UNSUPPORTED_PART, detail)
