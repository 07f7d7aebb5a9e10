"""Keeps, while a walk goes by, the few top-level elements that are judged together afterwards."""

from typing import NamedTuple

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.structure import Kind, Step
from chalicelib.dicomweb.uids import is_uid
from chalicelib.origin.validate.dictionary import entry_of
from chalicelib.standard.common_modules import COMMON_ATTRIBUTES, PIXEL_ATTRIBUTES
from chalicelib.standard.transfer_syntaxes import Encoding

MAX_KEPT_BYTES = 128
PLANAR_CONFIGURATION = 0x00280006
NUMBER_OF_FRAMES = 0x00280008
LOSSY_IMAGE_COMPRESSION = 0x00282110
PALETTE_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
PALETTE_TABLES = ((0x00281201, 0x00281221), (0x00281202, 0x00281222), (0x00281203, 0x00281223))
PALETTE_UID = 0x00281199
PIXEL_DATA_PROVIDER_URL = 0x00287FE0
ENCAPSULATED_DOCUMENT = 0x00420011
MIME_TYPE_OF_DOCUMENT = 0x00420012
EXTENDED_OFFSET_TABLE = 0x7FE00001
EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009

_WANTED = frozenset(
    {
        tags.SOP_CLASS_UID,
        tags.SOP_INSTANCE_UID,
        tags.STUDY_INSTANCE_UID,
        tags.SERIES_INSTANCE_UID,
        tags.PIXEL_DATA,
        PLANAR_CONFIGURATION,
        NUMBER_OF_FRAMES,
        LOSSY_IMAGE_COMPRESSION,
        *PALETTE_DESCRIPTORS,
        *(tag for pair in PALETTE_TABLES for tag in pair),
        PALETTE_UID,
        PIXEL_DATA_PROVIDER_URL,
        ENCAPSULATED_DOCUMENT,
        MIME_TYPE_OF_DOCUMENT,
        EXTENDED_OFFSET_TABLE,
        EXTENDED_OFFSET_TABLE_LENGTHS,
        FLOAT_PIXEL_DATA,
        DOUBLE_FLOAT_PIXEL_DATA,
        *(row.tag for row in COMMON_ATTRIBUTES),
        *(row.tag for row in PIXEL_ATTRIBUTES),
    }
)
_INTEGER_BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4}


class Kept(NamedTuple):
    """An element: where its value is, and its first MAX_KEPT_BYTES."""

    vr: str
    offset: int
    length: int
    encoding: Encoding
    first: bytes


class KeptElements:
    """The top-level elements wanted; of one that is repeated, the first."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._found: dict[int, Kept] = {}
        self.repeated: set[int] = set()

    def take(self, step: Step) -> None:
        """Look at one step of the walk, an element or the opening of one."""
        if step.depth or step.tag not in _WANTED:
            return
        if step.tag in self._found:
            self.repeated.add(step.tag)
            return
        kept = min(step.length, MAX_KEPT_BYTES) if step.kind is Kind.ELEMENT else 0
        first = read_bytes(self._source, step.offset, kept) if kept else b""
        self._found[step.tag] = Kept(step.vr, step.offset, step.length, step.encoding, first)

    def get(self, tag: int) -> Kept | None:
        """Return the element, None when it is absent."""
        return self._found.get(tag)

    def has(self, *wanted: int) -> bool:
        """Return whether any of the elements is there, perhaps empty."""
        return any(tag in self._found for tag in wanted)

    def has_value(self, tag: int) -> bool:
        """Return whether the element is there and not empty."""
        found = self._found.get(tag)
        return found is not None and found.length > 0

    def text(self, tag: int) -> str:
        """Return the value as text of the default repertoire without padding, "" when absent."""
        found = self._found.get(tag)
        return found.first.strip(b" \0").decode("latin-1") if found is not None else ""

    def uid(self, tag: int) -> str | None:
        """Return the UID, "" when absent or empty, None when it is no UID."""
        found = self._found.get(tag)
        text = found.first.rstrip(b"\0 ").decode("latin-1") if found is not None else ""
        return text if not text or is_uid(text) else None

    def number(self, tag: int) -> int | None:
        """Return the value as one integer, None when it is absent or none."""
        found = self._found.get(tag)
        if found is None or not found.first:
            return None
        vr = found.vr
        if vr not in _INTEGER_BYTES:
            # UN, an implicit encoding, or a wrong VR: the value is still what the tag says.
            entry = entry_of(tag)
            vr = entry.vrs[0] if entry is not None and entry.vrs else ""
        if vr == "IS":
            return _integer_of(found.first)
        size = _INTEGER_BYTES.get(vr, 0)
        if not size or found.length != size:
            return None
        is_big = found.encoding is Encoding.EXPLICIT_BIG
        return int.from_bytes(found.first[:size], "big" if is_big else "little")


def _integer_of(value: bytes) -> int | None:
    digits = value.strip(b" \0")
    if len(digits) > 12 or not digits.lstrip(b"+-").isdigit():
        return None
    try:
        return int(digits)
    except ValueError:
        return None
