"""What an outcome of the user agent makes of a delivery. Pure."""

from dataclasses import replace

from chalicelib.forwarding.model import Delivery, DeliveryState, Hold
from chalicelib.forwarding.sources import NOT_NOW
from chalicelib.useragent.model import Cause, Outcome, State
from chalicelib.useragent.reasons import FailureKind, kind_of_failure
from chalicelib.useragent.retry import RETRIED_STATUSES

_UNCERTAIN = (Cause.NO_ANSWER, Cause.NOT_LISTED)
_MAY_PASS = (Cause.NO_ANSWER, Cause.NOT_LISTED, Cause.NOT_FOUND_BY_SEARCH)


def settled(claim: Delivery, outcome: Outcome, at: str) -> Delivery:
    """Return the delivery after an outcome; held when another attempt may end otherwise.

    "Exists already" (0111H, 45070, 409) is a delivery that nobody verified: the destination
    holds an instance of this UID, whoever sent it.
    """
    why = outcome.cause.value
    if outcome.state is State.REFERENCED and outcome.cause is Cause.ALREADY_THERE:
        state = DeliveryState.UNVERIFIED
    elif outcome.state.is_stored:
        state = DeliveryState.DELIVERED
    elif outcome.cause is Cause.EXISTS:
        state = DeliveryState.UNVERIFIED
    elif may_pass(outcome):
        return held(claim, at, status=outcome.status, is_uncertain=outcome.cause in _UNCERTAIN)
    else:
        state = DeliveryState.FAILED
    return replace(
        claim,
        state=state,
        at=at,
        status=outcome.status,
        reason=outcome.reason,
        why=why,
        lease_until="",
        is_uncertain=False,
    )


def may_pass(outcome: Outcome) -> bool:
    """Return whether the same instance may be stored later."""
    if outcome.state.is_stored:
        return False
    if outcome.state is State.UNVERIFIED or outcome.cause in _MAY_PASS:
        return True
    if outcome.cause is Cause.SOURCE:
        return outcome.detail == NOT_NOW
    if outcome.cause is Cause.STATUS:
        return outcome.status in RETRIED_STATUSES
    return kind_of_failure(outcome.reason, outcome.status) is FailureKind.TRANSIENT


def held(
    delivery: Delivery,
    at: str,
    why: Hold = Hold.UNAVAILABLE,
    *,
    status: int | None = None,
    is_uncertain: bool = False,
) -> Delivery:
    """Return the delivery as one that waits."""
    return replace(
        delivery,
        state=DeliveryState.HELD,
        at=at,
        status=status,
        reason=None,
        why=why.value,
        lease_until="",
        is_uncertain=delivery.is_uncertain or is_uncertain,
    )
