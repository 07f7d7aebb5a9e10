"""Private blocks: from ``privateCreator`` to Private Creator elements (PS3.5 7.8.1).

XML names the creator of each private element and leaves the block out of its tag (PS3.19 Table
A.1.5-2, R-806). A data set reserves blocks: each creator gets the one that an element of the same
data set reserves for it, else the one its tags were given with, else the first free one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from chalicelib.dicomweb.dataset import Element
from chalicelib.dicomweb.metadata_elements import Refusal, is_private_creator
from chalicelib.standard.reasons import FailureReason

_BLOCKS = range(0x10, 0x100)


def with_blocks(elements: Sequence[Element]) -> list[Element]:
    """Return the elements with blocks in their private tags, and a creator for each block.

    Raises
    ------
    Refusal
        When a group has no block left, or when two elements come to have one tag.
    """
    named = [element for element in elements if element.creator]
    if not named:
        _check_unique(elements)
        return list(elements)
    placed = [element for element in elements if not element.creator]
    blocks = _Blocks(placed)
    for element in named:
        placed.append(replace(element, tag=blocks.tag_of(element)))
    placed.extend(blocks.reserved)
    _check_unique(placed)
    return placed


class _Blocks:
    """The blocks of one data set."""

    def __init__(self, elements: Iterable[Element]) -> None:
        self._of: dict[tuple[int, str], int] = {}
        self._taken: set[tuple[int, int]] = set()
        self.reserved: list[Element] = []
        for element in elements:
            group = element.tag >> 16
            if is_private_creator(element.tag):
                self._taken.add((group, element.tag & 0xFF))
                creator = element.values[0] if element.values else ""
                if isinstance(creator, str):
                    self._of.setdefault((group, creator.rstrip(" ")), element.tag & 0xFF)
            elif group & 1:
                self._taken.add((group, element.tag >> 8 & 0xFF))

    def tag_of(self, element: Element) -> int:
        """Return the tag with the block of the element's creator, reserved here if need be."""
        group, creator = element.tag >> 16, element.creator.rstrip(" ")
        block = self._of.get((group, creator))
        if block is None:
            block = self._free(group, element.tag >> 8 & 0xFF, element.tag)
            self._of[group, creator] = block
            self._taken.add((group, block))
            self.reserved.append(Element(group << 16 | block, "LO", "", (creator,)))
        return element.tag & 0xFFFF00FF | block << 8

    def _free(self, group: int, wished: int, tag: int) -> int:
        if wished in _BLOCKS and (group, wished) not in self._taken:
            return wished
        for block in _BLOCKS:
            if (group, block) not in self._taken:
                return block
        raise Refusal("finds no free private block in its group", tag=tag)


def _check_unique(elements: Iterable[Element]) -> None:
    seen: set[int] = set()
    for element in elements:
        if element.tag in seen:
            raise Refusal("stands twice", FailureReason.AMBIGUOUS_ELEMENT, element.tag)
        seen.add(element.tag)
