"""Reading a Store Instances Response as a client would: by its JSON alone."""

import json
from collections.abc import Iterator
from typing import Any, Protocol

from chalicelib.standard.reasons import FailureReason
from tests.hostile.cases import Outcome, Sequence

RETRIEVE_URL = "00081190"
SOP_INSTANCE = "00081155"
FAILURE_REASON = "00081197"
EXPLANATION, PART, TAG_PATH = "00091001", "00091002", "00091003"

_REASONS = {reason.code: reason for reason in FailureReason}


class HasBody(Protocol):
    """Any answer whose body was read."""

    @property
    def body(self) -> bytes: ...


def module_of(answer: HasBody) -> dict[str, Any]:
    """The module of an answer."""
    module: dict[str, Any] = json.loads(answer.body)
    return module


def items(module: dict[str, Any], sequence: Sequence) -> list[dict[str, Any]]:
    """The items of one of the module's sequences."""
    found: list[dict[str, Any]] = module.get(sequence.value, {}).get("Value", [])
    return found


def value(item: dict[str, Any], tag: str) -> Any:
    """The only value of an attribute, None when it has none."""
    return next(iter(item.get(tag, {}).get("Value", [])), None)


def told(answer: HasBody) -> Iterator[tuple[int, Outcome]]:
    """What a module says of each part, by the part's number.

    An item of success tells no part; those that are left over are theirs, in order.
    """
    module = module_of(answer)
    failures = {
        value(item, PART): Outcome(
            sequence, _REASONS[value(item, FAILURE_REASON)], value(item, TAG_PATH)
        )
        for sequence in (Sequence.FAILED, Sequence.OTHER)
        for item in items(module, sequence)
    }
    stored = items(module, Sequence.REFERENCED)
    for part in range(1, len(failures) + len(stored) + 1):
        yield part, failures.get(part, Outcome(Sequence.REFERENCED))
