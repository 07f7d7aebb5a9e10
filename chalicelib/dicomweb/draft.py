"""A data set in the making: metadata of a request, completed and where needed corrected.

What the standard obliges an origin server to fill in is *completed* and no coercion (PS3.18
10.5.2). What we replaced, or added where the standard leaves it to the sender, is *coerced*: the
value before it goes into Original Attributes Sequence (PS3.3 C.12.1.1.9).
"""

from collections.abc import Mapping

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.dataset import Dataset, Element, Value
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.reasons import FailureReason


class Draft:
    """The top-level elements, changeable.

    Parameters
    ----------
    metadata : Dataset
        As decoded; not changed.
    """

    def __init__(self, metadata: Dataset) -> None:
        self._elements = {element.tag: element for element in metadata}
        self._before: dict[int, Element] = {}

    @property
    def coerced(self) -> Mapping[int, Element]:
        """What coerced elements were before, of zero length where they were absent."""
        return self._before

    def dataset(self) -> Dataset:
        return Dataset(self._elements.values())

    def get(self, tag: int) -> Element | None:
        return self._elements.get(tag)

    def has_value(self, tag: int) -> bool:
        """Whether the element is there and not of zero length."""
        element = self._elements.get(tag)
        return element is not None and bool(element.values or element.bulkdata)

    def number(self, tag: int) -> int | None:
        """Return the first value as a whole number, None where there is none.

        Raises
        ------
        InstanceError
            DATA_SET_MISMATCH when the value is no whole number.
        """
        if not self.has_value(tag):
            return None
        value = self._first(tag)
        if isinstance(value, int):
            return value
        if isinstance(value, str) and value.strip(" ").isascii():
            digits = value.strip(" ")
            if digits.lstrip("+").isdecimal() and len(digits) <= 12:
                return int(digits)
        raise mismatch(tag, "has a value that is no whole number")

    def text(self, tag: int) -> str:
        """Return the first value as text without padding, "" where there is none.

        Raises
        ------
        InstanceError
            DATA_SET_MISMATCH when the value is no text.
        """
        if not self.has_value(tag):
            return ""
        value = self._first(tag)
        if not isinstance(value, str):
            raise mismatch(tag, "has a value that is no text")
        return value.strip(" \0")

    def _first(self, tag: int) -> Value | None:
        values = self._elements[tag].values
        return values[0] if values else None

    def complete(self, tag: int, vr: str, *values: Value) -> None:
        """Put in what the standard lets metadata leave out."""
        self._elements[tag] = Element(tag, vr, values=values)

    def coerce(self, tag: int, vr: str, *values: Value) -> None:
        """Replace or add an element and keep what was there before."""
        self._before.setdefault(tag, self._elements.get(tag) or Element(tag, vr))
        self.complete(tag, vr, *values)

    def put(self, element: Element) -> None:
        """Replace an element by another form of the same content."""
        self._elements[element.tag] = element

    def remove(self, tag: int) -> bool:
        """Take an element out; return whether it was there."""
        return self._elements.pop(tag, None) is not None


def mismatch(tag: int, what: str) -> InstanceError:
    """Return the failure of an attribute that does not fit its instance (A900)."""
    name = tags.format_tag(tag)
    return InstanceError(FailureReason.DATA_SET_MISMATCH, f"{name} {what}.", tag_path=name)
