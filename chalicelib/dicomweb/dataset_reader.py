"""A DICOM file's data set as values: by the structural walk, text decoded.

What no metadata can carry as its VR (text that its character set does not decode, a number cut
short, a decimal that is none) is kept as the bytes it is, with VR UN. Group lengths and padding
say how a file is written; they are left out.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from struct import unpack

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element, Value
from chalicelib.dicomweb.dicom_file import DicomFileLimits, accepted_transfer_syntax, walk_of
from chalicelib.dicomweb.dictionary import dictionary_vr
from chalicelib.dicomweb.file_meta import FileMeta
from chalicelib.dicomweb.metadata_elements import Refusal, is_private_creator
from chalicelib.dicomweb.metadata_values import (
    BINARY_VRS,
    FLOAT_VRS,
    INTEGER_VRS,
    SINGLE_VALUE_VRS,
    check_texts,
)
from chalicelib.dicomweb.structure import Kind, Step
from chalicelib.dicomweb.text import UndecodableText, character_sets_of, decode_text
from chalicelib.standard.character_sets import CharacterSet
from chalicelib.standard.transfer_syntaxes import Encoding
from chalicelib.standard.value_grammar import VALUE_BYTES
from chalicelib.standard.vrs import VRS

_PIXEL_REPRESENTATION = 0x00280103
_DATA_SET_TRAILING_PADDING = 0xFFFCFFFC
_FORMATS = {"SS": "h", "US": "H", "SL": "i", "UL": "I", "SV": "q", "UV": "Q", "FL": "f", "FD": "d"}
_ARRAY_CODES = {2: "H", 4: "I", 8: "Q"}


def read_dataset(
    source: ByteSource, meta: FileMeta, limits: DicomFileLimits | None = None
) -> Dataset:
    """Return the data set of a file.

    Encapsulated Pixel Data are fragments, no value: a bulkdata reference stands for them, the
    relative path of tags and 1-based item numbers such as ``00880200/1/7FE00010``.

    Parameters
    ----------
    source : ByteSource
        Holds the whole file; ``meta`` is its File Meta Information.
    limits : DicomFileLimits, optional

    Raises
    ------
    InstanceError
        When the file cannot be walked, or its transfer syntax is not stored.
    """
    syntax = accepted_transfer_syntax(meta.transfer_syntax)
    walk = walk_of(source, meta, syntax, limits or DicomFileLimits())
    builder = _Builder(walk.source)
    for step in walk:
        builder.take(step)
    return Dataset(builder.top.elements)


@dataclass(slots=True)
class _OpenDataset:
    """A data set that is being read; ``items`` are those of the sequence open in it."""

    elements: list[Element]
    character_sets: Sequence[CharacterSet] | None
    items: list[Dataset]
    path: str = ""


class _Builder:
    """Builds data sets while the walk goes by."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._open = [_OpenDataset([], (), [])]
        self._is_signed = False

    @property
    def top(self) -> _OpenDataset:
        return self._open[-1]

    def take(self, step: Step) -> None:
        """Look at one step."""
        here = self.top
        if step.kind is Kind.ELEMENT:
            if step.tag & 0xFFFF and step.tag != _DATA_SET_TRAILING_PADDING:
                self._element(step)
        elif step.kind is Kind.SEQUENCE:
            here.items = []
        elif step.kind is Kind.ITEM:
            path = f"{here.path}{step.tag:08X}/{len(here.items) + 1}/"
            self._open.append(_OpenDataset([], here.character_sets, [], path))
        elif step.kind is Kind.END_ITEM:
            self._open.pop()
            self.top.items.append(Dataset(here.elements))
        elif step.kind is Kind.END_SEQUENCE:
            here.elements.append(Element(step.tag, "SQ", "", tuple(here.items)))
        elif step.kind is Kind.END_FRAGMENTS:
            reference = BulkdataReference(f"{here.path}{step.tag:08X}")
            here.elements.append(Element(step.tag, "OB", bulkdata=reference))

    def _element(self, step: Step) -> None:
        value = read_bytes(self._source, step.offset, step.length)
        vr = step.vr or self._implicit_vr(step.tag)
        if vr == "UN" and is_private_creator(step.tag):
            vr = "LO"  # PS3.5 7.8.1; a creator that went through a server that did not know it
        if step.tag == _PIXEL_REPRESENTATION:
            self._is_signed = value[:1] == b"\1" or value[1:] == b"\1"
        if step.tag == tags.SPECIFIC_CHARACTER_SET:
            self._declare(value)
        values = self._values(vr, value, step)
        if values is None:
            vr, values = "UN", (value,)
        self.top.elements.append(Element(step.tag, vr, "", values))

    def _declare(self, value: bytes) -> None:
        try:
            self.top.character_sets = character_sets_of(value)
        except UndecodableText:
            self.top.character_sets = None

    def _implicit_vr(self, tag: int) -> str:
        """Return the VR of an element whose encoding names none (PS3.5 Annex A.1, 7.8.1)."""
        if is_private_creator(tag):
            return "LO"
        vr = dictionary_vr(tag)
        if vr or tag & 0x10000:
            return vr or "UN"
        return _one_of_several(tag, self._is_signed)

    def _values(self, vr: str, value: bytes, step: Step) -> tuple[Value, ...] | None:
        """Return the values, None where the bytes cannot be values of the VR."""
        if not value:
            return ()
        if vr in BINARY_VRS:
            unit = VRS[vr].unit
            if len(value) % unit:
                return None
            is_big = step.encoding is Encoding.EXPLICIT_BIG
            return (_swapped(value, unit) if is_big and unit > 1 else value,)
        if vr in INTEGER_VRS or vr in FLOAT_VRS or vr == "AT":
            return _numbers(vr, value, ">" if step.encoding is Encoding.EXPLICIT_BIG else "<")
        try:
            return check_texts(vr, self._texts(vr, value))
        except (UndecodableText, UnicodeDecodeError, Refusal):
            return None

    def _texts(self, vr: str, value: bytes) -> list[str]:
        value = value.rstrip(b"\0 ")
        if not VRS[vr].text:
            text = value.decode("ascii")
        elif self.top.character_sets is None:
            raise UndecodableText("Specific Character Set has an undefined term")
        else:
            text = decode_text(value, self.top.character_sets, vr=vr)
        if vr in SINGLE_VALUE_VRS:
            return [text]
        return [part.rstrip(" \0") for part in text.split("\\")]


def _one_of_several(tag: int, is_signed: bool) -> str:
    """Return the VR that an implicit encoding gives a tag with several (PS3.5 A.1)."""
    from pydicom.datadict import dictionary_VR  # as late as in dictionary.py

    try:
        vrs = str(dictionary_VR(tag))
    except KeyError:
        return "UN"
    if "OW" in vrs or "OB" in vrs:
        return "OW"
    return "SS" if is_signed and "SS" in vrs else "US"


def _numbers(vr: str, value: bytes, order: str) -> tuple[Value, ...] | None:
    size = VALUE_BYTES[vr]
    if len(value) % size:
        return None
    count = len(value) // size
    if vr == "AT":
        words = unpack(f"{order}{2 * count}H", value)
        return tuple(
            group << 16 | element for group, element in zip(words[::2], words[1::2], strict=True)
        )
    return unpack(f"{order}{count}{_FORMATS[vr]}", value)


def _swapped(value: bytes, unit: int) -> bytes:
    words = array(_ARRAY_CODES[unit], value)
    words.byteswap()
    return words.tobytes()
