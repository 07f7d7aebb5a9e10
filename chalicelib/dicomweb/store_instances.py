"""Store Instances Response Module (PS3.18 Annex I) and the status it leads to (Table 10.5.3-1)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from chalicelib.dicomweb.dataset import Dataset, Element
from chalicelib.standard.reasons import FailureReason, WarningReason

PRIVATE_CREATOR = "STOWAGE STORE 1"
"""Owner of the explanations: PS3.18 I.1 has no place for a sentence, a part or a tag."""


@dataclass(frozen=True, slots=True)
class Reference:
    """SOP Instance Reference Macro (PS3.3 Table 10-11)."""

    sop_class: str
    sop_instance: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What our private attributes tell of a failure; ``part`` counts from 1."""

    detail: str
    part: int
    tag_path: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An item of Referenced SOP Sequence: this instance is stored."""

    reference: Reference
    warning: WarningReason | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An item of Failed SOP Sequence: the server does not promise this instance."""

    reference: Reference
    reason: FailureReason
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class OtherFailure:
    """An item of Other Failures Sequence: a part that names no instance."""

    reason: FailureReason
    explanation: Explanation


Outcome = Stored | Failed | OtherFailure


@dataclass(frozen=True, slots=True)
class StoreInstancesResponse:
    """What became of every part of a request, in request order."""

    outcomes: tuple[Outcome, ...]

    @property
    def referenced(self) -> tuple[Stored, ...]:
        return tuple(o for o in self.outcomes if isinstance(o, Stored))

    @property
    def failed(self) -> tuple[Failed, ...]:
        return tuple(o for o in self.outcomes if isinstance(o, Failed))

    @property
    def other_failures(self) -> tuple[OtherFailure, ...]:
        return tuple(o for o in self.outcomes if isinstance(o, OtherFailure))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many outcomes are of each kind that a status depends on.

    ``warned`` of the ``stored`` have a warning; ``transient`` of the ``failed`` would be cured by
    sending them again.
    """

    stored: int = 0
    warned: int = 0
    failed: int = 0
    transient: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.stored + other.stored,
            self.warned + other.warned,
            self.failed + other.failed,
            self.transient + other.transient,
        )


def tally_of(outcomes: Iterable[Outcome]) -> Tally:
    """Return how many outcomes are of each kind."""
    stored = warned = failed = transient = 0
    for outcome in outcomes:
        if isinstance(outcome, Stored):
            stored += 1
            warned += outcome.warning is not None
        else:
            failed += 1
            transient += outcome.reason.transient
    return Tally(stored, warned, failed, transient)


def status_of(response: StoreInstancesResponse) -> HTTPStatus:
    """Return the status of a response; see ``status_of_tally``."""
    return status_of_tally(tally_of(response.outcomes))


def status_of_tally(tally: Tally) -> HTTPStatus:
    """Return the status of PS3.18 Table 10.5.3-1, with one addition.

    A failure that the same bytes can outlive makes the answer 503 even beside successes: user
    agents re-send on 503, and a re-send of what is stored does no harm. 202 is for failures that
    last and for warnings.
    """
    if tally.transient:
        return HTTPStatus.SERVICE_UNAVAILABLE
    if tally.failed:
        return HTTPStatus.ACCEPTED if tally.stored else HTTPStatus.CONFLICT
    if not tally.stored:
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus.ACCEPTED if tally.warned else HTTPStatus.OK


RETRIEVE_URL = Element(0x00081190, "UR", "RetrieveURL")
"""Of the module and of stored items: empty, as type 2 allows, until this service offers Retrieve
(R-606)."""

SEQUENCES: tuple[tuple[int, str, type[Outcome]], ...] = (
    (0x00081198, "FailedSOPSequence", Failed),
    (0x00081199, "ReferencedSOPSequence", Stored),
    (0x0008119A, "OtherFailuresSequence", OtherFailure),
)
"""Sequences of Table I.1-1 and the outcomes that are their items, in the order of their tags; one
without items is left out."""


def item_of(outcome: Outcome, *, explain: bool = True) -> Dataset:
    """Return the item that an outcome is of its sequence.

    ``explain`` adds our private attributes to the items of failures.
    """
    match outcome:
        case Stored():
            return _stored_item(outcome)
        case Failed():
            return _failed_item(outcome, explain)
        case OtherFailure():
            return _other_item(outcome, explain)


def _stored_item(stored: Stored) -> Dataset:
    elements = [*_reference(stored.reference), RETRIEVE_URL]
    if stored.warning is not None:
        elements.append(Element(0x00081196, "US", "WarningReason", (stored.warning.code,)))
    return Dataset(elements)


def _failed_item(failed: Failed, explain: bool) -> Dataset:
    explanation = _explained(failed.explanation) if explain else ()
    return Dataset([*_reference(failed.reference), _reason(failed.reason), *explanation])


def _other_item(other: OtherFailure, explain: bool) -> Dataset:
    explanation = _explained(other.explanation) if explain else ()
    return Dataset([_reason(other.reason), *explanation])


def _reference(reference: Reference) -> Sequence[Element]:
    return (
        Element(0x00081150, "UI", "ReferencedSOPClassUID", (reference.sop_class,)),
        Element(0x00081155, "UI", "ReferencedSOPInstanceUID", (reference.sop_instance,)),
    )


def _reason(reason: FailureReason) -> Element:
    return Element(0x00081197, "US", "FailureReason", (reason.code,))


def _explained(explanation: Explanation) -> Iterator[Element]:
    yield Element(0x00090010, "LO", "", (PRIVATE_CREATOR,))
    yield Element(0x00091001, "LT", "", (explanation.detail,), PRIVATE_CREATOR)
    yield Element(0x00091002, "US", "", (explanation.part,), PRIVATE_CREATOR)
    if explanation.tag_path:
        yield Element(0x00091003, "LO", "", (explanation.tag_path[:64],), PRIVATE_CREATOR)
