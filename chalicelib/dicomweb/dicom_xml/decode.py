"""Native DICOM Model (PS3.19 A.1): an XML document to a data set.

Read as the standard has it, with these liberties, each observed: no namespace at all, a tag in
lower-case digits, no ``vr``, a keyword of another attribute, a block in the tag of a private
element. Attributes of other namespaces are ignored; every other unknown name, and text outside
the elements that hold it, is a failure, since what it meant would be lost.
"""

import re
from dataclasses import dataclass, field

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element, Value
from chalicelib.dicomweb.decoded import Decoded, MetadataLimits
from chalicelib.dicomweb.dicom_xml.names import NAME_COMPONENTS
from chalicelib.dicomweb.dicom_xml.private_blocks import with_blocks
from chalicelib.dicomweb.dicom_xml.pull import ModelReader
from chalicelib.dicomweb.dicom_xml.values import values_of
from chalicelib.dicomweb.dictionary import dictionary_vr
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.keywords import keyword_of
from chalicelib.dicomweb.metadata_elements import ElementCount, Refusal, has_creator, left_out
from chalicelib.dicomweb.metadata_values import (
    BINARY_VRS,
    NAME_GROUPS,
    bulkdata_reference,
    check_texts,
    inline_binary,
)
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VRS

_TAG = re.compile("[0-9A-Fa-f]{8}")
_NUMBER = re.compile("[1-9][0-9]{0,8}", re.ASCII)
_UUID_SCHEME = "urn:uuid:"


def decode_xml(
    body: bytes | memoryview, limits: MetadataLimits | None = None, *, number: int = 1
) -> Decoded:
    """Return what the document holds: one instance, or the error that refuses it.

    ``uuid="X"`` of BulkData becomes the reference ``urn:uuid:X``; a part's Content-Location may
    say ``X`` or ``urn:uuid:X`` (R-811).

    Parameters
    ----------
    body : bytes or memoryview
        UTF-8 or UTF-16 as its first bytes or the XML declaration say; ISO-8859-1 and US-ASCII
        too when declared.
    limits : MetadataLimits, optional
    number : int
        Becomes that of the result.
    """
    document = _Document(limits or MetadataLimits())
    error = document.read(body)
    return Decoded(
        number,
        document.dataset if error is None else None,
        error,
        document.sop_class,
        document.sop_instance,
        frozenset(document.observations),
    )


@dataclass(slots=True)
class _Open:
    """A DicomAttribute that is open, with what it holds so far.

    ``content`` is the name of what it holds, ``number`` that of the last Value, Item or name.
    """

    tag: int
    vr: str
    creator: str
    content: str = ""
    texts: list[str] = field(default_factory=list)
    items: list[Dataset] = field(default_factory=list)
    number: int = 0
    bulkdata: BulkdataReference | None = None


class _Document:
    """Builds the data set of a document from its steps.

    Refused values do not end the reading: the UIDs that name the instance may still follow.
    """

    def __init__(self, limits: MetadataLimits) -> None:
        self._limits = limits
        self._count = ElementCount(limits.max_elements)
        self._reader = ModelReader(self._opened, self._closed, limits.max_value_length)
        self._attributes: list[_Open] = []
        self._datasets: list[list[Element]] = []
        self._refused: Refusal | None = None
        self._group = 0
        self._groups: list[list[str]] = []
        self.dataset: Dataset | None = None
        self.sop_class = self.sop_instance = ""
        self.observations: set[str] = set()

    def read(self, body: bytes | memoryview) -> InstanceError | None:
        """Read the document; return the first error."""
        try:
            self._reader.read(body)
        except Refusal as refusal:
            self._refuse(refusal)
        if not self._reader.has_namespace:
            self.observations.add("metadata-without-namespace")
        return self._refused.error() if self._refused is not None else None

    def _refuse(self, refusal: Refusal) -> None:
        if self._refused is None:
            for attribute in reversed(self._attributes[: len(self._datasets) - 1]):
                refusal.within(attribute.tag, attribute.number)
            self._refused = refusal

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "DicomAttribute":
            self._count.add(1)
            self._attributes.append(self._attribute(attributes))
        elif name == "NativeDicomModel":
            self._datasets.append([])
        elif name in NAME_GROUPS:
            self._group = NAME_GROUPS.index(name)
            if self._groups[self._group]:
                raise self._malformed("has a component group of a name twice")
            self._groups[self._group] = [""] * len(NAME_COMPONENTS)
        elif name not in NAME_COMPONENTS:
            self._content(name, attributes)

    def _attribute(self, attributes: dict[str, str]) -> _Open:
        text = attributes.get("tag", "")
        if _TAG.fullmatch(text) is None:
            raise Refusal("has a DicomAttribute whose tag is not 8 hexadecimal digits")
        if not text.isupper() and not text.isdigit():
            self.observations.add("metadata-lower-case-tag")
        tag = int(text, 16)
        vr = attributes.get("vr", "")
        if vr not in VRS:
            if vr:
                raise Refusal("has a vr that is no Value Representation", tag=tag)
            self.observations.add("metadata-without-vr")
            vr = dictionary_vr(tag) or "UN"
        keyword = attributes.get("keyword")
        if keyword and keyword != keyword_of(tag) and not tag & 0x10000:
            self.observations.add("metadata-keyword-conflict")
        return _Open(tag, vr, self._creator(tag, attributes.get("privateCreator", "")))

    def _creator(self, tag: int, creator: str) -> str:
        creator = creator.rstrip(" ")
        if not creator:
            return ""
        if not tag & 0x10000:
            raise Refusal("is no private element and has a privateCreator", tag=tag)
        try:
            check_texts("LO", (creator,))
        except Refusal:
            raise Refusal("has a privateCreator that is no value of VR LO", tag=tag) from None
        if tag & 0xFF00:
            self.observations.add("metadata-block-in-tag")
        return creator

    def _content(self, name: str, attributes: dict[str, str]) -> None:
        """Open what a DicomAttribute holds: one kind, numbered without gaps (A.1.5)."""
        attribute = self._attributes[-1]
        if attribute.content and (
            attribute.content != name or name in ("BulkData", "InlineBinary")
        ):
            raise self._malformed("has contents that exclude each other")
        attribute.content = name
        if name in ("Value", "Item", "PersonName"):
            attribute.number += 1
            number = attributes.get("number", "")
            if not _NUMBER.fullmatch(number) or int(number) != attribute.number:
                raise self._malformed(f"has a {name} whose number is not {attribute.number}")
        if name == "BulkData":
            attribute.bulkdata = self._reference(attribute.vr, attributes)
        elif name == "PersonName":
            self._groups = [[] for _ in NAME_GROUPS]
        elif name == "Item":
            if len(self._datasets) > self._limits.max_depth:
                raise Refusal(
                    f"is a sequence nested deeper than {self._limits.max_depth}",
                    FailureReason.TOO_DEEP,
                    attribute.tag,
                )
            self._count.add(1)
            self._datasets.append([])

    def _reference(self, vr: str, attributes: dict[str, str]) -> BulkdataReference:
        if len(attributes) != 1:
            raise self._malformed("has a BulkData without exactly one of uri and uuid")
        uri = attributes.get("uri")
        if uri is None:
            uri = attributes["uuid"].strip()
            if uri and not uri.lower().startswith(_UUID_SCHEME):
                uri = _UUID_SCHEME + uri
        try:
            return bulkdata_reference(vr, uri)
        except Refusal as refusal:
            refusal.tag = self._attributes[-1].tag
            raise

    def _closed(self, name: str, text: str) -> None:
        if name in NAME_COMPONENTS:
            self._component(NAME_COMPONENTS.index(name), text)
        elif name == "PersonName":
            groups = ["^".join(group).rstrip("^") for group in self._groups]
            self._attributes[-1].texts.append("=".join(groups).rstrip("="))
        elif name in ("Value", "InlineBinary"):
            self._attributes[-1].texts.append(text)
        elif name == "DicomAttribute":
            self._attribute_closed()
        elif name in ("Item", "NativeDicomModel"):
            dataset = self._dataset_closed()
            if name == "Item":
                self._attributes[-1].items.append(dataset)
            else:
                self.dataset = dataset

    def _component(self, index: int, text: str) -> None:
        components = self._groups[self._group]
        is_last = index == len(components) - 1
        if components[index] or "=" in text or ("^" in text and not is_last):
            raise self._malformed("has a component of a name that is none")
        components[index] = text

    def _attribute_closed(self) -> None:
        attribute = self._attributes[-1]
        try:
            # (gggg,0000) with a creator is (gggg,xx00) of its block, no group length.
            observation = "" if attribute.creator else left_out(attribute.tag)
            if observation:
                self.observations.add(observation)
            else:
                self._add(self._element(attribute))
        except Refusal as refusal:
            refusal.tag = attribute.tag
            self._refuse(refusal)
        self._attributes.pop()

    def _add(self, element: Element) -> None:
        self._datasets[-1].append(element)
        if len(self._datasets) == 1 and len(element.values) == 1:
            uid = element.values[0]
            if isinstance(uid, str) and is_uid(uid):
                if element.tag == tags.SOP_CLASS_UID:
                    self.sop_class = uid
                elif element.tag == tags.SOP_INSTANCE_UID:
                    self.sop_instance = uid

    def _element(self, attribute: _Open) -> Element:
        tag, vr, content = attribute.tag, attribute.vr, attribute.content
        values: tuple[Value, ...] = ()
        if content == "InlineBinary":
            values = inline_binary(vr, attribute.texts[0])
        elif content == "Item" and vr == "SQ":
            values = tuple(attribute.items)
        elif (content == "PersonName" and vr == "PN") or (
            content == "Value" and vr not in BINARY_VRS and vr not in ("SQ", "PN")
        ):
            values = values_of(vr, attribute.texts, self.observations)
        elif content and content != "BulkData":
            raise Refusal(f"has VR {vr}, which {content} cannot hold")
        return Element(tag, vr, "", values, attribute.creator, attribute.bulkdata)

    def _dataset_closed(self) -> Dataset:
        elements = self._datasets[-1]
        try:
            elements = with_blocks(elements)
        except Refusal as refusal:
            self._refuse(refusal)
        self._datasets.pop()
        present = {element.tag for element in elements}
        for tag in present:
            if tag & 0x10000 and tag & 0xFF00 and not has_creator(tag, present):
                self.observations.add("metadata-private-without-creator")
        return Dataset(elements)

    def _malformed(self, what: str) -> Refusal:
        return Refusal(what, tag=self._attributes[-1].tag)
