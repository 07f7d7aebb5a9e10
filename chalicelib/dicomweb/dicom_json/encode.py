"""DICOM JSON Model (PS3.18 Annex F): a data set to JSON text."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from chalicelib.dicomweb.dataset import Dataset, Element, Value
from chalicelib.dicomweb.metadata_values import NAME_GROUPS, float_text


def encode_json(dataset: Dataset) -> str:
    """Return the data set as one JSON object; members ascend by tag (F.2.2).

    FL and FD that are no finite numbers are strings: JSON has no such numbers, and leaving them
    out would lose them silently (R-720). DS and IS are strings, which keep them as they are.
    """
    return _dumps(_object(dataset))


def encode_json_stream(
    dataset: Dataset, sequences: Iterable[tuple[Element, Iterable[Dataset]]]
) -> Iterator[str]:
    """Yield the text that :func:`encode_json` returns, without holding all of it.

    Parameters
    ----------
    dataset : Dataset
        The elements before the sequences, at least one.
    sequences : iterable of (Element, iterable of Dataset)
        Sequences in ascending order, each with its items; one without items is left out.
    """
    yield encode_json(dataset).removesuffix("}")
    for sequence, items in sequences:
        head = f',"{sequence.tag:08X}":{{"vr":"SQ","Value":['
        tail = ""
        for item in items:
            yield head + encode_json(item)
            head, tail = ",", "]}"
        yield tail
    yield "}"


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _object(dataset: Dataset) -> dict[str, Any]:
    return {f"{element.tag:08X}": _attribute(element) for element in dataset}


def _attribute(element: Element) -> dict[str, Any]:
    attribute: dict[str, Any] = {"vr": element.vr}
    values = element.values
    if element.bulkdata is not None:
        attribute["BulkDataURI"] = element.bulkdata.uri
    elif values and isinstance(values[0], bytes):
        attribute["InlineBinary"] = b64encode(values[0]).decode("ascii")
    elif values and values != ("",):  # F.2.5: an empty attribute has its VR alone
        attribute["Value"] = [_value(element.vr, value) for value in values]
    return attribute


def _value(vr: str, value: Value) -> Any:
    if isinstance(value, Dataset):
        return _object(value)
    if value == "":
        return None  # F.2.5: an empty value among several
    if vr == "PN" and isinstance(value, str):
        groups = zip(NAME_GROUPS, value.split("=", 2), strict=False)
        return {name: group for name, group in groups if group}
    if vr == "AT" and isinstance(value, int):
        return f"{value:08X}"
    if isinstance(value, float) and not isfinite(value):
        return float_text(value)
    return value
