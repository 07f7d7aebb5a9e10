"""Judges encapsulated pixel data as a sequence of fragments (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

What belongs here: how many fragments, where, and what offset tables say of them. What must not:
what is in a fragment.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from struct import iter_unpack

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.structure import Kind, Step
from chalicelib.origin.validate.findings import Findings
from chalicelib.origin.validate.kept import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    Kept,
    KeptElements,
)
from chalicelib.standard.codestream_syntaxes import (
    MULTI_COMPONENT,
    NON_FRAGMENTABLE_VIDEO,
    ONE_FRAGMENT_PER_FRAME,
    VIDEO,
)

_ITEM_HEADER_BYTES = 8
_READ_AT_ONCE = 1 << 16
_PATH = tags.format_tag(tags.PIXEL_DATA)


class Fragments:
    """The fragments of the top-level Pixel Data, remembered while a walk goes by.

    ``starts`` and ``lengths`` leave out the item of the Basic Offset Table: the first is the
    offset of each fragment's value in the source. Sixteen bytes each.
    """

    def __init__(self) -> None:
        self.is_present = False
        self.is_closed = False
        self.vr = ""
        self.table_start = 0
        self.table_bytes = 0
        self.starts = array("Q")
        self.lengths = array("Q")
        self._has_table = False

    def take(self, step: Step) -> None:
        """Look at one step of the walk, which bounds the number of fragments."""
        if step.depth or step.tag != tags.PIXEL_DATA:
            return
        if step.kind is Kind.FRAGMENTS:
            self.is_closed = self.is_present
            self.is_present = True
            self.vr = step.vr
        elif step.kind is Kind.END_FRAGMENTS:
            self.is_closed = True
        elif step.kind is Kind.FRAGMENT and not self.is_closed:
            self._remember(step)

    def _remember(self, step: Step) -> None:
        if not self._has_table:
            self._has_table = True
            self.table_start, self.table_bytes = step.offset, step.length
            return
        self.starts.append(step.offset)
        self.lengths.append(step.length)

    def index_at(self, offset: int) -> int | None:
        """Return which fragment has its item tag at an offset that a table gives."""
        start = self.table_start + self.table_bytes + offset + _ITEM_HEADER_BYTES
        index = bisect_left(self.starts, start)
        return index if index < len(self.starts) and self.starts[index] == start else None


class FrameSpans:
    """Which fragments make each frame, as far as that is told."""

    def __init__(self, fragments: Fragments, frames: int, firsts: Sequence[int]) -> None:
        self._count = len(fragments.starts)
        self._frames = frames
        self._firsts = firsts if len(firsts) == frames else ()

    def of(self, frame: int) -> range | None:
        """Return the fragments of a frame, counted from 0, None where nothing tells."""
        if self._frames == 1:
            return range(self._count)
        if self._firsts:
            after = self._firsts[frame + 1] if frame + 1 < self._frames else self._count
            return range(self._firsts[frame], after)
        if self._count == self._frames:
            return range(frame, frame + 1)
        return None


def judge_fragments(
    fragments: Fragments,
    kept: KeptElements,
    source: ByteSource,
    syntax: str,
    frames: int,
    findings: Findings,
) -> FrameSpans:
    """Judge the fragments against Number of Frames and the offset tables.

    Parameters
    ----------
    syntax : str
        Transfer Syntax UID.
    frames : int
        Number of Frames, 1 where it is not told.

    Returns
    -------
    FrameSpans
        Where frames are, for those who read them.
    """
    if fragments.vr != "OB":
        detail = f"{_PATH} is encapsulated and has VR {fragments.vr}; it shall be OB."
        findings.add("pixel-data-vr", _PATH, detail)
    count = len(fragments.starts)
    if not count:
        findings.add("fragments-missing", _PATH, f"{_PATH} has no fragment.")
        return FrameSpans(fragments, frames, ())
    firsts = _judge_tables(fragments, kept, source, syntax, frames, findings)
    if syntax in NON_FRAGMENTABLE_VIDEO:
        if count > 1:
            detail = f"{_PATH} has {count} fragments; the stream shall be in one."
            findings.add("fragments-of-video", _PATH, detail)
    elif syntax not in VIDEO:
        _judge_count(count, frames, syntax, bool(firsts), findings)
    return FrameSpans(fragments, 1 if syntax in VIDEO else frames, firsts)


def _judge_count(
    count: int, frames: int, syntax: str, has_offsets: bool, findings: Findings
) -> None:
    has = f"{_PATH} has {count} fragments for {frames} frames"
    if count < frames and syntax in MULTI_COMPONENT:
        return  # components of one stream may be frames (PS3.5 A.4.4)
    if count < frames:
        findings.add("fragments-too-few", _PATH, f"{has}.")
    elif count > frames and syntax in ONE_FRAGMENT_PER_FRAME:
        findings.add("fragments-per-frame", _PATH, f"{has}; this syntax takes one a frame.")
    elif count > frames > 1 and not has_offsets:
        detail = f"{has} and no offsets that tell them apart."
        findings.add("frame-boundaries-unknown", _PATH, detail)


def _judge_tables(
    fragments: Fragments,
    kept: KeptElements,
    source: ByteSource,
    syntax: str,
    frames: int,
    findings: Findings,
) -> Sequence[int]:
    """Judge both kinds of table; return the first fragment of each frame if one tells it."""
    extended = kept.get(EXTENDED_OFFSET_TABLE)
    firsts: Sequence[int] = ()
    if fragments.table_bytes and syntax not in VIDEO:
        basic = _integers(source, fragments.table_start, fragments.table_bytes, 4)
        firsts = _judge_table(_PATH, basic, fragments, frames, findings)
        _judge_table_bytes(_PATH, fragments.table_bytes, 4, findings)
    if extended is None:
        return firsts
    path = tags.format_tag(EXTENDED_OFFSET_TABLE)
    if fragments.table_bytes:
        detail = f"{path} is there, and the Basic Offset Table is not empty."
        findings.add("offset-tables-two", path, detail)
    if len(fragments.starts) != frames:
        detail = f"{path} is there with {len(fragments.starts)} fragments for {frames} frames."
        findings.add("extended-offsets-misplaced", path, detail)
    _judge_table_bytes(path, extended.length, 8, findings)
    offsets = _integers(source, extended.offset, extended.length, 8)
    from_extended = _judge_table(path, offsets, fragments, frames, findings)
    _judge_lengths(kept, source, fragments, findings)
    return firsts or from_extended


def _judge_table_bytes(path: str, length: int, size: int, findings: Findings) -> None:
    if length % size:
        detail = f"The offset table at {path} has {length} bytes, no multiple of {size}."
        findings.add("offset-table-count", path, detail)


def _judge_table(
    path: str, offsets: Iterator[int], fragments: Fragments, frames: int, findings: Findings
) -> Sequence[int]:
    """Judge offsets; return the fragments they point at, none unless all are right."""
    firsts = array("Q")
    last, wrong, count = -1, 0, 0
    for offset in offsets:
        count += 1
        index = fragments.index_at(offset)
        if index is None or index <= last:
            wrong += 1
            if wrong == 1:
                what = "no fragment" if index is None else "no fragment of a new frame"
                detail = f"Offset {count} of the table at {path}, {offset}, points at {what}."
                findings.add("offset-table-target", path, detail)
            continue
        last = index
        firsts.append(index)
    if count != frames:
        detail = f"The offset table at {path} has {count} entries for {frames} frames."
        findings.add("offset-table-count", path, detail)
    if firsts and firsts[0] != 0 and not wrong:
        detail = f"The first offset of the table at {path} is not that of the first fragment."
        findings.add("offset-table-target", path, detail)
        wrong += 1
    return () if wrong else firsts


def _judge_lengths(
    kept: KeptElements, source: ByteSource, fragments: Fragments, findings: Findings
) -> None:
    """Judge Extended Offset Table Lengths: those of the fragments, without a byte of padding."""
    path = tags.format_tag(EXTENDED_OFFSET_TABLE_LENGTHS)
    table: Kept | None = kept.get(EXTENDED_OFFSET_TABLE_LENGTHS)
    if table is None:
        findings.add("extended-offsets-lengths", path, f"{path} is missing.")
        return
    lengths = fragments.lengths
    count = table.length // 8
    if count != len(lengths):
        detail = f"{path} has {count} lengths for {len(lengths)} fragments."
        findings.add("extended-offsets-lengths", path, detail)
        return
    for number, length in enumerate(_integers(source, table.offset, table.length, 8)):
        if lengths[number] - length not in (0, 1):
            detail = (
                f"Length {number + 1} of {path} is {length}; there are {lengths[number]} bytes."
            )
            findings.add("extended-offsets-lengths", path, detail)
            return


def _integers(source: ByteSource, start: int, length: int, size: int) -> Iterator[int]:
    """Yield the little endian integers of a table, read piece by piece."""
    form = "<I" if size == 4 else "<Q"
    for position in range(start, start + length - length % size, _READ_AT_ONCE):
        piece = min(_READ_AT_ONCE, start + length - length % size - position)
        for (value,) in iter_unpack(form, read_bytes(source, position, piece)):
            yield value
