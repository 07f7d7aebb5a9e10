"""Metadata with bulkdata: ``--as json`` and ``--as xml`` (R-202 to R-210).

JSON metadata are one part with an array, XML metadata one part for each instance; all of them come
before the first bulkdata part (R-238). A bulkdata part has the Content-Location that the metadata
refer to: octets for a value as it is, one part for each frame of a compressed image under one
Content-Location, one for a whole video, and a document with the media type that it names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.dicom_json import encode_json
from chalicelib.dicomweb.dicom_xml.encode import encode_xml
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.multipart_writer import (
    Buffer,
    BytesContent,
    MultipartBody,
    OutgoingPart,
)
from chalicelib.standard.bulkdata_media_types import OCTET_STREAM, bulkdata_media_type
from chalicelib.standard.codestream_syntaxes import MULTI_COMPONENT, VIDEO
from chalicelib.standard.media_types import DICOM_JSON, DICOM_XML
from chalicelib.useragent.bulkdata_ranges import (
    ENCAPSULATED_DOCUMENT,
    Bulk,
    Parted,
    Range,
    frames_of,
    part,
)
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.model import Instance
from chalicelib.useragent.payloads import PLAIN, Payload, Piece, WireOptions
from chalicelib.useragent.sources import CHUNK_BYTES, Source, ranges_of

_NUMBER_OF_FRAMES, _BITS_ALLOCATED = 0x00280008, 0x00280100
_DOCUMENT_TYPE, _DOCUMENT_LENGTH = 0x00420012, 0x00420015
_METADATA_BYTES = 16 * 1024
_SOC_AND_SIZ = b"\xff\x4f\xff\x51"


@dataclass(frozen=True, slots=True)
class RangesContent:
    """Ranges of a source, one behind the other."""

    source: Source
    ranges: tuple[Range, ...]

    @property
    def length(self) -> int:
        return sum(one.length for one in self.ranges)

    def __iter__(self) -> Iterator[Buffer]:
        for one in self.ranges:
            position, end = one.offset, one.offset + one.length
            while position < end:
                data = self.source.read(position, min(CHUNK_BYTES, end - position))
                position += len(data)
                yield data


@dataclass(frozen=True, slots=True)
class JsonEncoder:
    """DICOM JSON metadata with bulkdata."""

    wire: WireOptions = PLAIN

    def cost(self, instance: Instance) -> int:
        """Return the bytes of the file and about those of its metadata as text."""
        return instance.source.size + _METADATA_BYTES

    def is_rewritten(self, piece: Piece) -> bool:
        """Metadata have no transfer syntax; nothing is said to be rewritten."""
        return False

    def encode(self, pieces: Sequence[Piece], boundary: str, *, is_quoted: bool) -> Payload:
        """Return one part of metadata, then bulkdata."""
        texts, parts = [], []
        for piece in pieces:
            dataset, bulkdata = _parts_of(piece.instance)
            texts.append(encode_json(dataset))
            parts += bulkdata
        metadata = BytesContent(f"[{','.join(texts)}]".encode())
        root = OutgoingPart((("Content-Type", DICOM_JSON),), metadata)
        body = MultipartBody([root, *parts], boundary)
        return self.wire.dress(body, body.content_type(DICOM_JSON, is_quoted=is_quoted))


@dataclass(frozen=True, slots=True)
class XmlEncoder:
    """Native DICOM Model metadata with bulkdata."""

    wire: WireOptions = PLAIN

    def cost(self, instance: Instance) -> int:
        """Return the bytes of the file and about those of its metadata as text."""
        return instance.source.size + 2 * _METADATA_BYTES

    def is_rewritten(self, piece: Piece) -> bool:
        """Metadata have no transfer syntax; nothing is said to be rewritten."""
        return False

    def encode(self, pieces: Sequence[Piece], boundary: str, *, is_quoted: bool) -> Payload:
        """Return one part of metadata for each instance, then bulkdata."""
        roots, parts = [], []
        for piece in pieces:
            dataset, bulkdata = _parts_of(piece.instance)
            content = BytesContent(_xml(dataset, piece.instance).encode())
            roots.append(OutgoingPart((("Content-Type", DICOM_XML),), content))
            parts += bulkdata
        body = MultipartBody([*roots, *parts], boundary)
        return self.wire.dress(body, body.content_type(DICOM_XML, is_quoted=is_quoted))


def _xml(dataset: Dataset, instance: Instance) -> str:
    try:
        return encode_xml(dataset, replace=False)  # nothing of a patient's becomes U+FFFD
    except InstanceError as error:
        raise SourceError(instance.source.label, f"{error.detail} Send it otherwise.") from None


def _parts_of(instance: Instance) -> tuple[Dataset, list[OutgoingPart]]:
    """Return metadata and bulkdata parts of an instance."""
    parted = part(instance.source)
    prefix = f"bulkdata/{instance.sop_instance}/"
    parts: list[OutgoingPart] = []
    try:
        for path, bulk in parted.bulkdata.items():
            parts += _bulkdata_parts(parted, bulk, prefix + path)
    except InstanceError as error:
        raise SourceError(
            instance.source.label, f"It cannot be sent as metadata with bulkdata: {error.detail}"
        ) from None
    dataset = _located(parted.dataset, prefix)
    is_native = parted.syntax.media_type == OCTET_STREAM and parted.syntax.encapsulated
    return _with_native_vr(dataset) if is_native else dataset, parts


def _bulkdata_parts(parted: Parted, bulk: Bulk, location: str) -> Iterator[OutgoingPart]:
    if bulk.tag == ENCAPSULATED_DOCUMENT and bulk.path == f"{bulk.tag:08X}":
        yield _document(parted, bulk, location)
    elif not bulk.is_encapsulated or parted.syntax.media_type == OCTET_STREAM:
        yield _outgoing(parted.source, OCTET_STREAM, location, bulk.ranges)
    else:
        yield from _compressed(parted, bulk, location)


def _compressed(parted: Parted, bulk: Bulk, location: str) -> Iterator[OutgoingPart]:
    """Yield a part for each frame, all with one Content-Location, or one for a video.

    A codestream of JPEG 2000 Part 2 may hold several frames as its components (PS3.5 A.4.4): then
    each codestream is a part.
    """
    syntax = parted.syntax
    if bulkdata_media_type(syntax.media_type) is None:
        raise SourceError(
            parted.source.label,
            "Its transfer syntax has no media type of bulkdata; send it with --as dicom.",
        )
    kind = f"{syntax.media_type}; transfer-syntax={syntax.uid}"
    if syntax.uid in VIDEO:
        yield _outgoing(parted.source, kind, location, bulk.ranges)
        return
    frames = 1
    if "/" not in bulk.path:
        frames = _number(parted.dataset, _NUMBER_OF_FRAMES, 1)
    if syntax.uid in MULTI_COMPONENT and len(bulk.ranges) != frames:
        found = _codestreams_of(parted.source, bulk)
    else:
        found = frames_of(bulk, frames, ranges_of(parted.source))
    for fragments in found:
        yield _outgoing(parted.source, kind, location, fragments)


def _codestreams_of(source: Source, bulk: Bulk) -> list[list[Range]]:
    """Return the fragments of each codestream: those that begin one, and what follows them."""
    streams: list[list[Range]] = []
    for fragment in bulk.ranges:
        begun = source.read(fragment.offset, min(fragment.length, len(_SOC_AND_SIZ)))
        if begun == _SOC_AND_SIZ or not streams:
            streams.append([])
        streams[-1].append(fragment)
    return streams


def _document(parted: Parted, bulk: Bulk, location: str) -> OutgoingPart:
    """Return a document as it is: without the padding, where the data set tells its length."""
    element = parted.dataset.get(_DOCUMENT_TYPE)
    kind = str(element.values[0]) if element is not None and element.values else OCTET_STREAM
    [whole] = bulk.ranges
    length = _number(parted.dataset, _DOCUMENT_LENGTH, whole.length)
    if length == whole.length - 1:
        whole = Range(whole.offset, length)
    return _outgoing(parted.source, kind, location, [whole])


def _outgoing(source: Source, kind: str, location: str, ranges: Sequence[Range]) -> OutgoingPart:
    headers = (("Content-Type", kind), ("Content-Location", location))
    return OutgoingPart(headers, RangesContent(source, tuple(ranges)))


def _located(dataset: Dataset, prefix: str) -> Dataset:
    """Return the data set with the references that the parts answer."""
    elements = []
    for element in dataset:
        if element.bulkdata is not None:
            reference = BulkdataReference(prefix + element.bulkdata.uri)
            element = replace(element, bulkdata=reference)
        elif element.vr == "SQ":
            items = tuple(_located(i, prefix) for i in element.values if isinstance(i, Dataset))
            element = replace(element, values=items)
        elements.append(element)
    return Dataset(elements)


def _with_native_vr(dataset: Dataset) -> Dataset:
    """Return a data set whose pixels were encapsulated uncompressed with the VR of native ones."""
    is_wide = _number(dataset, _BITS_ALLOCATED, 8) > 8
    return Dataset(
        replace(element, vr="OW") if element.tag == 0x7FE00010 and is_wide else element
        for element in dataset
    )


def _number(dataset: Dataset, tag: int, default: int) -> int:
    element: Element | None = dataset.get(tag)
    try:
        return int(str(element.values[0])) if element is not None and element.values else default
    except ValueError:
        return default
