"""Metadata with bulkdata as a client sends them, in JSON and in XML.

No encoder of the product has a hand in it: JSON is the standard library's, XML is ElementTree's,
multipart is bytes put together.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.etree import ElementTree

from pydicom.datadict import keyword_for_tag

from tests.builders_dicom import Uids

Form = Literal["json", "xml"]
FORMS: tuple[Form, ...] = ("json", "xml")
METADATA_TYPES: Mapping[Form, str] = {
    "json": "application/dicom+json",
    "xml": "application/dicom+xml",
}
NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
BOUNDARY = "every-representation"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


# ---------------------------------------------------------------- data sets


@dataclass(frozen=True)
class Reference:
    """Where a value is: ``BulkDataURI``, or in XML the attribute that ``by`` names."""

    to: str
    by: Literal["uri", "uuid"] = "uri"


Attribute = tuple[Any, ...]
"""VR and values: str, int, float, None; a mapping for an item; one bytes or one Reference."""

Attributes = Mapping[int, Attribute]
"""By tag, private elements with their block and their Private Creator."""


def attributes_of(uids: Uids, **changes: Attribute) -> dict[int, Attribute]:
    """What every instance here has: whole enough for a Secondary Capture without pixels.

    ``changes`` are named ``t`` and eight digits; an empty tuple takes an attribute away.
    """
    attributes: dict[int, Attribute] = {
        0x00080005: ("CS", "ISO_IR 192"),
        0x00080008: ("CS", "ORIGINAL", "PRIMARY"),
        0x00080016: ("UI", uids.sop_class),
        0x00080018: ("UI", uids.instance),
        0x00080020: ("DA", "20260501"),
        0x00080023: ("DA", "20260501"),
        0x00080030: ("TM", "101500"),
        0x00080033: ("TM", "101501"),
        0x00080050: ("SH", "ACC-1"),
        0x00080060: ("CS", "OT"),
        0x00080064: ("CS", "WSD"),
        0x00080070: ("LO", "Maker"),
        0x00080090: ("PN", "Überweiser^Jörg"),
        0x00100010: ("PN", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        0x00100020: ("LO", "PID-1"),
        0x00100030: ("DA", "19700101"),
        0x00100040: ("CS", "O"),
        0x0020000D: ("UI", uids.study),
        0x0020000E: ("UI", uids.series),
        0x00200010: ("SH", "1"),
        0x00200011: ("IS", 1),
        0x00200013: ("IS", "1"),
        0x00200020: ("CS",),
        0x00204000: ("LT", "Größe «5 µm», 漢字, 🩻"),
    }
    return changed(attributes, **changes)


def changed(attributes: Attributes, **changes: Attribute) -> dict[int, Attribute]:
    """Return attributes put in or, by an empty tuple, taken away."""
    result = dict(attributes)
    for name, attribute in changes.items():
        result[int(name.removeprefix("t"), 16)] = attribute
    return {tag: attribute for tag, attribute in result.items() if attribute}


def pixel_attributes(
    rows: int,
    columns: int,
    samples: int = 1,
    bits: int = 8,
    photometric: str = "MONOCHROME2",
    frames: int = 0,
) -> dict[int, Attribute]:
    """Image Pixel Description Macro, and Number of Frames when there are any to state."""
    allocated = bits if bits == 1 else -(-bits // 8) * 8
    return {
        0x00280002: ("US", samples),
        0x00280004: ("CS", photometric),
        **({0x00280006: ("US", 0)} if samples > 1 else {}),
        **({0x00280008: ("IS", frames)} if frames else {}),
        0x00280010: ("US", rows),
        0x00280011: ("US", columns),
        0x00280100: ("US", allocated),
        0x00280101: ("US", bits),
        0x00280102: ("US", bits - 1),
        0x00280103: ("US", 0),
    }


# ---------------------------------------------------------------- metadata


def json_object(attributes: Attributes) -> dict[str, Any]:
    """An instance or item by PS3.18 F.2."""
    return {f"{tag:08X}": _json_attribute(*attributes[tag]) for tag in sorted(attributes)}


def _json_attribute(vr: str, *values: Any) -> dict[str, Any]:
    if not values:
        return {"vr": vr}
    if isinstance(values[0], Reference):
        return {"vr": vr, "BulkDataURI": values[0].to}
    if isinstance(values[0], bytes):
        return {"vr": vr, "InlineBinary": b64encode(values[0]).decode()}
    return {"vr": vr, "Value": [_json_value(vr, value) for value in values]}


def _json_value(vr: str, value: Any) -> Any:
    if vr == "SQ":
        return json_object(value)
    if vr == "PN" and value is not None:
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False)
        return {name: group for name, group in groups if group}
    if vr == "AT":
        return f"{value:08X}"
    return value


def json_metadata(instances: Iterable[Attributes]) -> bytes:
    """An array of instances."""
    return json.dumps([json_object(one) for one in instances], ensure_ascii=False).encode()


def xml_metadata(attributes: Attributes) -> bytes:
    """A document by PS3.19 A.1."""
    root = ElementTree.Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    _add_xml(root, attributes)
    document: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document.replace(b"\r", b"&#13;")  # which every reader would drop (XML 1.0 2.11)


def _add_xml(parent: ElementTree.Element, attributes: Attributes) -> None:
    for tag in sorted(attributes):
        vr, *values = attributes[tag]
        named = {"tag": f"{tag:08X}", "vr": vr}
        if tag & 0x10000:
            creator = attributes.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
            if creator is None:
                continue  # a Private Creator: its elements name it
            named |= {"tag": f"{tag & 0xFFFF00FF:08X}", "privateCreator": creator[1]}
        elif keyword := keyword_for_tag(tag):
            named["keyword"] = keyword
        element = ElementTree.SubElement(parent, "DicomAttribute", named)
        for number, value in enumerate(values, 1):
            _add_xml_value(element, vr, value, {"number": str(number)})


def _add_xml_value(
    element: ElementTree.Element, vr: str, value: Any, number: dict[str, str]
) -> None:
    if isinstance(value, Reference):
        ElementTree.SubElement(element, "BulkData", {value.by: value.to})
    elif isinstance(value, bytes):
        ElementTree.SubElement(element, "InlineBinary").text = b64encode(value).decode()
    elif vr == "SQ":
        _add_xml(ElementTree.SubElement(element, "Item", number), value)
    elif vr == "PN":
        name = ElementTree.SubElement(element, "PersonName", number)
        groups = ("Alphabetic", "Ideographic", "Phonetic")
        for group, text in zip(groups, (value or "").split("="), strict=False):
            _add_xml_components(name, group, text)
    else:
        text = ElementTree.SubElement(element, "Value", number)
        text.text = f"{value:08X}" if vr == "AT" else "" if value is None else str(value)


def _add_xml_components(name: ElementTree.Element, group: str, text: str) -> None:
    components = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
    if not text:
        return
    element = ElementTree.SubElement(name, group)
    for component, part in zip(components, text.split("^"), strict=False):
        if part:
            ElementTree.SubElement(element, component).text = part


# ---------------------------------------------------------------- messages


@dataclass(frozen=True)
class Part:
    """A part as it goes out; no location, no type: no such header."""

    body: bytes
    media_type: str | None
    location: str | None = None
    more: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        known = (("Content-Type", self.media_type), ("Content-Location", self.location))
        fields = [(name, value) for name, value in known if value is not None]
        head = "".join(f"{name}: {value}\r\n" for name, value in (*fields, *self.more))
        return head.encode() + b"\r\n" + self.body


@dataclass(frozen=True)
class Message:
    """A request's payload and header."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def message(*parts: Part, root_type: str, more: str = "") -> Message:
    """A multipart/related message of these parts."""
    framed = (b"--%s\r\n%s\r\n" % (BOUNDARY.encode(), part.encode()) for part in parts)
    content_type = f'multipart/related; type="{root_type}"; boundary={BOUNDARY}{more}'
    return Message(
        b"".join(framed) + b"--%s--\r\n" % BOUNDARY.encode(),
        {"Content-Type": content_type, "Accept": METADATA_TYPES["json"]},
    )


def metadata_parts(form: Form, instances: Iterable[Attributes]) -> list[Part]:
    """The metadata of instances: one part of JSON, a part for each in XML."""
    media_type = METADATA_TYPES[form]
    if form == "json":
        return [Part(json_metadata(instances), media_type)]
    return [Part(xml_metadata(one), media_type) for one in instances]


def represent(
    form: Form,
    instances: Iterable[Attributes],
    bulkdata: Iterable[Part] = (),
    *,
    root_type: str | None = None,
) -> Message:
    """A message of metadata and then bulkdata."""
    parts = [*metadata_parts(form, instances), *bulkdata]
    return message(*parts, root_type=root_type or METADATA_TYPES[form])


def alone(form: Form, attributes: Attributes) -> Message:
    """Metadata without bulkdata and without multipart."""
    [part] = metadata_parts(form, [attributes])
    return Message(
        part.body, {"Content-Type": METADATA_TYPES[form], "Accept": METADATA_TYPES["json"]}
    )
