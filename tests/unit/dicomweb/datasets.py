"""Data sets for tests: when two are equal, and generated ones."""

from struct import pack
from typing import Any

from hypothesis import strategies as st

from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element, Value
from chalicelib.dicomweb.metadata_values import BINARY_VRS, BULKDATA_VRS, SINGLE_VALUE_VRS
from chalicelib.standard.vrs import VRS

Plain = tuple[int, str, str, tuple[Any, ...], BulkdataReference | None]


def canonical(dataset: Dataset) -> list[Plain]:
    """What of a data set must survive any form, element by element, floats to the bit.

    Not the number of a private block, which each form may choose, nor delimiters after the last
    component of a name, which say nothing.
    """
    creators = {e.tag: e.values[0] for e in dataset if _is_creator(e.tag) and e.values}
    plain = []
    for element in dataset:
        if isinstance(creators.get(element.tag), str):
            continue
        tag, creator = element.tag, ""
        if tag & 0x10000:
            creator = str(creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF, ""))
            tag = tag & 0xFFFF00FF if creator else tag
        values = tuple(_plain(element.vr, value) for value in element.values)
        plain.append(
            (tag, creator, element.vr, () if values == ("",) else values, element.bulkdata)
        )
    return sorted(plain, key=lambda one: one[:2])


def _is_creator(tag: int) -> bool:
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF


def _plain(vr: str, value: Value) -> Any:
    if isinstance(value, Dataset):
        return canonical(value)
    if isinstance(value, float):
        return pack("<d", value) if value == value else "NaN"
    if vr == "PN":
        return "=".join(group.rstrip("^") for group in str(value).split("=")).rstrip("=")
    return value


_UNICODE = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\"), max_size=8
)
_LINES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t\r\n\\"), max_size=8
).filter(lambda text: not set("\ufffe\uffff") & set(text))
_ASCII = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), max_size=8
)
_GROUPS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\=\ufffe\uffff"), max_size=8
).map(lambda text: "^".join(text.split("^")[:5]))


def _values_of(vr: str) -> st.SearchStrategy[Any]:
    if vr in BINARY_VRS:
        return st.binary(min_size=1, max_size=4).map(lambda value: value * VRS[vr].unit)
    if vr == "PN":
        return st.lists(_GROUPS, max_size=3).map("=".join)
    if vr in ("DS", "IS"):
        return st.integers(-(2**31), 2**31 - 1).map(str) | st.just("")
    if vr == "UI":
        return st.lists(st.integers(0, 99).map(str), max_size=4).map(".".join)
    if vr in ("FL", "FD"):
        return st.floats(width=32 if vr == "FL" else 64)
    if vr == "AT":
        return st.integers(0, 2**32 - 1)
    if vr in ("SL", "SS", "SV", "UL", "US", "UV"):
        bits = {"S": 16, "L": 32, "V": 64}[vr[1]]
        low = -(2 ** (bits - 1)) if vr[0] == "S" else 0
        return st.integers(low, low + 2**bits - 1)
    if vr in ("LT", "ST", "UT"):
        return _LINES
    return _UNICODE.filter(lambda t: not set("\ufffe\uffff") & set(t)) if VRS[vr].text else _ASCII


@st.composite
def _elements(draw: st.DrawFn, tag: int, items: st.SearchStrategy[Dataset]) -> Element:
    vr = draw(st.sampled_from(list(VRS)))
    if vr in BULKDATA_VRS and draw(st.booleans()):
        return Element(tag, vr, bulkdata=BulkdataReference(draw(_ASCII.map("u".__add__))))
    most = 1 if vr in BINARY_VRS or vr in SINGLE_VALUE_VRS else 3
    one = items if vr == "SQ" else _values_of(vr)
    values = tuple(draw(st.lists(one, max_size=most)))
    if vr == "UI":
        values = tuple(str(value).rstrip(" ") for value in values)
    return Element(tag, vr, "", () if values == ("",) else values)


@st.composite
def _datasets(draw: st.DrawFn, items: st.SearchStrategy[Dataset]) -> Dataset:
    public = st.integers(0x0008, 0x7FE0).map(lambda group: group & 0xFFFE)
    groups = draw(st.lists(public, max_size=4, unique=True))
    elements = [draw(_elements(group << 16 | 0x10, items)) for group in groups]
    for block in range(0x10, draw(st.integers(0x10, 0x12))):
        elements.append(Element(0x00090000 | block, "LO", "", (f"CREATOR {block}",)))
        elements.append(draw(_elements(0x00090000 | block << 8 | 1, items)))
    return Dataset(elements)


datasets = _datasets(_datasets(_datasets(st.just(Dataset()))))
"""Any data set that both formats can hold, three deep, with private blocks from 10 on."""
