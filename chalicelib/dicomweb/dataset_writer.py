"""A data set in Explicit VR Little Endian (PS3.5 7 and A.2).

What belongs here: how elements, sequences and their values become bytes. What must not: which
elements an instance has, and where bulkdata come from. Values of bulkdata are not copied: the
result is a list of buffers, joined once by whoever makes the file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from struct import Struct, error, pack

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.dataset import Dataset, Element, Value
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VR, VRS

Buffer = bytes | memoryview
Path = tuple[tuple[int, int], ...]
"""The sequences around an element: tag and 1-based item number of each."""

MAX_DEPTH = 32
_MAX_SHORT_LENGTH = 0xFFFE
_MAX_LENGTH = 0xFFFFFFFE
_UNDEFINED_LENGTH = 0xFFFFFFFF
_NUMBERS = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}
_OCTETS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_ITEM = Struct("<HHI")
_SHORT, _LONG = Struct("<HH2sH"), Struct("<HH2sHI")
# Their grammar is ASCII (PS3.5 Table 6.2-1). UR too; but a file of a URL that is not has a value.
_UTF_8 = frozenset(code for code, row in VRS.items() if row.text) | {"UR"}


@dataclass(frozen=True, slots=True)
class EncodedValue:
    """The value of an element that is bulkdata.

    Attributes
    ----------
    buffers : tuple of bytes or memoryview
        The value, or items and delimiter of encapsulated pixel data.
    vr : str
        What the element is written as.
    is_encapsulated : bool
        Whether its length is undefined (PS3.5 A.4).
    """

    buffers: tuple[Buffer, ...]
    vr: str
    is_encapsulated: bool = False


Resolve = Callable[[Element, Path], EncodedValue]


def encode_dataset(
    dataset: Dataset, resolve: Resolve, *, max_depth: int = MAX_DEPTH
) -> list[Buffer]:
    """Return the data set as buffers in order.

    Group lengths are left out (PS3.5 7.2 retires them); sequences and items have defined
    lengths; text is UTF-8, and Specific Character Set says so wherever it stands.

    Parameters
    ----------
    dataset : Dataset
    resolve : callable
        Returns the value of an element that has a bulkdata reference, given its path too.
    max_depth : int
        Of nested items.

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH when a value cannot be written in its VR, TOO_DEEP, or what ``resolve``
        raises.
    """
    buffers: list[Buffer] = []
    _Writer(resolve, max_depth, buffers).write(dataset, ())
    return buffers


def encode_elements(elements: Sequence[Element]) -> bytes:
    """Return elements without bulkdata, such as those of group 0002."""
    return b"".join(encode_dataset(Dataset(elements), _no_bulkdata))


def _no_bulkdata(element: Element, path: Path) -> EncodedValue:
    raise _mismatch(element, path, "cannot be bulkdata")


@dataclass(slots=True)
class _Writer:
    """Appends to one list. A header that waits for a length is put in afterwards."""

    resolve: Resolve
    max_depth: int
    buffers: list[Buffer]

    def write(self, dataset: Dataset, path: Path) -> int:
        """Append the data set; return its length in bytes."""
        if len(path) > self.max_depth:
            raise InstanceError(
                FailureReason.TOO_DEEP,
                f"Sequences are nested deeper than {self.max_depth}.",
                tag_path=tags.format_tag(path[0][0]),
            )
        return sum(self._element(element, path) for element in dataset if element.tag & 0xFFFF)

    def _element(self, element: Element, path: Path) -> int:
        if element.tag >> 16 in (0x0000, 0xFFFE) or element.tag > 0xFFFFFFFF:
            raise _mismatch(element, path, "is no element of a data set")
        if element.vr == "SQ":
            return self._sequence(element, path)
        if element.bulkdata is not None:
            value = self.resolve(element, path)
            return self._bulk(element, value, path)
        if element.tag == tags.SPECIFIC_CHARACTER_SET:
            element = replace(element, vr="CS", values=("ISO_IR 192",))
        content = _encode_value(element, path)
        header = _header(element, element.vr, len(content), path)
        self.buffers.append(header + content)
        return len(header) + len(content)

    def _bulk(self, element: Element, value: EncodedValue, path: Path) -> int:
        length = sum(len(buffer) for buffer in value.buffers)
        pad = VRS[value.vr].pad if length & 1 and not value.is_encapsulated else b""
        written = _UNDEFINED_LENGTH if value.is_encapsulated else length + len(pad)
        header = _header(element, value.vr, written, path)
        self.buffers += (header, *value.buffers, pad)
        return len(header) + length + len(pad)

    def _sequence(self, element: Element, path: Path) -> int:
        if element.bulkdata is not None:
            raise _mismatch(element, path, "is a sequence and cannot be bulkdata")
        at = len(self.buffers)
        self.buffers.append(b"")
        length = 0
        for number, item in enumerate(element.values, 1):
            if not isinstance(item, Dataset):
                raise _mismatch(element, path, "has a value that is no item")
            item_at = len(self.buffers)
            self.buffers.append(b"")
            item_length = self.write(item, (*path, (element.tag, number)))
            if item_length > _MAX_LENGTH:
                raise _mismatch(element, path, "has an item longer than 2**32 - 2 bytes")
            self.buffers[item_at] = _ITEM.pack(0xFFFE, 0xE000, item_length)
            length += 8 + item_length
        header = _header(element, "SQ", length, path)
        self.buffers[at] = header
        return len(header) + length


def _header(element: Element, vr: str, length: int, path: Path) -> bytes:
    """Return tag, VR and length (PS3.5 7.1.2); UN where the length is too long for its field."""
    if length > _MAX_LENGTH and length != _UNDEFINED_LENGTH:
        raise _mismatch(element, path, "is longer than 2**32 - 2 bytes")
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if not VRS[vr].long_form:
        if length <= _MAX_SHORT_LENGTH:
            return _SHORT.pack(group, number, vr.encode(), length)
        vr = "UN"  # PS3.5 6.2.2 note 4
    return _LONG.pack(group, number, vr.encode(), 0, length)


def _encode_value(element: Element, path: Path) -> bytes:
    """Return the value with its padding (PS3.5 6.2, 6.4)."""
    vr = VRS.get(element.vr)
    if vr is None:
        raise _mismatch(element, path, "has a Value Representation that PS3.5 does not know")
    if not element.values:
        return b""
    if vr.code in _OCTETS:
        content = _octets(element, vr, path)
    elif vr.code == "AT":
        content = b"".join(_attribute_tag(value, element, path) for value in element.values)
    elif vr.code in _NUMBERS:
        content = _numbers(element, path)
    else:
        content = _text(element, vr, path)
    return content + vr.pad if len(content) & 1 else content


def _octets(element: Element, vr: VR, path: Path) -> bytes:
    value = element.values[0]
    if len(element.values) > 1 or not isinstance(value, bytes):
        raise _mismatch(element, path, f"has VR {vr.code} and not one value of bytes")
    if len(value) % vr.unit:
        raise _mismatch(element, path, f"has {len(value)} bytes, no multiple of {vr.unit}")
    return value


def _attribute_tag(value: Value, element: Element, path: Path) -> bytes:
    if not isinstance(value, int) or not 0 <= value <= 0xFFFFFFFF:
        raise _mismatch(element, path, "has a value that is no tag")
    return pack("<HH", value >> 16, value & 0xFFFF)


def _numbers(element: Element, path: Path) -> bytes:
    try:
        return pack(f"<{len(element.values)}{_NUMBERS[element.vr]}", *element.values)
    except (error, OverflowError):
        raise _mismatch(element, path, f"has a value that is no {element.vr}") from None


def _text(element: Element, vr: VR, path: Path) -> bytes:
    texts = [value for value in element.values if isinstance(value, str)]
    if len(texts) != len(element.values):
        raise _mismatch(element, path, f"has VR {vr.code} and a value that is no text")
    if len(texts) > 1 and not vr.multiple:
        raise _mismatch(element, path, f"has {len(texts)} values; VR {vr.code} allows one")
    try:
        return "\\".join(texts).encode("utf-8" if vr.code in _UTF_8 else "ascii")
    except UnicodeEncodeError:
        raise _mismatch(element, path, f"has characters that VR {vr.code} cannot hold") from None


def _mismatch(element: Element, path: Path, what: str) -> InstanceError:
    return InstanceError(
        FailureReason.DATA_SET_MISMATCH,
        f"{tags.format_tag(element.tag & 0xFFFFFFFF)} {what}.",
        tag_path=tags.format_path(path, element.tag & 0xFFFFFFFF),
    )
