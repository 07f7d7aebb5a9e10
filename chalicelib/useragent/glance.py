"""A glance at the first bytes of a DICOM file: who it is, where that can be seen at once.

What belongs here: the shape that almost every file has, read fast, because of most files of a
folder nothing else is read. What must not: a judgement. Whatever looks otherwise is None here and
is read with care by ``headers``, and what is seen here is what is read there.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.file_meta import PREAMBLE_LENGTH, PREFIX
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Encoding
from chalicelib.standard.vrs import VRS
from chalicelib.useragent.headers import MAX_UID_BYTES, Identity

_WANTED = (
    tags.SOP_CLASS_UID,
    tags.SOP_INSTANCE_UID,
    tags.STUDY_INSTANCE_UID,
    tags.SERIES_INSTANCE_UID,
)
_LAST = tags.SERIES_INSTANCE_UID
_NUMBERS = frozenset(tag & 0xFFFF for tag in _WANTED)
_FILE_META, _TRANSFER_SYNTAX_NUMBER = 0x0002, 0x0010
_FILE_META_START = PREAMBLE_LENGTH + len(PREFIX)
_SHORT_FORM = frozenset(code.encode() for code, row in VRS.items() if not row.long_form)
_LONG_FORM = frozenset(code.encode() for code, row in VRS.items() if row.long_form)
_header, _length = struct.Struct("<HH2sH").unpack_from, struct.Struct("<I").unpack_from
_Element = tuple[int, int, int, int]


def glance(head: bytes) -> Identity | None:
    """Return what a DICOM file says it is.

    None unless all is plain: Explicit VR Little Endian, no undefined length as far as the Series
    Instance UID, every UID valid and in its place.

    Parameters
    ----------
    head : bytes
        From the preamble on; the prefix has been looked for.
    """
    try:
        syntax, start = _file_meta(head)
        values = _data_set(head, start)
    except struct.error:  # the head ends first; it does at an undefined length too
        return None
    row = TRANSFER_SYNTAXES.get(syntax)
    if row is None or row.encoding is not Encoding.EXPLICIT_LITTLE or tuple(values) != _WANTED:
        return None
    sop_class, sop_instance, study, series = values.values()
    uids = _common_uid(sop_class), _uid(sop_instance), _common_uid(study), _common_uid(series)
    return Identity(*uids, syntax) if all(uids) else None


def _file_meta(head: bytes) -> tuple[str, int]:
    """Return the transfer syntax, "" where it is not plain, and where the data set begins."""
    values: dict[int, bytes] = {}
    start = _FILE_META_START
    for group, number, value, end in _elements(head, start):
        if group != _FILE_META:
            break
        if number in values:
            return "", start
        values[number], start = head[value:end], end
    return _common_uid(values.get(_TRANSFER_SYNTAX_NUMBER, b"")), start


def _data_set(head: bytes, start: int) -> dict[int, bytes]:
    """Return the values that are wanted, in the order of their elements."""
    values: dict[int, bytes] = {}
    for group, number, value, end in _elements(head, start):
        if number in _NUMBERS and (tag := group << 16 | number) in _WANTED:
            if end > len(head) or end - value > MAX_UID_BYTES:
                break
            values[tag] = head[value:end]
            if tag == _LAST:
                break
        elif group > _LAST >> 16:
            break
    return values


def _elements(head: bytes, position: int) -> Iterator[_Element]:
    """Yield group, number, start and end of each value, while VRs are explicit.

    Raises
    ------
    struct.error
        The head ends.
    """
    while True:
        group, number, vr, length = _header(head, position)
        position += 8
        if vr not in _SHORT_FORM:
            if vr not in _LONG_FORM:
                return
            (length,) = _length(head, position)
            position += 4
        end = position + length
        yield group, number, position, end
        position = end


@lru_cache(maxsize=256)
def _common_uid(value: bytes) -> str:
    """Return a UID that many instances share."""
    return _uid(value)


def _uid(value: bytes) -> str:
    text = value.rstrip(b"\0 ").decode("latin-1")
    return text if is_uid(text) else ""
