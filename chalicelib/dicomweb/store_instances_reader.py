"""Store Instances Response Module, read as servers write it (PS3.18 Annex I, 10.5.3.3).

What belongs here: bytes of a response to its three lists. What must not: what the lists mean for
an instance that was sent.

The form is told by the bytes, because a Content-Type is often missing or generic: a JSON object,
an array of one object, an array with one object for each study (an archive in the field), a
Native DICOM Model document with or without its namespace, or one of these in a multipart. Type 2
elements may be missing; numbers may be text; unknown elements are ignored.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from xml.etree import ElementTree

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import MediaTypeSyntaxError, parse_media_type
from chalicelib.dicomweb.multipart import split_parts
from chalicelib.dicomweb.store_instances import PRIVATE_CREATOR
from chalicelib.standard.media_types import MULTIPART_RELATED

_RETRIEVE_URL = 0x00081190
_FAILED, _REFERENCED, _OTHER = 0x00081198, 0x00081199, 0x0008119A
_SEQUENCES = (_FAILED, _REFERENCED, _OTHER)
_SOP_CLASS, _SOP_INSTANCE = 0x00081150, 0x00081155
_WARNING_REASON, _FAILURE_REASON = 0x00081196, 0x00081197
_CREATOR, _SENTENCE, _PART = 0x00090010, 0x00091001, 0x00091002
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

_Attributes = dict[int, list[Any]]
"""Values of a data set by tag; items are ``_Attributes`` too."""


class UnreadableModule(ValueError):  # noqa: N818 - reads as the fact it is
    """The payload is no Store Instances Response Module."""


class ReceivedItem(NamedTuple):
    """An item of one of the three sequences; "" and None where it does not say.

    ``reason`` is the Failure Reason, or for a referenced instance the Warning Reason. ``part`` is
    the 1-based part of the request and ``detail`` a sentence, where the server is ours.
    """

    sop_class: str = ""
    sop_instance: str = ""
    reason: int | None = None
    retrieve_url: str = ""
    part: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReceivedModule:
    """What a server says became of a request."""

    referenced: tuple[ReceivedItem, ...] = ()
    failed: tuple[ReceivedItem, ...] = ()
    other_failures: tuple[ReceivedItem, ...] = ()
    retrieve_url: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is listed at all."""
        return not (self.referenced or self.failed or self.other_failures)


def read_store_instances(body: bytes, content_type: str | None = None) -> ReceivedModule:
    """Return the module that a response's payload holds.

    Parameters
    ----------
    body : bytes
        Without content-coding.
    content_type : str, optional
        Needed for the boundary of a multipart; else the bytes decide.

    Raises
    ------
    UnreadableModule
        It is none: empty, HTML, Problem Details, cut short, or something else.
    """
    modules = [_module(attributes) for attributes in _data_sets(body, content_type, 0)]
    if not modules:
        raise UnreadableModule("the payload holds no data set")
    if len(modules) == 1:
        return modules[0]
    urls = [module.retrieve_url for module in modules if module.retrieve_url]
    return ReceivedModule(
        tuple(item for module in modules for item in module.referenced),
        tuple(item for module in modules for item in module.failed),
        tuple(item for module in modules for item in module.other_failures),
        urls[0] if len(urls) == 1 else "",
    )


def _data_sets(body: bytes, content_type: str | None, depth: int) -> Iterator[_Attributes]:
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b"[")):
        yield from _from_json(text)
    elif text.startswith(b"<"):
        yield _from_xml(text)
    elif text.startswith(b"--") and depth == 0:
        yield from _from_multipart(body, content_type)
    else:
        raise UnreadableModule("the payload is empty" if not text else "the payload is no module")


def _from_multipart(body: bytes, content_type: str | None) -> Iterator[_Attributes]:
    try:
        media_type = parse_media_type(content_type or "")
        boundary = media_type.get("boundary") if media_type.name == MULTIPART_RELATED else None
    except MediaTypeSyntaxError:
        boundary = None
    if boundary is None:  # as the body has it
        boundary = body.lstrip()[2:].split(b"\r\n", 1)[0].decode("latin-1").rstrip()
    try:
        parts = split_parts(body, boundary)
    except (RequestError, UnicodeError) as error:
        raise UnreadableModule("the multipart payload is malformed") from error
    for part in parts:
        yield from _data_sets(bytes(part.body), part.headers.get("Content-Type"), 1)


def _from_json(text: bytes) -> Iterator[_Attributes]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableModule("the payload is no JSON") from error
    for member in value if isinstance(value, list) else [value]:
        attributes = _json_attributes(member)
        if member and not attributes:  # Problem Details and the like: members, but no tags
            raise UnreadableModule("the JSON is no DICOM JSON Model")
        yield attributes


def _json_attributes(value: object) -> _Attributes:
    if not isinstance(value, dict):
        raise UnreadableModule("the JSON is no DICOM JSON Model")
    attributes: _Attributes = {}
    for name, attribute in value.items():
        tag = _tag(name)
        if tag is None or not isinstance(attribute, dict):
            continue
        values = attribute.get("Value")
        if not isinstance(values, list):
            values = []
        if tag in _SEQUENCES:
            values = [_json_attributes(one) if isinstance(one, dict) else one for one in values]
        attributes[tag] = values
    return attributes


def _from_xml(text: bytes) -> _Attributes:
    # Entities are declared in a DOCTYPE; without one nothing expands and nothing is fetched.
    if b"<!DOCTYPE" in text or text.startswith(_UTF_16) or b"\0" in text[:64]:
        raise UnreadableModule("the XML has a document type or is not UTF-8")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise UnreadableModule("the payload is no XML") from error
    if _local(root.tag) != "NativeDicomModel":
        raise UnreadableModule("the XML is no Native DICOM Model")
    return _xml_attributes(root)


def _xml_attributes(parent: ElementTree.Element) -> _Attributes:
    attributes: _Attributes = {}
    for node in parent:
        tag = _tag(node.get("tag", ""))
        if _local(node.tag) != "DicomAttribute" or tag is None:
            continue
        if tag in _SEQUENCES:
            attributes[tag] = [_xml_attributes(one) for one in node if _local(one.tag) == "Item"]
            continue
        if node.get("privateCreator") == PRIVATE_CREATOR:  # Table A.1.5-2: the block is left out
            tag |= 0x1000
            attributes[_CREATOR] = [PRIVATE_CREATOR]
        attributes[tag] = [one.text or "" for one in node if _local(one.tag) == "Value"]
    return attributes


def _local(name: object) -> str:
    return str(name).rpartition("}")[2]


@lru_cache(maxsize=64)
def _tag(name: str) -> int | None:
    try:
        return int(name, 16) if len(name) == 8 else None
    except ValueError:
        return None


def _module(attributes: _Attributes) -> ReceivedModule:
    return ReceivedModule(
        tuple(_item(one, _WARNING_REASON) for one in _items(attributes, _REFERENCED)),
        tuple(_item(one, _FAILURE_REASON) for one in _items(attributes, _FAILED)),
        tuple(_item(one, _FAILURE_REASON) for one in _items(attributes, _OTHER)),
        _text(attributes, _RETRIEVE_URL),
    )


def _items(attributes: _Attributes, tag: int) -> list[_Attributes]:
    return [one for one in attributes.get(tag, []) if isinstance(one, dict)]


def _item(attributes: _Attributes, reason: int) -> ReceivedItem:
    is_ours = _CREATOR in attributes and _text(attributes, _CREATOR) == PRIVATE_CREATOR
    return ReceivedItem(
        _text(attributes, _SOP_CLASS),
        _text(attributes, _SOP_INSTANCE),
        _number(attributes, reason),
        _text(attributes, _RETRIEVE_URL),
        _number(attributes, _PART) if is_ours else None,
        _text(attributes, _SENTENCE) if is_ours else "",
    )


def _text(attributes: _Attributes, tag: int) -> str:
    values = attributes.get(tag)
    value = values[0] if values else None
    return value.strip("\0 \r\n\t") if isinstance(value, str) else ""


def _number(attributes: _Attributes, tag: int) -> int | None:
    """Return an integer; text is decimal as R-604 says, or hexadecimal where it can only be."""
    values = attributes.get(tag)
    value = values[0] if values else None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return int(value) if value == value and abs(value) < 1 << 32 else None
    text = value.strip("\0 ")
    try:
        return int(text) if text.isdecimal() else int(text, 16)
    except ValueError:
        return None
