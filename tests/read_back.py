"""What was said and stored of an instance, and whether it is what was sent."""

from collections.abc import Iterable, Mapping
from io import BytesIO
from math import isnan
from typing import Any

from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import generate_fragments, parse_basic_offsets

from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
from chalicelib.origin.model import Finding, InstanceKey, Severity
from chalicelib.origin.validate import observed
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids
from tests.representations import Attributes, Reference

REFERENCED, FAILED, OTHER = "00081199", "00081198", "0008119A"
REASON, WARNING, INSTANCE, EXPLANATION = "00081197", "00081196", "00081155", "00091001"


def items_of(module: Mapping[str, Any], sequence: str) -> list[dict[str, Any]]:
    """The items of a sequence of the response."""
    found: list[dict[str, Any]] = module.get(sequence, {}).get("Value", [])
    return found


def values_of(module: Mapping[str, Any], sequence: str, tag: str) -> list[Any]:
    """One attribute's value of each item, None where an item has none."""
    return [
        next(iter(item.get(tag, {}).get("Value", [])), None) for item in items_of(module, sequence)
    ]


def stored_bytes(stack: LocalStack, partition: str, uid: str) -> bytes:
    """The object of an instance."""
    found = stack.clients.s3.get_object(Bucket=stack.bucket, Key=f"{partition}/instances/{uid}.dcm")
    content: bytes = found["Body"].read()
    return content


def stored_uids(stack: LocalStack, partition: str) -> set[str]:
    """The UIDs of all objects of a partition."""
    prefix = f"{partition}/instances/"
    listed = stack.clients.s3.list_objects_v2(Bucket=stack.bucket, Prefix=prefix)
    keys = (entry["Key"] for entry in listed.get("Contents", []))
    return {key.removeprefix(prefix).removesuffix(".dcm") for key in keys}


def stored_file(stack: LocalStack, partition: str, uid: str) -> FileDataset:
    """The object of an instance as pydicom reads it, without ``force``."""
    return dcmread(BytesIO(stored_bytes(stack, partition, uid)))


def verdicts_of(stack: LocalStack) -> DynamoDbVerdictStore:
    """Where verdicts and observations are."""
    return DynamoDbVerdictStore(Table(stack.clients.dynamodb, stack.table, lambda _: None))


def observed_of(stack: LocalStack, partition: str, uids: Uids) -> tuple[Finding, ...]:
    """What intake tolerated, as findings."""
    key = InstanceKey(partition, uids.study, uids.series, uids.instance)
    return observed.findings_of(verdicts_of(stack).observations(key))


def findings_of(stack: LocalStack, partition: str, uids: Uids) -> tuple[Finding, ...]:
    """What validation found, once the queues are drained; fails when there is no verdict."""
    key = InstanceKey(partition, uids.study, uids.series, uids.instance)
    verdict = verdicts_of(stack).read(key)
    assert verdict is not None, "no verdict"
    assert verdict.omitted == 0
    return verdict.findings


def harmful(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """The findings that say an object is unusable or worse."""
    worst = (Severity.UNSAFE, Severity.ERROR)
    return [(f.rule, f.tag_path, f.detail) for f in findings if f.severity in worst]


def fragments_of(file: Dataset) -> tuple[list[bytes], list[int]]:
    """The fragments of encapsulated pixel data, and the Basic Offset Table."""
    offsets = parse_basic_offsets(file.PixelData)
    table = 8 + int.from_bytes(file.PixelData[4:8], "little")
    return list(generate_fragments(file.PixelData[table:])), offsets


def differences(sent: Attributes, stored: Dataset, path: str = "") -> list[str]:
    """The attributes sent that are not stored as they were sent, references apart."""
    found = []
    for tag, (vr, *values) in sorted(sent.items()):
        where = f"{path}{tag:08X}"
        if tag not in stored:
            found.append(f"{where} is missing")
            continue
        element = stored[tag]
        if values and isinstance(values[0], Reference):
            continue
        if vr != element.VR:
            found.append(f"{where} has VR {element.VR}")
        elif vr == "SQ":
            if len(element.value) != len(values):
                found.append(f"{where} has {len(element.value)} items")
                continue
            for number, (item, kept) in enumerate(zip(values, element.value, strict=True), 1):
                found += differences(item, kept, f"{where}[{number}].")
        elif not _is_same(vr, values, element.value):
            found.append(f"{where} has another value")
    return found


def _is_same(vr: str, sent: list[Any], stored: Any) -> bool:
    if not sent:
        return stored is None or len(stored) == 0
    if isinstance(sent[0], bytes):
        return bytes(stored).ljust(len(sent[0]) + len(sent[0]) % 2, b"\0") == sent[0].ljust(
            len(sent[0]) + len(sent[0]) % 2, b"\0"
        )
    kept = [stored] if len(sent) == 1 else list(stored)
    if vr in ("FD", "FL", "DS", "IS", "SV", "UV", "SL", "SS", "UL", "US", "AT"):
        pairs = zip(sent, kept, strict=True)
        return all(
            (one is None and other in (None, "")) or _is_same_number(one, other)
            for one, other in pairs
        )
    return ["" if one is None else one for one in sent] == [str(one) for one in kept]


def _is_same_number(one: Any, other: Any) -> bool:
    first, second = float(one), float(other)
    return (isnan(first) and isnan(second)) or first == second
