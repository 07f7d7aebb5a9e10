"""The data dictionary (PS3.6), as elements are judged by it."""

import re
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import get_entry

_MULTIPLICITY = re.compile(r"(\d+)(?:-(\d*)(n?))?")


class Entry(NamedTuple):
    """What the dictionary allows of an element.

    ``vrs`` is empty where it names none. A number of values is right from ``least`` to ``most``,
    None for no end, in multiples of ``multiple``.
    """

    vrs: tuple[str, ...]
    least: int
    most: int | None
    multiple: int

    def allows(self, count: int) -> bool:
        """Return whether an element may have that many values."""
        enough = count >= self.least and count % self.multiple == 0
        return enough and (self.most is None or count <= self.most)


@lru_cache(maxsize=8192)
def entry_of(tag: int) -> Entry | None:
    """Return the entry of a standard element, repeating groups too; None when there is none."""
    try:
        vr, multiplicity, *_ = get_entry(tag)
    except KeyError:
        return None
    vrs = tuple(part for part in str(vr).split(" or ") if len(part) == 2)
    return Entry(vrs, *_bounds(str(multiplicity)))


def _bounds(multiplicity: str) -> tuple[int, int | None, int]:
    """Return least, most and multiple of a VM such as 1, 1-3, 1-n, 2-2n or 1-n or 1."""
    found = _MULTIPLICITY.match(multiplicity)
    if found is None:
        return 0, None, 1
    least, most, is_open = int(found[1]), found[2], found[3]
    if is_open:
        return least, None, int(most or 1)
    return least, int(most or least), 1
