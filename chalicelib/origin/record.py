"""The record of an instance, made from its object alone (bytes and facts)."""

import json
from collections.abc import Mapping
from struct import iter_unpack

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import RangeSource
from chalicelib.dicomweb.dicom_file import (
    DicomFile,
    DicomFileLimits,
    RawValue,
    read_dicom_file,
)
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.text import UndecodableText, character_sets_of, decode_text
from chalicelib.origin.model import InstanceKey, InstanceRecord, ObjectFacts, StoredObject
from chalicelib.origin.ports import InstanceStore
from chalicelib.standard.character_sets import CharacterSet
from chalicelib.standard.index_attributes import (
    INDEX_ATTRIBUTES,
    REQUEST_ATTRIBUTES,
    IndexAttribute,
)
from chalicelib.standard.transfer_syntaxes import Encoding
from chalicelib.standard.vrs import VRS

MAX_VALUES = 8
"""Values kept of one attribute; the attributes we index have one, Request Attributes a few."""

MAX_REQUEST_ITEMS = 16
_PN_GROUPS = 3


def record_of(file: DicomFile, partition: str, facts: ObjectFacts, size: int) -> InstanceRecord:
    """Return the record of an object.

    Parameters
    ----------
    file : DicomFile
        What was read from the object's bytes.
    partition : str
    facts : ObjectFacts
        The object's metadata.
    size : int
        The object's length in bytes.
    """
    attributes: dict[str, str] = {}
    undecoded: dict[str, bytes] = {}
    sets = _character_sets(file.values.get(tags.SPECIFIC_CHARACTER_SET))
    for row in INDEX_ATTRIBUTES:
        raw = file.values.get(row.tag)
        if raw is not None:
            _keep(row, raw, sets, attributes, undecoded)
    if file.has_request_attributes:
        attributes["RequestAttributesSequence"] = _request_attributes(file, sets)
    return InstanceRecord(
        key=InstanceKey(partition, file.study, file.series, file.sop_instance),
        sop_class=file.sop_class,
        transfer_syntax=file.transfer_syntax.uid,
        size=size,
        facts=facts,
        attributes=attributes,
        undecoded=undecoded,
    )


def read_record(
    instances: InstanceStore,
    limits: DicomFileLimits,
    partition: str,
    sop_instance: str,
    stored: StoredObject,
) -> InstanceRecord:
    """Return the record of a stored object, read by ranges.

    Raises
    ------
    Unavailable
        When the object cannot be read now.
    KeyError
        When it is gone.
    InstanceError
        When it is no DICOM file this product stores.
    """
    source = RangeSource(
        stored.size, lambda start, length: instances.read(partition, sop_instance, start, length)
    )
    file = read_dicom_file(source, read_file_meta(source), limits=limits)
    return record_of(file, partition, stored.facts, stored.size)


def _character_sets(raw: RawValue | None) -> tuple[CharacterSet, ...] | None:
    """Return the declared sets, None when a declared term is not a defined one."""
    try:
        return character_sets_of(raw.value) if raw is not None else ()
    except UndecodableText:
        return None


def _keep(
    row: IndexAttribute,
    raw: RawValue,
    sets: tuple[CharacterSet, ...] | None,
    attributes: dict[str, str],
    undecoded: dict[str, bytes],
) -> None:
    try:
        attributes[row.keyword] = _text_of(row, raw, sets)
    except UndecodableText:
        undecoded[row.keyword] = raw.value[: _byte_limit(row.vr)]


def _text_of(row: IndexAttribute, raw: RawValue, sets: tuple[CharacterSet, ...] | None) -> str:
    """Return the text of a value, its single values cut to what their VR allows."""
    if row.vr == "US":
        return _unsigned_shorts(raw)
    value = raw.value.rstrip(b"\0 ")
    if not VRS[row.vr].text:
        sets = ()
    elif sets is None:
        if not value.isascii() or b"\x1b" in value:
            raise UndecodableText("the declared character set is unknown")
        sets = ()
    text = decode_text(value, sets, vr=row.vr)
    singles = [_cut(single.strip(" \0"), row.vr) for single in text.split("\\")[:MAX_VALUES]]
    return "\\".join(singles)


def _cut(text: str, vr: str) -> str:
    limit = VRS[vr].max_length
    if vr != "PN":
        return text[:limit]
    # PS3.5 6.2.1: three component groups of 64 characters; trailing delimiters mean nothing, and
    # names that differ in them alone must not look like a conflict.
    groups = [group[:limit].rstrip("^ ") for group in text.split("=")[:_PN_GROUPS]]
    return "=".join(groups).rstrip("=")


def _byte_limit(vr: str) -> int:
    """Return how many raw bytes to keep: four for each character that the VR allows."""
    return VRS[vr].max_length * 4 * (_PN_GROUPS if vr == "PN" else 1)


def _unsigned_shorts(raw: RawValue) -> str:
    order = ">" if raw.encoding is Encoding.EXPLICIT_BIG else "<"
    whole = len(raw.value) // 2 * 2
    numbers = [str(number) for (number,) in iter_unpack(f"{order}H", raw.value[:whole])]
    return "\\".join(numbers[:MAX_VALUES])


def _request_attributes(file: DicomFile, sets: tuple[CharacterSet, ...] | None) -> str:
    """Return the kept part of Request Attributes Sequence as canonical DICOM JSON text."""
    items = [_request_item(item, sets) for item in file.request_attributes[:MAX_REQUEST_ITEMS]]
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"))


def _request_item(
    item: Mapping[int, RawValue], sets: tuple[CharacterSet, ...] | None
) -> dict[str, object]:
    found: dict[str, object] = {}
    for row in REQUEST_ATTRIBUTES:
        if row.tag in item:
            try:
                text = _text_of(row, item[row.tag], sets)
            except UndecodableText:
                continue
            attribute: dict[str, object] = {"vr": row.vr}
            found[f"{row.tag:08X}"] = attribute | ({"Value": [text]} if text else {})
    return found
