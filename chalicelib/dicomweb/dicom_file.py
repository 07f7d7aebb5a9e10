"""A DICOM file (PS3.10) read as far as storing it needs: structure whole, values few.

The whole data set is walked, so what is stored can be read; of the values only those that
identify and index the instance are kept, and no value is interpreted here.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, MemorySource, read_bytes
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import FileMeta, Preamble
from chalicelib.dicomweb.structure import (
    Kind,
    Step,
    StructuralWalk,
    StructureLimits,
)
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.index_attributes import INDEX_ATTRIBUTES, REQUEST_ATTRIBUTES
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.transfer_syntaxes import (
    TRANSFER_SYNTAXES,
    Acceptance,
    Encoding,
    TransferSyntax,
)

MAX_KEPT_VALUE_BYTES = 64 * 1024
_REQUEST_ATTRIBUTES_SEQUENCE = 0x00400275
_IDENTIFYING = (
    tags.SPECIFIC_CHARACTER_SET,
    tags.SOP_CLASS_UID,
    tags.SOP_INSTANCE_UID,
    tags.STUDY_INSTANCE_UID,
    tags.SERIES_INSTANCE_UID,
)
_KEPT = frozenset(_IDENTIFYING) | {
    row.tag for row in INDEX_ATTRIBUTES if row.tag != _REQUEST_ATTRIBUTES_SEQUENCE
}
_KEPT_IN_REQUEST = frozenset(row.tag for row in REQUEST_ATTRIBUTES)
_MAX_REQUEST_ITEMS = 100


@dataclass(frozen=True, slots=True)
class RawValue:
    """A value as it stands in the data set; ``vr`` is "" where the encoding does not say."""

    vr: str
    value: bytes
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class DicomFileLimits:
    """Bounds on one file. ``max_inflated_bytes`` bounds a deflated data set."""

    structure: StructureLimits = field(default_factory=StructureLimits)
    max_inflated_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DicomFile:
    """What a walked file says of itself.

    Attributes
    ----------
    values : mapping of int to RawValue
        Top-level values that identify and index the instance, by tag, where present.
    request_attributes : tuple of mappings
        The kept values of each item of Request Attributes Sequence (0040,0275).
    has_request_attributes : bool
        Whether that sequence is present, perhaps empty.
    observations : frozenset of str
        Names of what was tolerated; see ``standard.observations``.
    """

    meta: FileMeta
    transfer_syntax: TransferSyntax
    sop_class: str
    sop_instance: str
    study: str
    series: str
    values: Mapping[int, RawValue]
    request_attributes: tuple[Mapping[int, RawValue], ...]
    has_request_attributes: bool
    observations: frozenset[str]


def accepted_transfer_syntax(uid: str, *, strict: bool = False) -> TransferSyntax:
    """Return the row of a transfer syntax this product stores.

    Raises
    ------
    InstanceError
        TRANSFER_SYNTAX_NOT_SUPPORTED; in strict mode for tolerated syntaxes too (PS3.18 8.7.3).
    """
    row = TRANSFER_SYNTAXES.get(uid)
    if row is None:
        raise _unsupported(f"Transfer Syntax UID {uid} is unknown or private.")
    if row.acceptance is Acceptance.REFUSED:
        raise _unsupported(f"{row.name} ({uid}) is not stored ({row.source}).")
    if strict and row.acceptance is Acceptance.TOLERATED:
        raise _unsupported(f"{row.name} ({uid}) is not stored in strict mode ({row.source}).")
    return row


def read_dicom_file(
    source: ByteSource,
    meta: FileMeta,
    *,
    strict: bool = False,
    limits: DicomFileLimits | None = None,
) -> DicomFile:
    """Walk the whole data set of a file whose File Meta Information was read.

    Parameters
    ----------
    source : ByteSource
        The whole file, preamble included.
    meta : FileMeta
        Of the same source.
    strict : bool
        Refuse transfer syntaxes that PS3.18 8.7.3 keeps out of web services, and files whose
        File Meta Information names another instance.
    limits : DicomFileLimits, optional

    Raises
    ------
    InstanceError
        With the reason; the file then names itself by ``meta`` alone.
    """
    limits = limits or DicomFileLimits()
    if meta.preamble is Preamble.EXECUTABLE:
        raise InstanceError(
            FailureReason.EXECUTABLE_PREAMBLE,
            "The preamble starts with the signature of an executable or script.",
        )
    if not meta.transfer_syntax:
        raise InstanceError(
            FailureReason.FILE_META_UNREADABLE,
            "File Meta Information has no valid Transfer Syntax UID.",
            tag_path="(0002,0010)",
        )
    syntax = accepted_transfer_syntax(meta.transfer_syntax, strict=strict)
    walk = walk_of(source, meta, syntax, limits)
    kept = _Kept(walk.source)
    for step in walk:
        kept.take(step)
    observations = frozenset(walk.observations) | meta.observations
    return _identified(meta, syntax, kept, observations, strict=strict)


def walk_of(
    source: ByteSource, meta: FileMeta, syntax: TransferSyntax, limits: DicomFileLimits
) -> StructuralWalk:
    """Return the walk over a file's data set, inflated within the limit if it is deflated."""
    start = meta.data_set_start
    encoding = syntax.encoding
    if encoding is Encoding.DEFLATED:
        source = MemorySource(_inflate(source, start, limits.max_inflated_bytes))
        start, encoding = 0, Encoding.EXPLICIT_LITTLE
    return StructuralWalk(source, encoding, syntax.encapsulated, start, limits.structure)


_PIECE_BYTES = 1 << 20
"""Inflated at once: a longer piece would be in memory twice."""


def _inflate(source: ByteSource, start: int, max_bytes: int) -> memoryview:
    """Inflate a data set (PS3.5 A.5, RFC 1951), never holding more than the limit."""
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    inflated = bytearray()
    position = start
    try:
        while not inflater.eof and position < source.size:
            chunk = read_bytes(source, position, 1 << 16)
            position += len(chunk)
            while piece := inflater.decompress(chunk, _PIECE_BYTES):
                if len(inflated) + len(piece) > max_bytes:
                    raise InstanceError(
                        FailureReason.INFLATES_TOO_LARGE,
                        f"The deflated data set inflates to more than {max_bytes} bytes.",
                    )
                inflated += piece
                chunk = inflater.unconsumed_tail
    except zlib.error:
        raise InstanceError(
            FailureReason.MALFORMED_STRUCTURE, "The deflated data set cannot be inflated."
        ) from None
    if not inflater.eof:
        raise InstanceError(
            FailureReason.TRUNCATED, "The deflated data set ends before its last block."
        )
    return memoryview(inflated)


class _Kept:
    """Collects, while the walk goes by, the values that are kept."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.values: dict[int, RawValue] = {}
        self.request_items: list[dict[int, RawValue]] = []
        self.has_request_attributes = False
        self._in_request = False

    def take(self, step: Step) -> None:
        """Look at one step."""
        kind, tag, _, _, _, depth, _ = step
        if kind is Kind.ELEMENT:
            if depth == 0 and tag in _KEPT:
                self._keep(self.values, step)
            elif depth == 1 and self._in_request and tag in _KEPT_IN_REQUEST:
                self._keep(self.request_items[-1], step)
        elif depth == 0 and kind is Kind.SEQUENCE:
            self._in_request = tag == _REQUEST_ATTRIBUTES_SEQUENCE
            if self._in_request and self.has_request_attributes:
                raise _ambiguous(tag)
            self.has_request_attributes |= self._in_request
        elif depth == 0 and kind is Kind.END_SEQUENCE:
            self._in_request = False
        elif depth == 1 and kind is Kind.ITEM and self._in_request:
            if len(self.request_items) < _MAX_REQUEST_ITEMS:
                self.request_items.append({})
            else:
                self._in_request = False

    def _keep(self, values: dict[int, RawValue], step: Step) -> None:
        if step.tag in values:
            raise _ambiguous(step.tag)
        length = min(step.length, MAX_KEPT_VALUE_BYTES)
        value = read_bytes(self._source, step.offset, length)
        values[step.tag] = RawValue(step.vr, value, step.encoding)


def _identified(
    meta: FileMeta,
    syntax: TransferSyntax,
    kept: _Kept,
    observations: frozenset[str],
    *,
    strict: bool,
) -> DicomFile:
    """Return the file with its UIDs checked (PS3.5 9.1, PS3.10 7.1)."""
    sop_class, sop_instance, study, series = (
        _required_uid(kept.values, tag) for tag in _IDENTIFYING[1:]
    )
    observed = set(observations)
    _check_named_alike(meta.sop_class, sop_class, tags.SOP_CLASS_UID)
    if meta.sop_instance and meta.sop_instance != sop_instance:
        # The data set names the instance. Anonymisers often leave the old UID in group 0002:
        # refusing those files would refuse good images.
        if strict:
            _check_named_alike(meta.sop_instance, sop_instance, tags.SOP_INSTANCE_UID)
        observed.add("file-meta-names-another-instance")
    if not meta.names_instance:
        observed.add("file-meta-names-no-instance")
    if meta.preamble is Preamble.OTHER:
        observed.add("unusual-preamble")
    if syntax.acceptance is Acceptance.TOLERATED:
        observed.add("tolerated-transfer-syntax")
    return DicomFile(
        meta=meta,
        transfer_syntax=syntax,
        sop_class=sop_class,
        sop_instance=sop_instance,
        study=study,
        series=series,
        values=kept.values,
        request_attributes=tuple(kept.request_items),
        has_request_attributes=kept.has_request_attributes,
        observations=frozenset(observed),
    )


def _check_named_alike(stated: str, found: str, tag: int) -> None:
    if stated and stated != found:
        raise InstanceError(
            FailureReason.CLASS_INSTANCE_CONFLICT,
            f"{tags.format_tag(tag)} is not the UID of File Meta Information.",
            tag_path=tags.format_tag(tag),
        )


def _required_uid(values: Mapping[int, RawValue], tag: int) -> str:
    raw = values.get(tag)
    # PS3.5 9.1 pads with NUL; a space is what other text is padded with, and met in the field.
    text = raw.value.rstrip(b"\0 ").decode("latin-1") if raw is not None else ""
    if not text:
        raise InstanceError(
            FailureReason.MISSING_ATTRIBUTE,
            f"{tags.format_tag(tag)} is missing or empty.",
            tag_path=tags.format_tag(tag),
        )
    if not is_uid(text):
        raise InstanceError(
            FailureReason.INVALID_SOP_INSTANCE,
            f"{tags.format_tag(tag)} is not a UID by the grammar of PS3.5 9.1 "
            f"({len(text)} characters).",
            tag_path=tags.format_tag(tag),
        )
    return text


def _ambiguous(tag: int) -> InstanceError:
    return InstanceError(
        FailureReason.AMBIGUOUS_ELEMENT,
        f"{tags.format_tag(tag)} stands twice; two readers could see two instances.",
        tag_path=tags.format_tag(tag),
    )


def _unsupported(detail: str) -> InstanceError:
    return InstanceError(
        FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED, detail, tag_path="(0002,0010)"
    )
