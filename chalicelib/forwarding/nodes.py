"""A document's values with the path that leads to them, so that every error names its place.

What belongs here: types and paths. What must not: what a configuration means (``document``).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class ConfigurationError(ValueError):
    """The configuration document is wrong; the message names the path, never a value."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands, such as ``destinations[0].url``."""

    path: str
    value: object

    def wrong(self, what: str) -> ConfigurationError:
        """Return the error that says what should stand here."""
        return ConfigurationError(f"{self.path or 'The document'}: {what}.")

    def members(self, known: Collection[str], required: Collection[str] = ()) -> "Members":
        """Return the members of a mapping; another name, or a missing one, is an error."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("shall be a mapping")
        for name in self.value:
            if not isinstance(name, str):
                raise self.wrong("has a name that is no text; put it in quotes")
            if name not in known:
                raise self._child(name).wrong(f"is unknown here; known are {_listed(known)}")
        for name in required:
            if name not in self.value:
                raise self._child(name).wrong("is missing")
        return Members(self, dict(self.value))

    def items(self) -> "Iterator[Node]":
        """Yield the entries of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("shall be a list")
        for number, entry in enumerate(self.value):
            yield Node(f"{self.path}[{number}]", entry)

    def text(self) -> str:
        """Return a text without surrounding spaces, not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("shall be a text, in quotes where it looks like a number")
        return self.value.strip()

    def any_text(self) -> str:
        """Return a text as it stands, perhaps empty."""
        if not isinstance(self.value, str):
            raise self.wrong("shall be a text, in quotes where it looks like a number")
        return self.value

    def number(self, low: int, high: int) -> int:
        """Return a whole number of a range."""
        is_number = isinstance(self.value, int) and not isinstance(self.value, bool)
        if not is_number or not isinstance(self.value, int) or not low <= self.value <= high:
            raise self.wrong(f"shall be a whole number from {low} to {high}")
        return self.value

    def switch(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("shall be true or false")
        return self.value

    def one_of(self, choices: Collection[str]) -> str:
        """Return one of the texts."""
        if not isinstance(self.value, str) or self.value not in choices:
            raise self.wrong(f"shall be one of {_listed(choices)}")
        return self.value

    def _child(self, name: str) -> "Node":
        shown = name if name.isidentifier() else "(a name)"
        return Node(f"{self.path}.{shown}" if self.path else shown, None)


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a mapping."""

    node: Node
    values: Mapping[str, object]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def of(self, name: str) -> Node:
        """Return a member, None as its value when it is absent."""
        path = f"{self.node.path}.{name}" if self.node.path else name
        return Node(path, self.values.get(name))

    def get(self, name: str, read: Callable[[Node], T], default: T) -> T:
        """Return a member as ``read`` takes it, the default when it is absent."""
        return read(self.of(name)) if name in self.values else default


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
