"""Preamble and File Meta Information of a DICOM file (PS3.10 7.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from struct import unpack_from

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VRS

PREAMBLE_LENGTH = 128
PREFIX = b"DICM"
MAX_FILE_META_BYTES = 64 * 1024

_GROUP_LENGTH = 0x00020000
_MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
_MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
_TRANSFER_SYNTAX_UID = 0x00020010
_LONG_FORM = frozenset(code.encode() for code, row in VRS.items() if row.long_form)
_KNOWN_VRS = frozenset(code.encode() for code in VRS)


class Preamble(Enum):
    """What the first 128 bytes are (PS3.10 7.5)."""

    ZEROS = "zeros"
    TIFF = "TIFF or BigTIFF"
    EXECUTABLE = "executable"
    OTHER = "other"


_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_EXECUTABLE_MAGIC = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
)


def classify_preamble(preamble: bytes) -> Preamble:
    """Return what a preamble is by its first bytes."""
    if preamble.startswith(_EXECUTABLE_MAGIC):
        return Preamble.EXECUTABLE
    if preamble.startswith(_TIFF_MAGIC):
        return Preamble.TIFF
    return Preamble.OTHER if preamble.strip(b"\0") else Preamble.ZEROS


@dataclass(frozen=True, slots=True)
class FileMeta:
    """File Meta Information as far as storing needs it.

    ``sop_class``, ``sop_instance`` and ``transfer_syntax`` are "" where absent or not a UID;
    ``data_set_start`` is the offset of the first element after group 0002.
    """

    preamble: Preamble
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    data_set_start: int
    observations: frozenset[str]

    @property
    def names_instance(self) -> bool:
        """Whether a response item can say which instance this is."""
        return bool(self.sop_class and self.sop_instance)


def read_file_meta(source: ByteSource) -> FileMeta:
    """Read the preamble, the prefix and group 0002.

    Raises
    ------
    InstanceError
        NOT_DICOM_FILE, TRUNCATED or FILE_META_UNREADABLE.
    """
    head = read_bytes(source, 0, PREAMBLE_LENGTH + len(PREFIX))
    if head[PREAMBLE_LENGTH:] != PREFIX:
        raise InstanceError(
            FailureReason.NOT_DICOM_FILE,
            f"The part has no DICM prefix after {PREAMBLE_LENGTH} bytes; it is {source.size} "
            "bytes long. A data set alone, without File Meta Information, is no DICOM file.",
        )
    meta = read_bytes(source, len(head), MAX_FILE_META_BYTES)
    values: dict[int, bytes] = {}
    end = 0
    for tag, start, stop in _group_2(meta, source.size - len(head) <= len(meta)):
        if tag in values and tag in _UIDS:
            raise _unreadable(f"{tags.format_tag(tag)} stands twice in File Meta Information.", tag)
        values[tag], end = meta[start:stop], stop
    if not values:
        raise _unreadable("No element of group 0002 follows the DICM prefix.")
    class_uid, instance_uid, syntax = (_uid(values.get(tag, b"")) for tag in _UIDS)
    return FileMeta(
        preamble=classify_preamble(head[:PREAMBLE_LENGTH]),
        sop_class=class_uid,
        sop_instance=instance_uid,
        transfer_syntax=syntax,
        data_set_start=len(head) + end,
        observations=frozenset(_observe(values, end)),
    )


_UIDS = (_MEDIA_STORAGE_SOP_CLASS_UID, _MEDIA_STORAGE_SOP_INSTANCE_UID, _TRANSFER_SYNTAX_UID)


def _group_2(meta: bytes, is_whole: bool) -> Iterator[tuple[int, int, int]]:
    """Yield tag, start and end of each value of group 0002 (Explicit VR Little Endian).

    The group ends where another begins: many writers leave (0002,0000) out or wrong.
    """
    position = 0
    while meta[position : position + 2] == b"\x02\x00":
        if len(meta) < position + 12:
            raise _cut(is_whole)
        (element,) = unpack_from("<H", meta, position + 2)
        tag, vr = 0x00020000 | element, meta[position + 4 : position + 6]
        if vr not in _KNOWN_VRS:
            raise _unreadable(f"{tags.format_tag(tag)} is not in Explicit VR Little Endian.", tag)
        if vr in _LONG_FORM:
            (length,) = unpack_from("<I", meta, position + 8)
            start = position + 12
        else:
            (length,) = unpack_from("<H", meta, position + 6)
            start = position + 8
        position = start + length
        if position > len(meta):
            raise _cut(is_whole)
        yield tag, start, position


def _observe(values: dict[int, bytes], end: int) -> Iterator[str]:
    stated = values.get(_GROUP_LENGTH)
    if stated is None:
        yield "no-file-meta-group-length"
    elif len(stated) != 4 or unpack_from("<I", stated)[0] != end - 12:
        yield "wrong-file-meta-group-length"


def _uid(value: bytes) -> str:
    text = value.rstrip(b"\0 ").decode("ascii", "replace")
    return text if is_uid(text) else ""


def _cut(is_whole: bool) -> InstanceError:
    if is_whole:
        return InstanceError(FailureReason.TRUNCATED, "The part ends inside File Meta Information.")
    return _unreadable(f"File Meta Information is longer than {MAX_FILE_META_BYTES} bytes.")


def _unreadable(detail: str, tag: int | None = None) -> InstanceError:
    path = tags.format_tag(tag) if tag is not None else None
    return InstanceError(FailureReason.FILE_META_UNREADABLE, detail, tag_path=path)
