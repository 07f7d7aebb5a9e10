"""The structural walk: every element, item and fragment of a data set, before anything else reads.

DICOM readers trust lengths. This walk does not: each element must end inside what holds it, each
sequence must be closed, nesting and the number of elements are bounded, and values are skipped,
not read. No recursion; memory is bounded by the nesting depth (PS3.5 7.1, 7.5 and Annex A).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource
from chalicelib.dicomweb.dictionary import dictionary_vr
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.transfer_syntaxes import Encoding
from chalicelib.standard.vrs import VRS

UNDEFINED_LENGTH = 0xFFFFFFFF
_LONG_FORM = frozenset(code.encode() for code, row in VRS.items() if row.long_form)
_SHORT_FORM = frozenset(code.encode() for code, row in VRS.items() if not row.long_form)
_VR_TEXT = {code.encode(): code for code in VRS}


class Kind(IntEnum):
    """What a step of the walk has come to."""

    ELEMENT = 0
    SEQUENCE = 1
    ITEM = 2
    END_ITEM = 3
    END_SEQUENCE = 4
    FRAGMENTS = 5
    FRAGMENT = 6
    END_FRAGMENTS = 7


class Step(NamedTuple):
    """One step. ``offset`` and ``length`` are those of the value, in bytes of the source.

    ``length`` is UNDEFINED_LENGTH where a delimiter ends it; ``depth`` counts the items around
    it, 0 at the top level; ``vr`` is "" where an implicit encoding does not say and the tag is
    unknown. For ITEM, FRAGMENT and the ends ``tag`` is that of the sequence. ``encoding`` tells
    how the value is written: inside an element of VR UN it is Implicit VR Little Endian.
    """

    kind: Kind
    tag: int
    vr: str
    offset: int
    length: int
    depth: int
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class StructureLimits:
    """Bounds of one data set. A real enhanced object nests below 10 deep."""

    max_depth: int = 32
    max_elements: int = 500_000


@dataclass(slots=True)
class _Frame:
    """What is open: a data set, a sequence of items, or a sequence of fragments.

    ``end`` is the offset where it ends by its length, None where a delimiter ends it; ``limit``
    is where the innermost length around it ends.
    """

    kind: Kind
    tag: int
    end: int | None
    limit: int
    encoding: Encoding
    items: int = 0
    last_tag: int = -1


@dataclass(slots=True)
class StructuralWalk:
    """A walk over one data set; iterate it to its end, then read ``observations``.

    Parameters
    ----------
    source : ByteSource
        Holds the data set, already inflated if it was deflated.
    encoding : Encoding
        How it is written.
    encapsulated : bool
        Whether its transfer syntax encapsulates Pixel Data.
    start : int
        Offset of the first element.
    limits : StructureLimits

    Raises
    ------
    InstanceError
        While iterating: TRUNCATED, MALFORMED_STRUCTURE, TOO_DEEP or TOO_MANY_ELEMENTS.
    """

    source: ByteSource
    encoding: Encoding
    encapsulated: bool
    start: int = 0
    limits: StructureLimits = field(default_factory=StructureLimits)
    observations: set[str] = field(default_factory=set)
    _stack: list[_Frame] = field(default_factory=list)
    _position: int = 0
    _elements: int = 0

    def __iter__(self) -> Iterator[Step]:
        size = self.source.size
        self._position = self.start
        self._stack = [_Frame(Kind.ITEM, 0, size, size, self.encoding)]
        while self._stack:
            frame = self._stack[-1]
            if frame.end is not None and self._position >= frame.end:
                self._stack.pop()
                if self._stack:
                    yield self._ended(frame, self._position)
            elif frame.kind is Kind.ITEM:
                yield from self._elements_of(frame)
            else:
                yield self._next_item(frame)

    def _elements_of(self, frame: _Frame) -> Iterator[Step]:
        """Yield the elements of a data set up to its end or to the first that opens a sequence."""
        implicit = frame.encoding is Encoding.IMPLICIT_LITTLE
        read_header = self._implicit_header if implicit else self._explicit_header
        integers = _integers(frame.encoding)
        depth = len(self._stack) // 2
        while frame.end is None or self._position < frame.end:
            try:
                tag, vr, length, offset = read_header(frame, integers)
            except InstanceError:
                if self._skipped_padding(frame):
                    return
                raise
            if tag >> 16 == 0xFFFE:
                yield self._item_delimited(frame, tag, length, offset)
                return
            self._count(frame, tag)
            if length == UNDEFINED_LENGTH or vr == "SQ":
                yield self._open(frame, tag, vr, offset, length, depth)
                return
            if offset + length > frame.limit:
                raise self._overrun(frame, tag, length, offset)
            if length & 1:
                self.observations.add("odd-length")
            self._position = offset + length
            yield Step(Kind.ELEMENT, tag, vr, offset, length, depth, frame.encoding)

    def _explicit_header(self, frame: _Frame, integers: "_Integers") -> tuple[int, str, int, int]:
        """Return tag, VR, length and value offset of an explicit VR element (PS3.5 7.1.2)."""
        position = self._position
        if position + 8 > frame.limit:
            raise self._cut(frame)
        buffer, base = self.source.window(position, 12)
        at = position - base
        group, element, short = integers.short_header.unpack_from(buffer, at)
        tag = group << 16 | element
        if group == 0xFFFE:
            (length,) = integers.long.unpack_from(buffer, at + 4)
            return tag, "", length, position + 8
        vr = bytes(buffer[at + 4 : at + 6])
        if vr in _SHORT_FORM:
            return tag, _VR_TEXT[vr], short, position + 8
        if vr not in _LONG_FORM and not (vr.isalpha() and vr.isupper()):
            raise self._malformed(tag, "has no Value Representation where one is due")
        if position + 12 > frame.limit:
            raise self._cut(frame)
        (length,) = integers.long.unpack_from(buffer, at + 8)
        return tag, _VR_TEXT.get(vr) or self._unknown_vr(), length, position + 12

    def _implicit_header(self, frame: _Frame, integers: "_Integers") -> tuple[int, str, int, int]:
        """Return tag, VR as far as it is known, length and value offset (PS3.5 7.1.3)."""
        position = self._position
        if position + 8 > frame.limit:
            raise self._cut(frame)
        buffer, base = self.source.window(position, 8)
        group, element, length = integers.item_header.unpack_from(buffer, position - base)
        tag = group << 16 | element
        if tag == 0:
            raise self._malformed(tag, "is no element of a data set")
        return tag, dictionary_vr(tag), length, position + 8

    def _unknown_vr(self) -> str:
        # PS3.5 7.1.2: a VR of the future has the 32-bit form; its value is opaque like UN's.
        self.observations.add("unknown-vr")
        return "UN"

    def _count(self, frame: _Frame, tag: int) -> None:
        """Count an element, item or fragment: empty ones cost every reader memory too."""
        self._elements += 1
        if self._elements > self.limits.max_elements:
            raise InstanceError(
                FailureReason.TOO_MANY_ELEMENTS,
                f"The data set has more than {self.limits.max_elements} elements, items and "
                "fragments.",
                tag_path=self._path(tag),
            )
        if frame.kind is Kind.ITEM:
            if tag <= frame.last_tag:
                repeated = tag == frame.last_tag
                self.observations.add("repeated-tag" if repeated else "unordered-tags")
            frame.last_tag = tag

    def _open(self, frame: _Frame, tag: int, vr: str, offset: int, length: int, depth: int) -> Step:
        """Open what an element of undefined length, or a sequence, holds."""
        undefined = length == UNDEFINED_LENGTH
        if not undefined and offset + length > frame.limit:
            raise self._overrun(frame, tag, length, offset)
        end = None if undefined else offset + length
        limit = frame.limit if undefined else offset + length
        encoding = frame.encoding
        kind = Kind.SEQUENCE
        if vr in ("OB", "OW") and tag == tags.PIXEL_DATA and self.encapsulated:
            kind = Kind.FRAGMENTS
        elif vr == "UN":
            # PS3.5 6.2.2 note 2: UN of undefined length holds Implicit VR Little Endian items.
            encoding = Encoding.IMPLICIT_LITTLE
        elif vr not in ("SQ", ""):
            raise self._malformed(tag, f"has VR {vr} and undefined length")
        elif tag == tags.PIXEL_DATA:
            raise self._malformed(tag, "has undefined length, but is not encapsulated")
        if len(self._stack) // 2 >= self.limits.max_depth:
            raise InstanceError(
                FailureReason.TOO_DEEP,
                f"Sequences are nested deeper than {self.limits.max_depth}.",
                tag_path=tags.format_tag(self._stack[1].tag if len(self._stack) > 1 else tag),
            )
        self._stack.append(_Frame(kind, tag, end, limit, encoding))
        self._position = offset
        return Step(kind, tag, vr or "SQ", offset, length, depth, encoding)

    def _next_item(self, frame: _Frame) -> Step:
        """Return the next item or fragment of a sequence, or its end (PS3.5 7.5, A.4)."""
        position = self._position
        if position + 8 > frame.limit:
            raise self._cut(frame)
        buffer, base = self.source.window(position, 8)
        integers = _integers(frame.encoding)
        group, element, length = integers.item_header.unpack_from(buffer, position - base)
        tag, offset = group << 16 | element, position + 8
        if tag == tags.SEQUENCE_DELIMITATION and frame.end is None:
            self._expect_zero(tag, length)
            self._position = offset
            self._stack.pop()
            return self._ended(frame, position)
        if tag != tags.ITEM:
            raise self._malformed(frame.tag, f"holds {tags.format_tag(tag)}, not an item")
        frame.items += 1
        self._count(frame, frame.tag)
        if frame.kind is Kind.FRAGMENTS:
            return self._fragment(frame, offset, length)
        return self._item(frame, offset, length)

    def _fragment(self, frame: _Frame, offset: int, length: int) -> Step:
        if length == UNDEFINED_LENGTH:
            raise self._malformed(frame.tag, "holds a fragment of undefined length")
        if offset + length > frame.limit:
            raise self._overrun(frame, frame.tag, length, offset)
        self._position = offset + length
        depth = (len(self._stack) - 1) // 2
        return Step(Kind.FRAGMENT, frame.tag, "OB", offset, length, depth, frame.encoding)

    def _item(self, frame: _Frame, offset: int, length: int) -> Step:
        undefined = length == UNDEFINED_LENGTH
        if not undefined and offset + length > frame.limit:
            raise self._overrun(frame, frame.tag, length, offset)
        depth = len(self._stack) // 2
        self._stack.append(
            _Frame(
                Kind.ITEM,
                frame.tag,
                None if undefined else offset + length,
                frame.limit if undefined else offset + length,
                frame.encoding,
            )
        )
        self._position = offset
        return Step(Kind.ITEM, frame.tag, "", offset, length, depth, frame.encoding)

    def _item_delimited(self, frame: _Frame, tag: int, length: int, offset: int) -> Step:
        if tag != tags.ITEM_DELIMITATION or frame.end is not None:
            raise self._malformed(tag, "stands where an element is due")
        self._expect_zero(tag, length)
        self._stack.pop()
        self._position = offset
        return self._ended(frame, offset - 8)

    def _ended(self, frame: _Frame, offset: int) -> Step:
        kind = {
            Kind.ITEM: Kind.END_ITEM,
            Kind.SEQUENCE: Kind.END_SEQUENCE,
            Kind.FRAGMENTS: Kind.END_FRAGMENTS,
        }[frame.kind]
        return Step(kind, frame.tag, "", offset, 0, len(self._stack) // 2, frame.encoding)

    def _skipped_padding(self, frame: _Frame) -> bool:
        """Return whether only zeros follow at the top level, and skip them if so.

        Some archives pad files to a block with zeros; no reader is misled by them.
        """
        if len(self._stack) > 1 or frame.end is None:
            return False
        position = self._position
        while position < frame.end:
            buffer, base = self.source.window(position, 1)
            rest = bytes(buffer[position - base : position - base + (1 << 16)])
            if rest.strip(b"\0"):
                return False
            position += len(rest)
        self.observations.add("trailing-zeros")
        self._position = frame.end
        return True

    def _expect_zero(self, tag: int, length: int) -> None:
        if length != 0:
            raise self._malformed(tag, f"is a delimiter with length {length}")

    def _in_no_defined_length(self) -> bool:
        """Whether only the end of the data can be in the way: what a cut leaves behind."""
        return all(frame.end is None for frame in self._stack[1:])

    def _path(self, tag: int | None = None) -> str:
        """Return where the walk is; a sequence's own framing is at fault when it is innermost."""
        around = [(frame.tag, frame.items) for frame in self._stack if frame.kind is Kind.SEQUENCE]
        if self._stack[-1].kind is Kind.SEQUENCE and tag in (None, self._stack[-1].tag):
            tag, number = around[-1]
            if number == 0:
                return tags.format_path(around[:-1], tag)
            return tags.format_path(around)
        return tags.format_path(around, tag)

    def _malformed(self, tag: int, what: str) -> InstanceError:
        return InstanceError(
            FailureReason.MALFORMED_STRUCTURE,
            f"{tags.format_tag(tag)} at byte {self._position} {what}.",
            tag_path=self._path(tag),
        )

    def _overrun(self, frame: _Frame, tag: int, length: int, offset: int) -> InstanceError:
        left = max(frame.limit - offset, 0)
        ends_here = self._in_no_defined_length()
        return InstanceError(
            FailureReason.TRUNCATED if ends_here else FailureReason.MALFORMED_STRUCTURE,
            f"{tags.format_tag(tag)} promises {length} bytes at byte {offset}, "
            f"{left} are left in {'the data set' if ends_here else 'what holds it'}.",
            tag_path=self._path(tag),
        )

    def _cut(self, frame: _Frame) -> InstanceError:
        ends_here = self._in_no_defined_length()
        return InstanceError(
            FailureReason.TRUNCATED if ends_here else FailureReason.MALFORMED_STRUCTURE,
            f"{'The data' if ends_here else 'An item or sequence'} ends at byte {frame.limit}, "
            "inside a header or before a delimiter.",
            tag_path=self._path() or None,
        )


class _Integers(NamedTuple):
    """Readers of one byte order."""

    short_header: Struct
    item_header: Struct
    long: Struct


_LITTLE = _Integers(Struct("<HH2xH"), Struct("<HHI"), Struct("<I"))
_BIG = _Integers(Struct(">HH2xH"), Struct(">HHI"), Struct(">I"))


def _integers(encoding: Encoding) -> _Integers:
    return _BIG if encoding is Encoding.EXPLICIT_BIG else _LITTLE
