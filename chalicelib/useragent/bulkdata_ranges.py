"""Where in a file its bulkdata are, and its data set without them.

Metadata and bulkdata part ways here (PS3.18 10.5.1.4): large binary values are found by the
structural walk and never read; the data set is read from a source that has them hollowed out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from struct import unpack

from chalicelib.dicomweb.byte_source import Buffer, ByteSource, RangeSource
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.dataset_reader import read_dataset
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.structure import Kind, Step, StructuralWalk
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Encoding, TransferSyntax
from chalicelib.standard.vrs import VRS
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.rewrite import rewritten
from chalicelib.useragent.sources import MemorySource, Source, ranges_of

PIXEL_DATA, ENCAPSULATED_DOCUMENT = 0x7FE00010, 0x00420011
_ALWAYS = (PIXEL_DATA, ENCAPSULATED_DOCUMENT)
_OCTETS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_INLINE_BYTES = 1024
_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_LARGEST_TABLE = 16 * 1024 * 1024

Path = str
"""Tags and 1-based item numbers, such as ``00880200/1/7FE00010``."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of the source."""

    offset: int
    length: int


@dataclass(slots=True)
class Bulk:
    """A value that travels apart. ``fragments`` without the offset table; else one range."""

    path: Path
    tag: int
    ranges: list[Range]
    is_encapsulated: bool = False
    table: Range | None = None


@dataclass(frozen=True, slots=True)
class Parted:
    """An instance as metadata, whose bulkdata references are paths, and bulkdata by path."""

    source: Source
    dataset: Dataset
    bulkdata: dict[Path, Bulk]
    syntax: TransferSyntax


def part(source: Source, inline_bytes: int = _INLINE_BYTES) -> Parted:
    """Return metadata and where the bulkdata are.

    Big Endian and deflated files are first written as Explicit VR Little Endian in memory: they
    are rare, and their values do not stand in the file as they have to travel.

    Raises
    ------
    SourceError
        The file cannot be read so.
    """
    try:
        return _part(_plain(source), inline_bytes)
    except InstanceError as error:
        raise SourceError(
            source.label, f"Its metadata cannot be told from its bulkdata: {error.detail}"
        ) from None


def _plain(source: Source) -> Source:
    syntax = TRANSFER_SYNTAXES.get(read_file_meta(ranges_of(source)).transfer_syntax)
    if syntax is None or syntax.encoding in (Encoding.EXPLICIT_LITTLE, Encoding.IMPLICIT_LITTLE):
        return source
    return MemorySource(source.label, b"".join(map(bytes, rewritten(source))))


def _part(source: Source, inline_bytes: int) -> Parted:
    ranges = ranges_of(source)
    meta = read_file_meta(ranges)
    syntax = TRANSFER_SYNTAXES.get(meta.transfer_syntax)
    if syntax is None:
        raise InstanceError(
            FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED, "its transfer syntax is not known."
        )
    walk = StructuralWalk(ranges, syntax.encoding, syntax.encapsulated, meta.data_set_start)
    finder = _Finder(inline_bytes)
    for step in walk:
        finder.take(step)
    hollow = _HollowSource(ranges, finder.offsets())
    dataset = read_dataset(hollow, meta)
    dataset = _referring(dataset, finder.found, "")
    referred = {path: finder.found[path] for path in _references(dataset)}
    return Parted(source, dataset, referred, syntax)


@dataclass(slots=True)
class _Finder:
    """Collects bulkdata while the walk goes by."""

    inline_bytes: int
    found: dict[Path, Bulk] = field(default_factory=dict)
    _items: list[int] = field(default_factory=list)
    _prefixes: list[str] = field(default_factory=lambda: [""])
    _bulk: Bulk | None = None

    def take(self, step: Step) -> None:
        """Look at one step."""
        if step.kind is Kind.ELEMENT:
            if self._is_bulk(step):
                path = f"{self._prefixes[-1]}{step.tag:08X}"
                self.found[path] = Bulk(path, step.tag, [Range(step.offset, step.length)])
        elif step.kind is Kind.SEQUENCE:
            self._items.append(0)
        elif step.kind is Kind.ITEM:
            self._items[-1] += 1
            self._prefixes.append(f"{self._prefixes[-1]}{step.tag:08X}/{self._items[-1]}/")
        elif step.kind is Kind.END_ITEM:
            self._prefixes.pop()
        elif step.kind is Kind.END_SEQUENCE:
            self._items.pop()
        elif step.kind is Kind.FRAGMENTS:
            path = f"{self._prefixes[-1]}{step.tag:08X}"
            self._bulk = self.found[path] = Bulk(path, step.tag, [], is_encapsulated=True)
        elif step.kind is Kind.FRAGMENT and self._bulk is not None:
            self._fragment(self._bulk, Range(step.offset, step.length))

    def offsets(self) -> frozenset[int]:
        """Return where the values begin that are not to be read."""
        return frozenset(one.ranges[0].offset for one in self.found.values() if one.ranges)

    def _is_bulk(self, step: Step) -> bool:
        if step.length == 0:
            return False
        if step.tag in _ALWAYS:
            return True
        is_binary = step.vr in _OCTETS or step.vr not in VRS
        return is_binary and step.length > self.inline_bytes

    def _fragment(self, bulk: Bulk, found: Range) -> None:
        if bulk.table is None:
            bulk.table = found
        else:
            bulk.ranges.append(found)


class _HollowSource:
    """A source whose large values are not there: a window that begins at one is empty."""

    def __init__(self, source: ByteSource, hollow: frozenset[int]) -> None:
        self._source = source
        self._hollow = hollow
        self.size = source.size

    def window(self, offset: int, at_least: int) -> tuple[Buffer, int]:
        """Return a window of the source, but nothing of a value that is bulkdata."""
        if offset in self._hollow and at_least > 0:
            return b"", offset
        return self._source.window(offset, at_least)


def _referring(dataset: Dataset, found: dict[Path, Bulk], prefix: str) -> Dataset:
    """Return the data set with a reference for each value that is bulkdata."""
    elements = []
    for element in dataset:
        path = f"{prefix}{element.tag:08X}"
        if element.tag in (_EXTENDED_OFFSETS, _EXTENDED_LENGTHS):
            continue  # they describe fragments, which metadata have none of
        if path in found:
            reference = BulkdataReference(path)
            element = replace(element, values=(), bulkdata=reference)
        elif element.vr == "SQ":
            element = replace(element, values=tuple(_items(element, found, path)))
        elements.append(element)
    return Dataset(elements)


def _references(dataset: Dataset) -> Iterator[Path]:
    """Yield the references, in the order of the data set; padding, for one, has none."""
    for element in dataset:
        if element.bulkdata is not None:
            yield element.bulkdata.uri
        for value in element.values:
            if isinstance(value, Dataset):
                yield from _references(value)


def _items(element: Element, found: dict[Path, Bulk], path: str) -> Iterator[Dataset]:
    for number, item in enumerate(element.values, 1):
        if isinstance(item, Dataset):
            yield _referring(item, found, f"{path}/{number}/")


def frames_of(bulk: Bulk, number_of_frames: int, ranges: RangeSource) -> list[list[Range]]:
    """Return the fragments of each frame (PS3.5 A.4).

    Parameters
    ----------
    bulk : Bulk
        Encapsulated pixel data.
    number_of_frames : int
        As (0028,0008) says, 1 without it.
    ranges : RangeSource
        The file.

    Raises
    ------
    InstanceError
        Several fragments to a frame and no offset table that tells which.
    """
    fragments = bulk.ranges
    if number_of_frames <= 1:
        return [fragments]
    if len(fragments) == number_of_frames:
        return [[fragment] for fragment in fragments]
    starts = _starts(bulk, ranges)
    frames: list[list[Range]] = []
    first = fragments[0].offset if fragments else 0
    for fragment in fragments:
        if fragment.offset - first in starts:
            frames.append([])
        if frames:
            frames[-1].append(fragment)
    if len(frames) != number_of_frames:
        raise InstanceError(
            FailureReason.DATA_SET_MISMATCH,
            f"{len(fragments)} fragments make {number_of_frames} frames, and no offset table "
            "tells which.",
        )
    return frames


def _starts(bulk: Bulk, ranges: RangeSource) -> frozenset[int]:
    """Return the Basic Offset Table: offsets from the first fragment's item."""
    table = bulk.table
    if table is None or not 0 < table.length <= _LARGEST_TABLE or table.length % 4:
        return frozenset()
    buffer, base = ranges.window(table.offset, table.length)
    start = table.offset - base
    return frozenset(unpack(f"<{table.length // 4}I", bytes(buffer[start : start + table.length])))
