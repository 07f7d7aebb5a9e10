"""Where in a data set a walk is: the path through sequences, and what the items around declare."""

from dataclasses import dataclass, field

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.structure import Kind, Step
from chalicelib.standard.character_sets import CharacterSet


@dataclass(slots=True)
class DataSet:
    """The top level or an item, as far as its later elements are judged by it.

    Attributes
    ----------
    sets : tuple of CharacterSet, or None
        Of (0008,0005), inherited from around (PS3.3 C.12.1.1.2); None where it is undefined and
        text cannot be judged; empty where nothing is declared.
    creators : set of int
        Private blocks that have a creator: group << 8 | block.
    last_tag : int
        The tag of the last element, -1 before the first.
    """

    sets: tuple[CharacterSet, ...] | None = ()
    creators: set[int] = field(default_factory=set)
    last_tag: int = -1


class Place:
    """Follows a walk, step by step."""

    def __init__(self) -> None:
        self._sequences: list[tuple[int, int]] = []
        self._data_sets = [DataSet()]
        self.data_set = self._data_sets[0]

    def follow(self, step: Step) -> None:
        """Go into or out of a sequence or an item; other steps change nothing."""
        kind = step.kind
        if kind is Kind.SEQUENCE:
            self._sequences.append((step.tag, 0))
        elif kind is Kind.ITEM:
            tag, number = self._sequences[-1]
            self._sequences[-1] = (tag, number + 1)
            self.data_set = DataSet(sets=self.data_set.sets)
            self._data_sets.append(self.data_set)
        elif kind is Kind.END_ITEM:
            self._data_sets.pop()
            self.data_set = self._data_sets[-1]
        elif kind is Kind.END_SEQUENCE:
            self._sequences.pop()

    def path(self, tag: int) -> str:
        """Return the tag path to an element of the data set at hand."""
        return tags.format_path(self._sequences, tag)
