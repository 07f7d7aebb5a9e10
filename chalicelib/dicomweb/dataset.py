"""A data set as plain values, to be written as DICOM JSON or Native DICOM Model XML."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Union

Value = Union[str, int, "Dataset"]


@dataclass(frozen=True, slots=True)
class Element:
    """An element. ``creator`` names the private creator of a private element, "" otherwise."""

    tag: int
    vr: str
    keyword: str = ""
    values: tuple[Value, ...] = ()
    creator: str = ""


class Dataset:
    """Elements in ascending order of their tags."""

    __slots__ = ("_elements",)

    def __init__(self, elements: Iterable[Element]) -> None:
        self._elements = tuple(sorted(elements, key=lambda element: element.tag))

    def __iter__(self) -> Iterator[Element]:
        return iter(self._elements)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dataset) and self._elements == other._elements

    def __hash__(self) -> int:
        return hash(self._elements)
