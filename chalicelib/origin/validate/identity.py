"""Judges whether an object is what and where it is said to be: UIDs, File Meta, modules."""

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import (
    PREAMBLE_LENGTH,
    PREFIX,
    FileMeta,
    Preamble,
    classify_preamble,
)
from chalicelib.dicomweb.structure import Kind, StructuralWalk
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.validate.elements import ElementJudge
from chalicelib.origin.validate.findings import Findings
from chalicelib.origin.validate.kept import (
    ENCAPSULATED_DOCUMENT,
    MIME_TYPE_OF_DOCUMENT,
    KeptElements,
)
from chalicelib.standard.common_modules import COMMON_ATTRIBUTES
from chalicelib.standard.sop_classes import DICOM_UID_ROOT, SopClassKind, kind_of
from chalicelib.standard.transfer_syntaxes import Encoding

FILE_META_START = PREAMBLE_LENGTH + len(PREFIX)
_MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
_MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
_REQUIRED_FILE_META = (
    0x00020001,
    _MEDIA_STORAGE_SOP_CLASS_UID,
    _MEDIA_STORAGE_SOP_INSTANCE_UID,
    0x00020010,
    0x00020012,
)
_PDF = "application/pdf"
_PDF_SIGNATURE = b"%PDF-"


def judge_file_meta(meta: FileMeta, group_2: bytes, findings: Findings) -> None:
    """Judge preamble and File Meta Information by themselves (PS3.10 7.1 and 7.5).

    Parameters
    ----------
    meta : FileMeta
        As read.
    group_2 : bytes
        The bytes it was read from, without preamble and prefix.
    findings : Findings
    """
    if meta.preamble is Preamble.EXECUTABLE:
        detail = "The preamble starts with the signature of an executable or script."
        findings.add("executable-preamble", "", detail)
    elif meta.preamble is Preamble.OTHER:
        findings.add("preamble-unusual", "", "The preamble is neither zeros nor TIFF.")
    if "no-file-meta-group-length" in meta.observations:
        findings.add("file-meta-length", "(0002,0000)", "(0002,0000) is missing.")
    elif "wrong-file-meta-group-length" in meta.observations:
        detail = f"(0002,0000) is not the length of group 0002, {len(group_2)} bytes with it."
        findings.add("file-meta-length", "(0002,0000)", detail)
    source = MemorySource(group_2)
    judge = ElementJudge(findings, source, is_file_meta=True)
    present = set()
    try:
        for step in StructuralWalk(source, Encoding.EXPLICIT_LITTLE, False):
            judge.take(step)
            if step.kind is Kind.ELEMENT and step.length:
                present.add(step.tag)
    except InstanceError as error:
        findings.add("file-meta-unreadable", error.tag_path or "", error.detail)
        return
    for tag in _REQUIRED_FILE_META:
        if tag not in present:
            path = tags.format_tag(tag)
            findings.add("file-meta-incomplete", path, f"{path} is missing or empty.")


def judge_identity(
    kept: KeptElements, key: InstanceKey, meta: FileMeta, findings: Findings, *, is_whole: bool
) -> None:
    """Judge the UIDs of the data set against File Meta Information and the key it is filed under.

    Parameters
    ----------
    is_whole : bool
        Whether the walk came to the end: only then is what was not met missing.
    """
    for tag, filed in (
        (tags.SOP_CLASS_UID, None),
        (tags.SOP_INSTANCE_UID, key.sop_instance),
        (tags.STUDY_INSTANCE_UID, key.study),
        (tags.SERIES_INSTANCE_UID, key.series),
    ):
        path = tags.format_tag(tag)
        uid = kept.uid(tag)
        if tag in kept.repeated:
            findings.add("uid-repeated", path, f"{path} stands twice in the data set.")
        if uid is None:
            detail = f"{path}, {len(kept.text(tag))} characters long, is no UID."
            findings.add("uid-invalid", path, detail)
        elif not uid:
            if is_whole or kept.has(tag):
                findings.add("uid-missing", path, f"{path} is missing or empty.")
        elif filed is not None and uid != filed:
            detail = f"{path} is {uid}; the instance is filed under {filed}."
            findings.add("filed-under-another-uid", path, detail)
    _judge_against_file_meta(kept, meta, findings)
    in_data_set = kept.uid(tags.SOP_CLASS_UID)
    sop_class = in_data_set or meta.sop_class
    if sop_class and kind_of(sop_class) is not SopClassKind.STORAGE:
        tag = tags.SOP_CLASS_UID if in_data_set else _MEDIA_STORAGE_SOP_CLASS_UID
        path = tags.format_tag(tag)
        detail = f"{path} is {sop_class}: {kind_of(sop_class).value}."
        findings.add("not-a-storage-class", path, detail)


def _judge_against_file_meta(kept: KeptElements, meta: FileMeta, findings: Findings) -> None:
    for rule, tag, stated, meta_tag in (
        (
            "file-meta-another-class",
            tags.SOP_CLASS_UID,
            meta.sop_class,
            _MEDIA_STORAGE_SOP_CLASS_UID,
        ),
        (
            "file-meta-another-instance",
            tags.SOP_INSTANCE_UID,
            meta.sop_instance,
            _MEDIA_STORAGE_SOP_INSTANCE_UID,
        ),
    ):
        uid = kept.uid(tag)
        if uid and stated and uid != stated:
            path = tags.format_tag(meta_tag)
            detail = f"{path} is {stated}, {tags.format_tag(tag)} is {uid}."
            findings.add(rule, path, detail)


def judge_common_modules(kept: KeptElements, findings: Findings) -> None:
    """Judge what every composite IOD of the standard has: Patient, Study and Series modules."""
    sop_class = kept.uid(tags.SOP_CLASS_UID)
    if not sop_class or not sop_class.startswith(DICOM_UID_ROOT):
        return
    if kind_of(sop_class) is not SopClassKind.STORAGE:
        return
    for row in COMMON_ATTRIBUTES:
        path = tags.format_tag(row.tag)
        if not kept.has(row.tag):
            detail = f"{path} {row.name} is missing; it is type {row.type} in {row.source}."
            findings.add("attribute-missing", path, detail)
        elif row.type == 1 and not kept.has_value(row.tag):
            detail = f"{path} {row.name} is empty; it is type 1 in {row.source}."
            findings.add("attribute-empty", path, detail)


def judge_document(kept: KeptElements, findings: Findings) -> None:
    """Judge what an encapsulated document starts like (PS3.3 C.24.2)."""
    document = kept.get(ENCAPSULATED_DOCUMENT)
    if document is None or not document.first:
        return
    path = tags.format_tag(ENCAPSULATED_DOCUMENT)
    if classify_preamble(document.first) is Preamble.EXECUTABLE:
        detail = f"{path} starts with the signature of an executable or script."
        findings.add("executable-document", path, detail)
    elif kept.text(MIME_TYPE_OF_DOCUMENT) == _PDF and _PDF_SIGNATURE not in document.first:
        mime_type = tags.format_tag(MIME_TYPE_OF_DOCUMENT)
        detail = f"{path} does not start as a PDF does; {mime_type} says it is one."
        findings.add("document-not-of-type", path, detail)
