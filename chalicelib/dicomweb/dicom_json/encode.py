"""DICOM JSON Model (PS3.18 Annex F): a data set to JSON text."""

import json
from typing import Any

from chalicelib.dicomweb.dataset import Dataset, Element, Value


def encode_json(dataset: Dataset) -> str:
    """Return the data set as one JSON object; members ascend by tag (F.2.2)."""
    return json.dumps(_object(dataset), ensure_ascii=False, separators=(",", ":"))


def _object(dataset: Dataset) -> dict[str, Any]:
    return {f"{element.tag:08X}": _attribute(element) for element in dataset}


def _attribute(element: Element) -> dict[str, Any]:
    attribute: dict[str, Any] = {"vr": element.vr}
    if element.values:  # F.2.5: an empty attribute has its VR alone
        attribute["Value"] = [_value(value) for value in element.values]
    return attribute


def _value(value: Value) -> Any:
    return _object(value) if isinstance(value, Dataset) else value
