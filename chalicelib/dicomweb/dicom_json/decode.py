"""DICOM JSON Model (PS3.18 Annex F): JSON text to data sets.

A text that is no JSON, or no array of objects, refuses the request. Whatever is wrong inside an
object refuses that instance; nothing silently becomes empty or something else.
"""

import re
from http import HTTPStatus
from typing import Any

from chalicelib.dicomweb.dataset import Dataset, Element
from chalicelib.dicomweb.decoded import Decoded, MetadataLimits
from chalicelib.dicomweb.dicom_json.syntax import parse_json
from chalicelib.dicomweb.dicom_json.values import Values
from chalicelib.dicomweb.dictionary import dictionary_vr
from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.metadata_elements import ElementCount, Refusal, has_creator, left_out
from chalicelib.dicomweb.metadata_values import bulkdata_reference, inline_binary, refused
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VRS

_TAG = re.compile("[0-9A-Fa-f]{8}")
_LEVELS_OF_A_SEQUENCE = 3  # attribute, Value, item
_LEVELS_AROUND = 5  # array, instance; attribute, Value, PN
_VALUE_MEMBERS = ("Value", "BulkDataURI", "InlineBinary")


def decode_json(
    body: bytes | memoryview, limits: MetadataLimits | None = None
) -> tuple[Decoded, ...]:
    """Return one entry for each object of the array, in order; a bare object counts as one.

    Parameters
    ----------
    body : bytes or memoryview
        UTF-8 without byte order mark.
    limits : MetadataLimits, optional

    Raises
    ------
    RequestError
        400: no JSON, members of one name, not an array of objects, an empty array, deeper or
        with more instances than the limits.
    """
    limits = limits or MetadataLimits()
    levels = _LEVELS_AROUND + _LEVELS_OF_A_SEQUENCE * limits.max_depth
    instances = parse_json(body, levels, ("max_depth", limits.max_depth))
    if isinstance(instances, dict):
        instances = [instances]
    if not isinstance(instances, list) or not all(isinstance(i, dict) for i in instances):
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            "DICOM JSON metadata must be an array of objects (PS3.18 F.2.1).",
        )
    if not instances:
        raise RequestError(HTTPStatus.BAD_REQUEST, "The array of instances is empty.")
    if len(instances) > limits.max_instances:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            f"The array has {len(instances)} instances, {limits.max_instances} are allowed.",
            limit=("max_instances", limits.max_instances),
        )
    return tuple(_decoded(number, members, limits) for number, members in enumerate(instances, 1))


def _decoded(number: int, members: dict[str, Any], limits: MetadataLimits) -> Decoded:
    instance = _Instance(limits)
    dataset = error = None
    try:
        dataset = instance.dataset(members, 0)
    except Refusal as refusal:
        error = refusal.error()
    return Decoded(
        number,
        dataset,
        error,
        _readable_uid(members, "00080016"),
        _readable_uid(members, "00080018"),
        frozenset(instance.observations),
    )


def _readable_uid(members: dict[str, Any], name: str) -> str:
    """Return the UID of an object that may be malformed elsewhere, "" when there is none."""
    attribute = members.get(name) or members.get(name.lower())
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    if not isinstance(values, list) or len(values) != 1 or type(values[0]) is not str:
        return ""
    uid = values[0].rstrip("\0 ")
    return uid if is_uid(uid) else ""


class _Instance:
    """Decodes the object of one instance."""

    def __init__(self, limits: MetadataLimits) -> None:
        self._limits = limits
        self._count = ElementCount(limits.max_elements)
        self.observations: set[str] = set()
        self._values = Values(limits.max_value_length, self.observations)

    def dataset(self, members: dict[str, Any], depth: int) -> Dataset:
        """Return the data set of an object (F.2.2)."""
        self._count.add(len(members) + 1)
        elements: dict[int, Element] = {}
        for name, attribute in members.items():
            tag = self._tag(name)
            if tag in elements:
                raise Refusal("stands twice", FailureReason.AMBIGUOUS_ELEMENT, tag)
            if (observation := left_out(tag)) != "":
                self.observations.add(observation)
                continue
            try:
                elements[tag] = self._element(tag, attribute, depth)
            except Refusal as refusal:
                if refusal.tag is None:
                    refusal.tag = tag
                raise
        for tag in elements:
            if tag & 0x10000 and tag & 0xFF00 and not has_creator(tag, elements):
                self.observations.add("metadata-private-without-creator")
        return Dataset(elements.values())

    def _tag(self, name: str) -> int:
        if _TAG.fullmatch(name) is None:
            raise Refusal(f"has a member name of {len(name)} characters that is no tag")
        if not name.isupper() and not name.isdigit():
            self.observations.add("metadata-lower-case-tag")
        return int(name, 16)

    def _element(self, tag: int, attribute: Any, depth: int) -> Element:
        if not isinstance(attribute, dict):
            raise Refusal("is no object")
        vr = attribute.get("vr")
        if type(vr) is not str or vr not in VRS:
            vr = self._missing_vr(tag, attribute)
        if len(attribute) == 1:
            if "vr" in attribute:
                return Element(tag, vr)  # F.2.5
        elif len(attribute) > 2 or "vr" not in attribute:
            self._check_members(attribute)
        if "Value" in attribute:
            values = attribute["Value"]
            if not isinstance(values, list):
                raise Refusal("has a Value that is no array")
            if not values:
                return Element(tag, vr)
            if vr == "SQ":
                return Element(tag, vr, "", self._items(tag, values, depth))
            return Element(tag, vr, "", self._values.of(vr, values))
        return self._outside_value(tag, vr, attribute)

    def _missing_vr(self, tag: int, attribute: dict[str, Any]) -> str:
        if "vr" in attribute:
            raise Refusal("has a vr that is no Value Representation")
        self.observations.add("metadata-without-vr")
        return dictionary_vr(tag) or "UN"

    def _check_members(self, attribute: dict[str, Any]) -> None:
        if sum(member in attribute for member in _VALUE_MEMBERS) > 1:
            raise Refusal("has more than one of Value, BulkDataURI and InlineBinary")
        if attribute.keys() - _VALUE_MEMBERS - {"vr"}:
            self.observations.add("metadata-unknown-member")

    def _outside_value(self, tag: int, vr: str, attribute: dict[str, Any]) -> Element:
        if "InlineBinary" in attribute:
            return Element(tag, vr, "", inline_binary(vr, self._string(attribute, "InlineBinary")))
        if "BulkDataURI" in attribute:
            reference = bulkdata_reference(vr, self._string(attribute, "BulkDataURI"))
            return Element(tag, vr, bulkdata=reference)
        self.observations.add("metadata-unknown-member")
        return Element(tag, vr)

    def _string(self, attribute: dict[str, Any], member: str) -> str:
        value = attribute[member]
        if type(value) is not str:
            raise Refusal(f"has a member {member} that is no string")
        self._values.check_length(value)
        return value

    def _items(self, tag: int, values: list[Any], depth: int) -> tuple[Dataset, ...]:
        if depth >= self._limits.max_depth:
            raise Refusal(
                f"is a sequence nested deeper than {self._limits.max_depth}",
                FailureReason.TOO_DEEP,
            )
        items = []
        for number, members in enumerate(values, 1):
            if not isinstance(members, dict):
                raise refused(f"has VR SQ and item {number} is no object")
            try:
                items.append(self.dataset(members, depth + 1))
            except Refusal as refusal:
                refusal.within(tag, number)
                raise
        return tuple(items)
