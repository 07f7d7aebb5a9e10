"""What forwarding needs of the world beyond the origin server's ports.

All methods raise ``origin.ports.Unavailable`` when the same call can succeed later.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from chalicelib.forwarding.configuration import Configuration
from chalicelib.forwarding.model import Delivery, Slot
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import InstanceKey, InstanceRecord
from chalicelib.useragent.auth import Secret


class DeliveryStore(Protocol):
    """Delivery records, each with a version that a write must name. Reads are consistent."""

    def read(self, destination: str, keys: Iterable[InstanceKey]) -> dict[InstanceKey, Delivery]:
        """Return the records that exist."""
        ...

    def write(self, delivery: Delivery) -> Delivery:
        """Write in place of the version that the record carries; return it with the new one.

        Raises ``origin.ports.Conflict`` when another version is there.
        """
        ...

    def of_study(self, partition: str, study: str) -> Iterable[Delivery]:
        """Return all delivery records of a study."""
        ...

    def take_slot(self, destination: str, most: int, now: str, until: str) -> Slot | None:
        """Return one of ``most`` slots, taken until then; None while all are taken."""
        ...

    def release_slot(self, slot: Slot) -> None:
        """Give the slot back; nothing happens when it has lapsed and is another's."""
        ...


class StudyRecords(Protocol):
    """Records by study."""

    def of_study(self, partition: str, study: str) -> Iterable[InstanceRecord]:
        """Return all records of a study."""
        ...


class Postpone(Protocol):
    """Has an event come again, later."""

    def __call__(self, event: InstancesStored, seconds: int) -> None:
        """Send the event to this consumer again after so many seconds, 900 at most."""
        ...


class Document(Protocol):
    """Where the configuration document lies."""

    def read(self, known: str) -> tuple[str, bytes] | None:
        """Return its version and bytes, None when it is still the version known.

        Raises KeyError when there is none.
        """
        ...


ReadConfiguration = Callable[[], Configuration]
"""Returns the configuration in force. Raises ConfigurationError, Unavailable."""

ReadSecret = Callable[[str], Secret]
"""Returns the secret that a reference names, as fresh as it can be had.

Raises KeyError when it names none, Unavailable."""

Resolve = Callable[[str, int], Sequence[str]]
"""Returns all addresses of a host, as text. Raises OSError."""
