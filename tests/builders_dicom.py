"""DICOM by the byte, valid or not: every length, tag and delimiter can be made to lie.

No DICOM library has a hand in it, so nothing is put right on the way. Values are bytes as they
stand in the file; what is not asked for is correct.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from struct import pack, unpack_from

from chalicelib.standard.transfer_syntaxes import Encoding

LITTLE = Encoding.EXPLICIT_LITTLE
IMPLICIT = Encoding.IMPLICIT_LITTLE
BIG = Encoding.EXPLICIT_BIG
DEFLATED = Encoding.DEFLATED

EXPLICIT_LITTLE_UID = "1.2.840.10008.1.2.1"
TRANSFER_SYNTAX_OF: dict[Encoding, str] = {
    LITTLE: EXPLICIT_LITTLE_UID,
    IMPLICIT: "1.2.840.10008.1.2",
    BIG: "1.2.840.10008.1.2.2",
    DEFLATED: "1.2.840.10008.1.2.1.99",
}
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_DELIMITATION = 0xFFFEE00D
SEQUENCE_DELIMITATION = 0xFFFEE0DD

FILE_META_GROUP_LENGTH = 0x00020000
MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
TRANSFER_SYNTAX_UID = 0x00020010
SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
STUDY_DATE = 0x00080020
ACCESSION_NUMBER = 0x00080050
MODALITY = 0x00080060
REFERENCED_IMAGE_SEQUENCE = 0x00081140
REFERENCED_SOP_INSTANCE_UID = 0x00081155
PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
PATIENT_BIRTH_DATE = 0x00100030
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
REQUEST_ATTRIBUTES_SEQUENCE = 0x00400275
PIXEL_DATA = 0x7FE00010

_LONG_FORM = frozenset(
    ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
)


# ---------------------------------------------------------------- elements


def element(
    tag: int,
    vr: str,
    value: bytes = b"",
    *,
    length: int | None = None,
    encoding: Encoding = LITTLE,
) -> bytes:
    """An element; ``length`` stands in its header whatever the value's length is."""
    size = len(value) if length is None else length
    order = ">" if encoding is BIG else "<"
    head = pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if encoding is IMPLICIT:
        return head + pack("<I", size) + value
    if vr in _LONG_FORM:
        return head + vr.encode() + pack(f"{order}HI", 0, size) + value
    return head + vr.encode() + pack(f"{order}H", size) + value


def item(
    content: bytes = b"",
    *,
    length: int | None = None,
    delimited: bool = True,
    encoding: Encoding = LITTLE,
) -> bytes:
    """An item of defined length; with ``length=UNDEFINED`` a delimiter ends it if asked to."""
    size = len(content) if length is None else length
    end = marker(ITEM_DELIMITATION, encoding=encoding) if size == UNDEFINED and delimited else b""
    return marker(ITEM, size, encoding=encoding) + content + end


def marker(tag: int, length: int = 0, *, encoding: Encoding = LITTLE) -> bytes:
    """An item tag or a delimiter with its length."""
    order = ">" if encoding is BIG else "<"
    return pack(f"{order}HHI", tag >> 16, tag & 0xFFFF, length)


def sequence(
    tag: int,
    content: bytes = b"",
    *,
    length: int | None = None,
    delimited: bool = True,
    vr: str = "SQ",
    encoding: Encoding = LITTLE,
) -> bytes:
    """A sequence around items; with ``length=UNDEFINED`` a delimiter ends it if asked to."""
    size = len(content) if length is None else length
    inside = IMPLICIT if vr == "UN" else encoding
    end = marker(SEQUENCE_DELIMITATION, encoding=inside) if size == UNDEFINED and delimited else b""
    return element(tag, vr, content, length=size, encoding=encoding) + end


def fragments(*pieces: bytes, offset_table: bytes = b"", delimited: bool = True) -> bytes:
    """Encapsulated Pixel Data (PS3.5 A.4), the Basic Offset Table first."""
    content = b"".join(map(item, (offset_table, *pieces)))
    return sequence(PIXEL_DATA, content, length=UNDEFINED, delimited=delimited, vr="OB")


def nested(depth: int, *, undefined: bool, encoding: Encoding = LITTLE, vr: str = "SQ") -> bytes:
    """Sequences of one item each, one inside the other, with lengths that are right."""
    inside = IMPLICIT if vr == "UN" else encoding
    tag = REFERENCED_IMAGE_SEQUENCE
    if undefined:
        first = element(tag, vr, length=UNDEFINED, encoding=encoding)
        further = element(tag, "SQ", length=UNDEFINED, encoding=inside)
        opens = marker(ITEM, UNDEFINED, encoding=inside)
        closes = marker(ITEM_DELIMITATION, encoding=inside)
        closes += marker(SEQUENCE_DELIMITATION, encoding=inside)
        return first + opens + (further + opens) * (depth - 1) + closes * depth
    one = len(element(tag, "SQ", encoding=inside)) + 8
    return b"".join(
        element(tag, vr if level == 0 else "SQ", length=below + 8, encoding=encoding)
        + marker(ITEM, below, encoding=inside)
        for level, below in enumerate(range((depth - 1) * one, -one, -one))
    )


# ---------------------------------------------------------------- files


def uid_of(*words: object) -> str:
    """A UID that the same words always give (PS3.5 B.2 form)."""
    digest = sha256("/".join(map(str, words)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:12], 'big')}"


def pad(text: str | bytes, with_byte: bytes = b"\0") -> bytes:
    """A value of even length."""
    value = text.encode("latin-1") if isinstance(text, str) else text
    return value + with_byte * (len(value) % 2)


@dataclass(frozen=True)
class Uids:
    """What identifies an instance."""

    instance: str
    study: str
    series: str
    sop_class: str = CT_IMAGE_STORAGE

    @classmethod
    def of(cls, *words: object, study: str | None = None) -> "Uids":
        """UIDs that the same words always give; all of one series when the study is given."""
        around = (study,) if study else words
        return cls(
            uid_of("instance", *words), study or uid_of("study", *words), uid_of("series", *around)
        )


@dataclass(frozen=True)
class Patient:
    """What a file says of its patient."""

    name: bytes = b"Doe^Jane"
    patient_id: bytes = b"PID-1"
    birth_date: bytes = b"19700101"
    accession: bytes = b"ACC-1"


@dataclass(frozen=True)
class FileParts:
    """A file before its parts are joined; change what shall be wrong.

    ``elements`` are the data set's by tag, each whole; ``tail`` follows them. ``meta`` are group
    0002's without its length, which is ``group_length`` if that is given and left out if it is
    negative.
    """

    elements: Mapping[int, bytes]
    meta: Mapping[int, bytes]
    tail: bytes = b""
    preamble: bytes = bytes(128)
    prefix: bytes = b"DICM"
    group_length: int | None = None
    encoding: Encoding = LITTLE
    extra_meta: bytes = b""

    def with_elements(self, *changed: bytes | int) -> "FileParts":
        """Put elements in their places; a bare tag takes one away."""
        elements = dict(self.elements)
        for change in changed:
            if isinstance(change, int):
                elements.pop(change, None)
            else:
                elements[self._tag_of(change)] = change
        return replace(self, elements=elements)

    def with_meta(self, *changed: bytes | int) -> "FileParts":
        """Put elements of group 0002 in their places; a bare tag takes one away."""
        meta = dict(self.meta)
        for change in changed:
            if isinstance(change, int):
                meta.pop(change, None)
            else:
                group, number = unpack_from("<HH", change)
                meta[group << 16 | number] = change
        return replace(self, meta=meta)

    def with_tail(self, tail: bytes) -> "FileParts":
        """Let bytes follow the last element."""
        return replace(self, tail=tail)

    def data_set(self) -> bytes:
        """The data set, not deflated."""
        return b"".join(self.elements[tag] for tag in sorted(self.elements)) + self.tail

    def head(self) -> bytes:
        """Preamble, prefix and group 0002."""
        meta = b"".join(self.meta[tag] for tag in sorted(self.meta)) + self.extra_meta
        length = len(meta) if self.group_length is None else self.group_length
        group_length = element(FILE_META_GROUP_LENGTH, "UL", pack("<I", max(length, 0)))
        return self.preamble + self.prefix + (group_length if length >= 0 else b"") + meta

    def encode(self) -> bytes:
        """The file."""
        data_set = self.data_set()
        return self.head() + (deflate(data_set) if self.encoding is DEFLATED else data_set)

    def boundaries(self) -> frozenset[int]:
        """The sizes at which a cut leaves whole elements of the data set only."""
        sizes = [len(self.head())]
        for tag in sorted(self.elements):
            sizes.append(sizes[-1] + len(self.elements[tag]))
        return frozenset(sizes)

    def _tag_of(self, whole: bytes) -> int:
        group, number = unpack_from(">HH" if self.encoding is BIG else "<HH", whole)
        return int(group << 16 | number)


def deflate(data: bytes) -> bytes:
    """Compress as PS3.5 A.5 says: a bare RFC 1951 stream of even length."""
    deflater = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return pad(deflater.compress(data) + deflater.flush())


@dataclass(frozen=True)
class _Text:
    tag: int
    vr: str
    value: bytes
    padding: bytes = field(default=b" ")


def make_file(
    uids: Uids,
    patient: Patient | None = None,
    *,
    encoding: Encoding = LITTLE,
    transfer_syntax: str | None = None,
    pixels: bytes | None = None,
) -> FileParts:
    """A small complete image, 4 by 4 pixels of 8 bits."""
    patient = patient or Patient()
    inner = LITTLE if encoding is DEFLATED else encoding
    order = ">" if encoding is BIG else "<"
    rows: Iterable[_Text] = (
        _Text(SPECIFIC_CHARACTER_SET, "CS", b"ISO_IR 100"),
        _Text(SOP_CLASS_UID, "UI", uids.sop_class.encode(), b"\0"),
        _Text(SOP_INSTANCE_UID, "UI", uids.instance.encode(), b"\0"),
        _Text(STUDY_DATE, "DA", b"20260501"),
        _Text(ACCESSION_NUMBER, "SH", patient.accession),
        _Text(MODALITY, "CS", b"CT"),
        _Text(PATIENT_NAME, "PN", patient.name),
        _Text(PATIENT_ID, "LO", patient.patient_id),
        _Text(PATIENT_BIRTH_DATE, "DA", patient.birth_date),
        _Text(STUDY_INSTANCE_UID, "UI", uids.study.encode(), b"\0"),
        _Text(SERIES_INSTANCE_UID, "UI", uids.series.encode(), b"\0"),
        _Text(0x00280004, "CS", b"MONOCHROME2"),
    )
    elements = {
        row.tag: element(row.tag, row.vr, pad(row.value, row.padding), encoding=inner)
        for row in rows
    }
    for tag, number in (
        (0x00280002, 1),
        (0x00280010, 4),
        (0x00280011, 4),
        (0x00280100, 8),
        (0x00280101, 8),
        (0x00280102, 7),
        (0x00280103, 0),
    ):
        elements[tag] = element(tag, "US", pack(f"{order}H", number), encoding=inner)
    elements[PIXEL_DATA] = pixels or element(PIXEL_DATA, "OW", bytes(range(16)), encoding=inner)
    syntax = TRANSFER_SYNTAX_OF[encoding] if transfer_syntax is None else transfer_syntax
    return FileParts(elements, make_meta(uids, syntax), encoding=encoding)


def make_meta(uids: Uids, transfer_syntax: str) -> dict[int, bytes]:
    """The elements of group 0002, without its length."""
    values = {
        MEDIA_STORAGE_SOP_CLASS_UID: uids.sop_class,
        MEDIA_STORAGE_SOP_INSTANCE_UID: uids.instance,
        TRANSFER_SYNTAX_UID: transfer_syntax,
        0x00020012: "2.25.1",
    }
    meta = {tag: element(tag, "UI", pad(text)) for tag, text in values.items()}
    return {0x00020001: element(0x00020001, "OB", b"\0\1"), **meta}
