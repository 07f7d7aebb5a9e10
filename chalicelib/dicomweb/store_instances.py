"""Store Instances Response Module (PS3.18 Annex I) and the status it leads to (Table 10.5.3-1)."""

from collections.abc import Iterator, Sequence
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


def status_of(response: StoreInstancesResponse) -> HTTPStatus:
    """Return the status of PS3.18 Table 10.5.3-1, with one addition.

    A failure that the same bytes can outlive makes the answer 503 even beside successes: user
    agents re-send on 503, and a re-send of what is stored does no harm. 202 is for failures that
    last and for warnings.
    """
    failures: tuple[Failed | OtherFailure, ...] = (*response.failed, *response.other_failures)
    if any(failure.reason.transient for failure in failures):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if failures:
        return HTTPStatus.ACCEPTED if response.referenced else HTTPStatus.CONFLICT
    if not response.referenced:
        return HTTPStatus.BAD_REQUEST
    if any(stored.warning for stored in response.referenced):
        return HTTPStatus.ACCEPTED
    return HTTPStatus.OK


def response_dataset(response: StoreInstancesResponse, *, explain: bool = True) -> Dataset:
    """Return the module of Table I.1-1.

    Retrieve URL stays empty, as type 2 allows, until this service offers Retrieve (R-606).
    ``explain`` adds our private attributes to the items of failures.
    """
    elements = [Element(0x00081190, "UR", "RetrieveURL")]
    if response.failed:
        items = tuple(_failed_item(failed, explain) for failed in response.failed)
        elements.append(Element(0x00081198, "SQ", "FailedSOPSequence", items))
    if response.referenced:
        items = tuple(_stored_item(stored) for stored in response.referenced)
        elements.append(Element(0x00081199, "SQ", "ReferencedSOPSequence", items))
    if response.other_failures:
        items = tuple(_other_item(other, explain) for other in response.other_failures)
        elements.append(Element(0x0008119A, "SQ", "OtherFailuresSequence", items))
    return Dataset(elements)


def _stored_item(stored: Stored) -> Dataset:
    elements = [*_reference(stored.reference), Element(0x00081190, "UR", "RetrieveURL")]
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
