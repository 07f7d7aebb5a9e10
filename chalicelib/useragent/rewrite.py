"""Instances that may not travel as they are, written as Explicit VR Little Endian (U-04, R-310).

Implicit VR Little Endian, Explicit VR Big Endian and Deflated Explicit VR Little Endian differ
from it in headers and byte order alone: no value changes, pixels are the same samples. The file is
walked twice, for the length and for the bytes, and is never held: what is copied is copied in
pieces. Sequences and items get undefined length, because theirs is not known beforehand.

Where Implicit VR does not tell the VR, the data dictionary does; what it does not know, private
elements first, is UN, whose bytes stay as they are (PS3.5 6.2.2).
"""

import sys
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from struct import Struct, pack

from chalicelib.dicomweb.byte_source import MemorySource, RangeSource, read_bytes
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import FileMeta, read_file_meta
from chalicelib.dicomweb.multipart_writer import Buffer
from chalicelib.dicomweb.structure import UNDEFINED_LENGTH, Kind, Step, StructuralWalk
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Encoding
from chalicelib.standard.vrs import VRS
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.sources import CHUNK_BYTES, Source, ranges_of

_TARGET = b"1.2.840.10008.1.2.1\0"
_GROUP_LENGTH, _TRANSFER_SYNTAX = 0x00020000, 0x00020010
_PIXEL_REPRESENTATION, _WAVEFORM_BITS = 0x00280103, 0x54001004
_HEAD_BYTES = 132
_MAX_SHORT = 0xFFFE
_SHORT, _LONG, _MARK = Struct("<HH2sH"), Struct("<HH2sHI"), Struct("<HHI")
_ITEM = _MARK.pack(0xFFFE, 0xE000, UNDEFINED_LENGTH)
_END_ITEM, _END_SEQUENCE = _MARK.pack(0xFFFE, 0xE00D, 0), _MARK.pack(0xFFFE, 0xE0DD, 0)
_UNITS = {2: "H", 4: "I", 8: "Q"}


def rewritten(source: Source) -> "RewrittenContent":
    """Return the instance as Explicit VR Little Endian.

    Raises
    ------
    SourceError
        The file cannot be walked, or its syntax is none of those that need no codec.
    """
    try:
        meta = read_file_meta(ranges_of(source))
    except InstanceError as error:
        raise _impossible(source, error.detail) from None
    row = TRANSFER_SYNTAXES.get(meta.transfer_syntax)
    if row is None or row.encoding is Encoding.EXPLICIT_LITTLE:
        raise _impossible(source, "its transfer syntax needs no rewriting, or a codec.")
    return RewrittenContent(source, meta, row.encoding)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A range of the source; ``unit`` bytes swap together, 1 for none."""

    offset: int
    length: int
    unit: int = 1


class RewrittenContent:
    """A content: the length costs a walk over headers, the bytes another and a copy."""

    def __init__(self, source: Source, meta: FileMeta, encoding: Encoding) -> None:
        self._source = source
        self._meta = meta
        self._encoding = encoding
        self._length: int | None = None

    @property
    def length(self) -> int:
        """Bytes in all."""
        if self._length is None:
            self._length = sum(
                piece.length if isinstance(piece, _Copy) else len(piece) for piece in self._pieces()
            )
        return self._length

    def __iter__(self) -> Iterator[Buffer]:
        return self.ranged(0, sys.maxsize)

    def ranged(self, start: int, end: int) -> Iterator[Buffer]:
        """Yield the bytes from start to end; what is copied before them is not read."""
        pending = bytearray()
        for piece, low, high in self._cut(start, end):
            if isinstance(piece, _Copy) and high - low > 1024:
                yield bytes(pending)
                pending.clear()
                yield from self._copied(piece, low, high)
            elif isinstance(piece, _Copy):
                pending += b"".join(self._copied(piece, low, high))
            else:
                pending += piece[low:high]
            if len(pending) >= CHUNK_BYTES:
                yield bytes(pending)
                pending.clear()
        if pending:
            yield bytes(pending)

    def _cut(self, start: int, end: int) -> Iterator[tuple[bytes | _Copy, int, int]]:
        """Yield the pieces that bytes from start to end are of, and which of their bytes."""
        position = 0
        for piece in self._pieces():
            length = piece.length if isinstance(piece, _Copy) else len(piece)
            low, high = max(start - position, 0), min(end - position, length)
            if low < high:
                yield piece, low, high
            position += length
            if position >= end:
                return

    def _pieces(self) -> Iterator[bytes | _Copy]:
        try:
            source = ranges_of(self._source)
            yield _head(source, self._meta)
            if self._encoding is Encoding.DEFLATED:
                yield from self._inflated()
            else:
                walk = StructuralWalk(source, self._encoding, False, self._meta.data_set_start)
                yield from _Writer(source).write(walk)
        except InstanceError as error:
            raise _impossible(self._source, error.detail) from None

    def _copied(self, piece: _Copy, low: int, high: int) -> Iterator[bytes]:
        """Yield bytes of a copy; whole units are read, or they could not be swapped."""
        position = low - low % piece.unit
        end = min(high + -high % piece.unit, piece.length)
        while position < end:
            count = min(CHUNK_BYTES, end - position)
            data = swapped(self._source.read(piece.offset + position, count), piece.unit)
            yield data[max(low - position, 0) : high - position]
            position += count

    def _inflated(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        position = self._meta.data_set_start
        try:
            while position < self._source.size and not inflater.eof:
                count = min(CHUNK_BYTES, self._source.size - position)
                data = self._source.read(position, count)
                position += count
                while data and not inflater.eof:
                    yield inflater.decompress(data, CHUNK_BYTES)
                    data = inflater.unconsumed_tail
        except zlib.error:
            raise _impossible(self._source, "its data set does not inflate.") from None
        if not inflater.eof:
            raise _impossible(self._source, "its deflated data set is cut short.")


def swapped(data: bytes, unit: int) -> bytes:
    """Return the bytes with each unit in the other byte order; a rest below a unit stays."""
    if unit == 1 or len(data) < unit:
        return data
    whole = len(data) - len(data) % unit
    values = array(_UNITS[unit], data[:whole])
    values.byteswap()
    return values.tobytes() + data[whole:]


def _head(source: RangeSource, meta: FileMeta) -> bytes:
    """Return preamble, prefix and group 0002 with the new Transfer Syntax UID."""
    head = read_bytes(source, 0, meta.data_set_start)
    elements = bytearray()
    for step in StructuralWalk(MemorySource(head), Encoding.EXPLICIT_LITTLE, False, _HEAD_BYTES):
        if step.tag == _GROUP_LENGTH:
            continue
        value = head[step.offset : step.offset + step.length]
        value = _TARGET if step.tag == _TRANSFER_SYNTAX else value
        elements += _header(step.tag, step.vr, len(value)) + value
    length = _header(_GROUP_LENGTH, "UL", 4) + pack("<I", len(elements))
    return head[:_HEAD_BYTES] + length + bytes(elements)


@dataclass(slots=True)
class _Scope:
    """What a data set, or an item inside it, says that decides VRs below."""

    is_signed: bool = False
    waveform_bits: int = 16


@dataclass(slots=True)
class _Writer:
    """Turns steps of a walk into pieces of Explicit VR Little Endian."""

    source: RangeSource
    scopes: list[_Scope] = field(default_factory=lambda: [_Scope()])

    def write(self, walk: StructuralWalk) -> Iterator[bytes | _Copy]:
        """Yield the pieces of the whole data set."""
        for step in walk:
            if step.kind is Kind.ELEMENT:
                yield from self._element(step)
            elif step.kind is Kind.SEQUENCE:
                yield _LONG.pack(step.tag >> 16, step.tag & 0xFFFF, b"SQ", 0, UNDEFINED_LENGTH)
            elif step.kind is Kind.ITEM:
                outer = self.scopes[-1]
                self.scopes.append(_Scope(outer.is_signed, outer.waveform_bits))
                yield _ITEM
            elif step.kind is Kind.END_ITEM:
                self.scopes.pop()
                yield _END_ITEM
            elif step.kind is Kind.END_SEQUENCE:
                yield _END_SEQUENCE

    def _element(self, step: Step) -> Iterator[bytes | _Copy]:
        if step.tag & 0xFFFF == 0:  # a group length: retired, and now wrong (PS3.5 7.2)
            return
        is_big = step.encoding is Encoding.EXPLICIT_BIG
        vr = step.vr if is_big else self._implicit_vr(step)
        self._note(step, is_big)
        if not VRS[vr].long_form and step.length > _MAX_SHORT:
            vr = "UN"
        pad = VRS[vr].pad if step.length & 1 else b""
        yield _header(step.tag, vr, step.length + len(pad))
        if step.length:
            yield _Copy(step.offset, step.length, VRS[step.vr or vr].unit if is_big else 1)
        if pad:
            yield pad

    def _note(self, step: Step, is_big: bool) -> None:
        if step.tag in (_PIXEL_REPRESENTATION, _WAVEFORM_BITS) and step.length >= 2:
            value = read_bytes(self.source, step.offset, 2)
            number = int.from_bytes(value, "big" if is_big else "little")
            if step.tag == _PIXEL_REPRESENTATION:
                self.scopes[-1].is_signed = number == 1
            else:
                self.scopes[-1].waveform_bits = number

    def _implicit_vr(self, step: Step) -> str:
        if step.tag >> 16 & 1:
            return "LO" if 0x10 <= step.tag & 0xFFFF <= 0xFF else "UN"  # PS3.5 7.8.1
        vr = _dictionary_vr(step.tag)
        if vr in VRS:
            return vr if vr != "SQ" else "UN"
        if vr == "US or SS":
            return "SS" if self.scopes[-1].is_signed else "US"
        if step.tag >> 16 == 0x5400 and self.scopes[-1].waveform_bits == 8:
            return "OB"
        # PS3.5 A.1 d: what may be OW is OW in Implicit VR; in Little Endian the bytes are the same.
        return "OW" if "OW" in vr else "UN"


@cache
def _dictionary_vr(tag: int) -> str:
    """Return the dictionary's VR, repeating groups included; several are ``US or SS`` and so on."""
    from pydicom.datadict import dictionary_VR

    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return ""


def _header(tag: int, vr: str, length: int) -> bytes:
    if VRS[vr].long_form:
        return _LONG.pack(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return _SHORT.pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)


def _impossible(source: Source, detail: str) -> SourceError:
    return SourceError(
        source.label, f"The file cannot be written as Explicit VR Little Endian: {detail}"
    )
