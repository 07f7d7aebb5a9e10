"""A glance at the first bytes of a DICOM file: who it is, where that can be seen at once.

What belongs here: the shape that almost every file has, read fast, because of most files of a
folder nothing else is read. What must not: a judgement. Whatever looks otherwise is None here and
is read with care by ``headers``, and what is seen here is what is read there.

Instances of a series have most often the same elements with the same lengths. A layout that was
met twice is remembered: where all headers of a file are its own, so are the places of the values.
"""

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.file_meta import PREAMBLE_LENGTH, PREFIX
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Encoding
from chalicelib.standard.vrs import VRS
from chalicelib.useragent.headers import MAX_UID_BYTES, Identity

_TRANSFER_SYNTAX_UID = 0x00020010
_OF_DATA_SET = (
    tags.SOP_CLASS_UID,
    tags.SOP_INSTANCE_UID,
    tags.STUDY_INSTANCE_UID,
    tags.SERIES_INSTANCE_UID,
)
_WANTED = (_TRANSFER_SYNTAX_UID, *_OF_DATA_SET)
_LAST = tags.SERIES_INSTANCE_UID
_NUMBERS = frozenset(tag & 0xFFFF for tag in _OF_DATA_SET)
_FILE_META = 0x0002
_FILE_META_START = PREAMBLE_LENGTH + len(PREFIX)
_SHORT_FORM = frozenset(code.encode() for code, row in VRS.items() if not row.long_form)
_LONG_FORM = frozenset(code.encode() for code, row in VRS.items() if row.long_form)
_MAX_LAYOUTS = 4
_header, _length = struct.Struct("<HH2sH").unpack_from, struct.Struct("<I").unpack_from


@dataclass(frozen=True, slots=True)
class _Layout:
    """The headers of a file's elements up to its series, and where the wanted values stand.

    ``mask`` leaves of ``size`` bytes, taken as one number, the headers; so they are compared in
    three steps whatever their number is.
    """

    size: int
    mask: int
    headers: int
    places: tuple[slice, ...]

    def is_of(self, head: bytes) -> bool:
        if len(head) < self.size:
            return False
        return int.from_bytes(head[: self.size], "little") & self.mask == self.headers


@dataclass(slots=True)
class Glance:
    """Looks at one file after the other, and learns from each for the next."""

    _layouts: deque[_Layout] = field(default_factory=lambda: deque(maxlen=_MAX_LAYOUTS))
    _met: deque[list[int]] = field(default_factory=lambda: deque(maxlen=_MAX_LAYOUTS))

    def at(self, head: bytes) -> Identity | None:
        """Return what a DICOM file says it is.

        None unless all is plain: Explicit VR Little Endian, no undefined length as far as the
        Series Instance UID, every UID valid and in its place.

        Parameters
        ----------
        head : bytes
            From the preamble on; the prefix has been looked for.
        """
        for layout in self._layouts:
            if layout.is_of(head):
                return _identity(head, layout.places)
        bounds = [_FILE_META_START]
        try:
            places = _file_meta(head, bounds)
            _data_set(head, bounds, places)
        except struct.error:  # the head ends first; it does at an undefined length too
            return None
        if tuple(places) != _WANTED:
            return None
        where = tuple(places.values())
        if bounds in self._met:
            self._layouts.appendleft(_layout(head, bounds, where))
        self._met.append(bounds)
        return _identity(head, where)


def _identity(head: bytes, places: tuple[slice, ...]) -> Identity | None:
    syntax, sop_class, instance, study, series = [head[place] for place in places]
    common, sop_instance = _common(syntax, sop_class, study, series), _uid(instance)
    if common is None or not sop_instance:
        return None
    return Identity(common[1], sop_instance, common[2], common[3], common[0])


def _file_meta(head: bytes, bounds: list[int]) -> dict[int, slice]:
    """Return where the transfer syntax stands, by its tag; append where each element ends."""
    places: dict[int, slice] = {}
    numbers: set[int] = set()
    for group, number, value, end in _elements(head, bounds[-1]):
        if group != _FILE_META:
            break
        if number in numbers:
            return {}
        numbers.add(number)
        bounds.append(end)
        if number == _TRANSFER_SYNTAX_UID & 0xFFFF:
            places[_TRANSFER_SYNTAX_UID] = slice(value, end)
    return places


def _data_set(head: bytes, bounds: list[int], places: dict[int, slice]) -> None:
    """Add where the values that are wanted stand; append where each element ends."""
    for group, number, value, end in _elements(head, bounds[-1]):
        bounds.append(end)
        if number in _NUMBERS and (tag := group << 16 | number) in _OF_DATA_SET:
            if end > len(head) or end - value > MAX_UID_BYTES:
                break
            places[tag] = slice(value, end)
            if tag == _LAST:
                break
        elif group > _LAST >> 16:
            break


def _elements(head: bytes, position: int) -> Iterator[tuple[int, int, int, int]]:
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


def _layout(head: bytes, bounds: list[int], places: tuple[slice, ...]) -> _Layout:
    """Return the layout of a head whose elements have these bounds."""
    size = bounds[-1]
    mask = bytearray(size)
    for start in bounds[:-1]:
        length = 12 if head[start + 4 : start + 6] in _LONG_FORM else 8
        mask[start : start + length] = b"\xff" * length
    number = int.from_bytes(mask, "little")
    return _Layout(size, number, int.from_bytes(head[:size], "little") & number, places)


@lru_cache(maxsize=64)
def _common(syntax: bytes, *others: bytes) -> tuple[str, ...] | None:
    """Return the UIDs that the instances of a series share, None where they are not plain."""
    uids = tuple(map(_uid, (syntax, *others)))
    row = TRANSFER_SYNTAXES.get(uids[0])
    is_plain = row is not None and row.encoding is Encoding.EXPLICIT_LITTLE
    return uids if is_plain and all(uids) else None


def _uid(value: bytes) -> str:
    text = value.rstrip(b"\0 ").decode("latin-1")
    return text if is_uid(text) else ""
