"""The values of forwarding: deliveries, and why an instance waits or does not go."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.origin.model import InstanceKey


class DeliveryState(StrEnum):
    """What is known of an instance at a destination.

    ``sending`` is a claim: somebody sends it now, or died while doing so.
    """

    SENDING = "sending"
    DELIVERED = "delivered"
    UNVERIFIED = "delivered-unverified"
    FAILED = "failed"
    HELD = "held"

    @property
    def is_final(self) -> bool:
        """Whether only an operator sends it again."""
        return self in (DeliveryState.DELIVERED, DeliveryState.UNVERIFIED, DeliveryState.FAILED)

    @property
    def is_delivered(self) -> bool:
        """Whether the destination holds it, as far as anybody knows."""
        return self in (DeliveryState.DELIVERED, DeliveryState.UNVERIFIED)


class Hold(StrEnum):
    """Why an instance waits."""

    CONFLICT = "study-in-conflict"
    HOURS = "outside-hours"
    UNAVAILABLE = "destination-unavailable"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery record of one instance at one destination.

    Attributes
    ----------
    attempts : int
        Requests that carried the instance, retries inside one claim not counted.
    status : int or None
        HTTP status of the answer that settled it.
    reason : int or None
        Failure or Warning Reason (PS3.18 Annex I.2).
    why : str
        The user agent's cause, or the hold: a word, never a server's sentence.
    at : str
        When this was written, ISO 8601 UTC.
    lease_until : str
        While sending: when the claim lapses. Else "".
    is_uncertain : bool
        Whether an earlier attempt ended without an answer, so that it may have arrived.
    version : int
        Of the record; 0 is one that was never written.
    """

    key: InstanceKey
    destination: str
    state: DeliveryState
    at: str
    attempts: int = 0
    status: int | None = None
    reason: int | None = None
    why: str = ""
    lease_until: str = ""
    is_uncertain: bool = False
    version: int = 0

    def is_claimed(self, now: str) -> bool:
        """Return whether somebody may be sending it at this moment."""
        return self.state is DeliveryState.SENDING and self.lease_until > now


@dataclass(frozen=True, slots=True)
class Slot:
    """Leave to send to a destination: one of as many as it takes at once."""

    destination: str
    number: int
    version: int
