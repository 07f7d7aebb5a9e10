"""Elements of metadata: which a data set may hold, how many, and how a refusal finds its path.

What values may look like is in ``metadata_values``; how a format writes them is its own business.
"""

from collections.abc import Container

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.reasons import FailureReason


class Refusal(Exception):  # noqa: N818
    """Why an element is refused, while the way to it is still being collected.

    ``what`` completes the sentence that starts with the tag. It never carries a value.
    """

    def __init__(
        self,
        what: str,
        reason: FailureReason = FailureReason.METADATA_MALFORMED,
        tag: int | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.reason = reason
        self.tag = tag
        self._steps: list[tuple[int, int]] = []

    def within(self, sequence: int, number: int) -> None:
        """Add the item, 1-based, that holds what was refused."""
        self._steps.insert(0, (sequence, number))

    def error(self) -> InstanceError:
        """Return the error with the whole tag path."""
        subject = tags.format_tag(self.tag) if self.tag is not None else "The data set"
        path = tags.format_path(self._steps, self.tag)
        return InstanceError(self.reason, f"{subject} {self.what}.", tag_path=path or None)


class ElementCount:
    """Counts the elements and items of one instance against the limit."""

    __slots__ = ("_left", "_limit")

    def __init__(self, limit: int) -> None:
        self._left = self._limit = limit

    def add(self, count: int) -> None:
        """Count some more.

        Raises
        ------
        Refusal
            TOO_MANY_ELEMENTS.
        """
        self._left -= count
        if self._left < 0:
            raise Refusal(
                f"has more than {self._limit} elements and items", FailureReason.TOO_MANY_ELEMENTS
            )


_FORBIDDEN_GROUPS = (0x0000, 0xFFFE)  # commands (PS3.7 E.1), items and delimiters (PS3.5 7.5)


def left_out(tag: int) -> str:
    """Return the observation by which an element is left out of the data set, "" to keep it.

    Group 0002 does not belong into metadata (PS3.18 10.5.1.4), group lengths describe an encoding
    that nobody has made yet (F.2.2, PS3.19 A.1.5).

    Raises
    ------
    Refusal
        When no data set can hold the element.
    """
    group = tag >> 16
    if group in _FORBIDDEN_GROUPS:
        raise Refusal("is no element of a data set", tag=tag)
    if group == 0x0002:
        return "metadata-file-meta"
    return "" if tag & 0xFFFF else "metadata-group-length"


def has_creator(tag: int, present: Container[int]) -> bool:
    """Return whether a private element's block is reserved by an element of the same data set."""
    block = tag >> 8 & 0xFF
    return block >= 0x10 and (tag & 0xFFFF0000 | block) in present


def is_private_creator(tag: int) -> bool:
    """Return whether the tag is one of (gggg,0010-00FF) of an odd group (PS3.5 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF
