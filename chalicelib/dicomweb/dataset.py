"""A data set as plain values: what DICOM JSON, Native DICOM Model XML and the file writer share.

Values by Value Representation:

=============================================  ==================================================
AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI    ``str``; PN as ``alphabetic=ideographic=phonetic``;
UR UT                                           "" is an empty value among several
SL SS SV UL US UV                               ``int``
FL FD                                           ``float``
AT                                              ``int``, the tag
OB OD OF OL OV OW UN                            one ``bytes``, Little Endian
SQ                                              ``Dataset``, one for each item
=============================================  ==================================================
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Union

Value = Union[str, int, float, bytes, "Dataset"]


@dataclass(frozen=True, slots=True)
class BulkdataReference:
    """Where the value of an element is: ``BulkDataURI`` of JSON, ``uri`` or ``uuid`` of XML."""

    uri: str


@dataclass(frozen=True, slots=True)
class Element:
    """An element. No values and no bulkdata: a value of zero length.

    ``creator`` names the private creator of a private element where the encoding does
    (XML's ``privateCreator``, our own private attributes), "" otherwise.
    """

    tag: int
    vr: str
    keyword: str = ""
    values: tuple[Value, ...] = ()
    creator: str = ""
    bulkdata: BulkdataReference | None = None


class Dataset:
    """Elements in ascending order of their tags."""

    __slots__ = ("_elements",)

    def __init__(self, elements: Iterable[Element] = ()) -> None:
        self._elements = tuple(sorted(elements, key=lambda element: element.tag))

    def __iter__(self) -> Iterator[Element]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)

    def get(self, tag: int) -> Element | None:
        """Return the element with this tag, None when there is none."""
        return next((element for element in self._elements if element.tag == tag), None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dataset) and self._elements == other._elements

    def __hash__(self) -> int:
        return hash(self._elements)

    def __repr__(self) -> str:
        return f"Dataset({len(self._elements)} elements)"  # no values: they may be a patient's
