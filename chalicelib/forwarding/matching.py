"""Whether a record meets a condition.

A value is compared as the record holds it: decoded, without padding. Of several values one that
fits suffices. What the record does not hold, or holds undecoded, meets no condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from chalicelib.origin.model import InstanceRecord
from chalicelib.standard.index_attributes import INDEX_ATTRIBUTES

PARTITION, SOURCE, SOP_CLASS, TRANSFER_SYNTAX = (
    "partition",
    "source",
    "SOPClassUID",
    "TransferSyntaxUID",
)
KEYWORDS = frozenset(row.keyword for row in INDEX_ATTRIBUTES if row.vr != "SQ")
MATCHABLE = frozenset({PARTITION, SOURCE, SOP_CLASS, TRANSFER_SYNTAX}) | KEYWORDS
"""What a condition may name: what is known of the request, and what the record holds."""


class Operator(StrEnum):
    """How a value is compared. ``glob`` knows ``*``, ``?`` and ``[…]`` and no case."""

    EQUALS = "equals"
    IN = "in"
    GLOB = "glob"


@dataclass(frozen=True, slots=True)
class Condition:
    """``operands`` are one text, or for ``in`` several."""

    name: str
    operator: Operator
    operands: tuple[str, ...]

    def is_met(self, record: InstanceRecord) -> bool:
        """Return whether one of the record's values fits."""
        return any(self._fits(value) for value in values_of(record, self.name))

    def _fits(self, value: str) -> bool:
        if self.operator is Operator.GLOB:
            return any(fnmatchcase(value.casefold(), one.casefold()) for one in self.operands)
        return value in self.operands


def values_of(record: InstanceRecord, name: str) -> Sequence[str]:
    """Return the values that a condition of this name looks at."""
    match name:
        case "partition":
            return (record.key.partition,)
        case "source":
            return (record.facts.subject,)
        case "SOPClassUID":
            return (record.sop_class,)
        case "TransferSyntaxUID":
            return (record.transfer_syntax,)
    text = record.attributes.get(name)
    return () if text is None else text.split("\\")
