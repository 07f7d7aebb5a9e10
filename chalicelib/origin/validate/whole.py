"""Validates one object from its first byte to its last: the order of the judgements."""

from dataclasses import replace

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.dicom_file import DicomFileLimits, walk_of
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import FileMeta, read_file_meta
from chalicelib.dicomweb.structure import Kind, StructuralWalk
from chalicelib.origin.model import InstanceKey, Verdict
from chalicelib.origin.validate.elements import ElementJudge
from chalicelib.origin.validate.findings import Findings
from chalicelib.origin.validate.fragments import Fragments, judge_fragments
from chalicelib.origin.validate.frames import judge_frames
from chalicelib.origin.validate.identity import (
    FILE_META_START,
    judge_common_modules,
    judge_document,
    judge_file_meta,
    judge_identity,
)
from chalicelib.origin.validate.kept import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    KeptElements,
)
from chalicelib.origin.validate.pixels import (
    Description,
    describe,
    judge_description,
    judge_lossy,
    judge_native,
)
from chalicelib.origin.validate.values import MAX_READ_VALUE_BYTES
from chalicelib.standard.transfer_syntaxes import (
    TRANSFER_SYNTAXES,
    Acceptance,
    TransferSyntax,
)
from chalicelib.standard.validation_rules import RULES_VERSION

_PIXEL_DATA_PATH = tags.format_tag(tags.PIXEL_DATA)
_SYNTAX_PATH = "(0002,0010)"
_ELEMENTS = frozenset({Kind.ELEMENT, Kind.SEQUENCE, Kind.FRAGMENTS})


def validate_object(
    source: ByteSource, key: InstanceKey, sha256: str, limits: DicomFileLimits | None = None
) -> Verdict:
    """Return what there is to say against an object.

    A pure function of its arguments: the same bytes under the same key get the same verdict. What
    intake observed and the bytes do not show is no part of it; VerdictStore keeps that beside it.

    Parameters
    ----------
    source : ByteSource
        The whole file. Windows of at most 1 MiB are asked for; what its ``window`` raises
        passes through, nothing else is raised for any bytes.
    key : InstanceKey
        Where the object is filed.
    sha256 : str
        Of the object; copied into the verdict, not checked.
    limits : DicomFileLimits, optional
        Bounds on elements, nesting and inflated size.
    """
    findings = Findings()
    try:
        meta = read_file_meta(source)
        group_2 = read_bytes(source, FILE_META_START, meta.data_set_start - FILE_META_START)
        judge_file_meta(meta, group_2, findings)
        syntax = _judge_syntax(meta, findings)
        if syntax is not None:
            _DataSetJudge(source, meta, syntax, key, findings).judge(limits or DicomFileLimits())
    except InstanceError as error:
        findings.refuse(error)
    kept, omitted = findings.worst_first()
    return Verdict(key, sha256, RULES_VERSION, kept, omitted)


def _judge_syntax(meta: FileMeta, findings: Findings) -> TransferSyntax | None:
    """Return the transfer syntax if a data set in it can be walked."""
    uid = meta.transfer_syntax
    if not uid:
        detail = "File Meta Information has no valid Transfer Syntax UID."
        findings.add("file-meta-unreadable", _SYNTAX_PATH, detail)
        return None
    row = TRANSFER_SYNTAXES.get(uid)
    if row is None:
        findings.add("transfer-syntax-unknown", _SYNTAX_PATH, f"{uid} is unknown or private.")
        return None
    if row.acceptance is Acceptance.TOLERATED:
        detail = f"{row.name} ({uid}) is not for web services."
        findings.add("transfer-syntax-tolerated", _SYNTAX_PATH, detail)
    elif row.acceptance is Acceptance.REFUSED:
        findings.add("transfer-syntax-refused", _SYNTAX_PATH, f"{row.name} ({uid}): {row.source}.")
        return row if row.encapsulated else None
    return row


class _DataSetJudge:
    """Judges the data set of one file."""

    def __init__(
        self,
        source: ByteSource,
        meta: FileMeta,
        syntax: TransferSyntax,
        key: InstanceKey,
        findings: Findings,
    ) -> None:
        self._source = source
        self._meta = meta
        self._syntax = syntax
        self._key = key
        self._findings = findings
        self._fragments = Fragments()

    def judge(self, limits: DicomFileLimits) -> None:
        """Walk the data set, then judge what was kept of it.

        Raises
        ------
        InstanceError
            When the data set cannot be inflated.
        """
        # Fragments are recognised in native syntaxes too: that is a finding, not an end.
        recognising = replace(self._syntax, encapsulated=True)
        walk = walk_of(self._source, self._meta, recognising, limits)
        kept = KeptElements(walk.source)
        is_whole = self._walk(walk, kept)
        judge_identity(kept, self._key, self._meta, self._findings, is_whole=is_whole)
        judge_document(kept, self._findings)
        if is_whole:
            judge_common_modules(kept, self._findings)
            self._judge_pixels(walk.source, kept)

    def _walk(self, walk: StructuralWalk, kept: KeptElements) -> bool:
        """Return whether the walk came to the end of the data set."""
        elements = ElementJudge(self._findings, walk.source)
        fragments = self._fragments
        is_whole = True
        try:
            for step in walk:
                kind = step.kind
                if kind in _ELEMENTS and step.depth == 0:
                    kept.take(step)
                elements.take(step)
                if kind >= Kind.FRAGMENTS:
                    fragments.take(step)
        except InstanceError as error:
            self._findings.refuse(error)
            is_whole = False
        self._conclude(walk, elements)
        return is_whole

    def _conclude(self, walk: StructuralWalk, elements: ElementJudge) -> None:
        if "trailing-zeros" in walk.observations:
            self._findings.add("trailing-zeros", "", "Zeros follow the last element.")
        if elements.unread:
            detail = f"{elements.unread} values longer than {MAX_READ_VALUE_BYTES} bytes."
            self._findings.add("values-not-read", "", detail)

    def _judge_pixels(self, source: ByteSource, kept: KeptElements) -> None:
        described = describe(kept)
        judge_description(kept, described, self._findings)
        if self._fragments.is_present:
            self._judge_encapsulated(source, kept, described)
        elif kept.has(tags.PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA):
            self._judge_native(kept, described)

    def _judge_encapsulated(
        self, source: ByteSource, kept: KeptElements, described: Description
    ) -> None:
        if not self._syntax.encapsulated:
            detail = f"{_PIXEL_DATA_PATH} holds fragments; {self._syntax.name} is native."
            self._findings.add("encapsulated-pixel-data", _PIXEL_DATA_PATH, detail)
            return
        fragments, uid = self._fragments, self._syntax.uid
        spans = judge_fragments(fragments, kept, source, uid, described.frames, self._findings)
        is_lossy = judge_frames(source, fragments, spans, described, uid, self._findings)
        judge_lossy(kept, is_lossy, self._findings)

    def _judge_native(self, kept: KeptElements, described: Description) -> None:
        pixel_data = kept.get(tags.PIXEL_DATA)
        if pixel_data is not None and self._syntax.encapsulated:
            detail = (
                f"{_PIXEL_DATA_PATH} has {pixel_data.length} native bytes; {self._syntax.name} "
                "encapsulates."
            )
            self._findings.add("native-pixel-data", _PIXEL_DATA_PATH, detail)
            return
        judge_native(kept, described, self._findings)
