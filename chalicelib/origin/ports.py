"""What the origin server needs of the world, as protocols; adapters and fakes implement them.

Errors are the ports' own: an adapter translates its service's errors into these and lets nothing
else out on purpose. What still escapes is a bug, and never becomes a success.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.origin.aggregates import SeriesAggregate, SeriesKey, StudyAggregate
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import (
    Content,
    InstanceKey,
    InstanceRecord,
    ObjectFacts,
    StoredObject,
    Verdict,
)

Clock = Callable[[], datetime]
"""Returns the time now, aware, in UTC."""

Remaining = Callable[[], float]
"""Returns the seconds left before this call is ended from outside."""


class PortError(Exception):
    """Base of what a port may raise."""


class Unavailable(PortError):  # noqa: N818 - reads as the fact it is
    """Throttled, timed out or at fault: the same call can succeed later."""


class Conflict(PortError):  # noqa: N818
    """A conditional write found another version than the one it was made from."""


class InstanceStore(Protocol):
    """The instances themselves. One per partition and SOP Instance UID, created once."""

    def create(
        self, partition: str, sop_instance: str, content: Content, facts: ObjectFacts
    ) -> bool:
        """Create the object unless one is there; what is staged is copied without being read.

        Returns True when this call created it, False when an object is there already (it may be
        our own, from a put whose answer was lost). Raises Unavailable.
        """
        ...

    def find(self, partition: str, sop_instance: str) -> StoredObject | None:
        """Return what is known of the stored object, None when there is none."""
        ...

    def read(
        self, partition: str, sop_instance: str, start: int = 0, length: int | None = None
    ) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end. Raises KeyError if absent."""
        ...


class RecordStore(Protocol):
    """The records, each a pure function of its object: written blindly, as often as you like."""

    def write(self, records: Sequence[InstanceRecord]) -> frozenset[InstanceKey]:
        """Write the records; return the keys of those the store accepted, perhaps not all.

        Never raises Unavailable for some of them: what is not in the answer was not accepted.
        """
        ...

    def read(self, keys: Iterable[InstanceKey]) -> dict[InstanceKey, InstanceRecord]:
        """Return the records that exist, by strongly consistent reads. Raises Unavailable."""
        ...

    def count(self, partition: str, study: str, series: str) -> int:
        """Return the number of records in a series, strongly consistent. Raises Unavailable."""
        ...


class VerdictStore(Protocol):
    """Validation's verdicts and what was observed at intake, apart from the records."""

    def write(self, verdict: Verdict) -> None:
        """Write the verdict in place of an earlier one. Raises Unavailable."""
        ...

    def read(self, key: InstanceKey) -> Verdict | None:
        """Return the verdict, None when there is none yet. Raises Unavailable."""
        ...

    def observe(self, key: InstanceKey, observations: Iterable[str]) -> None:
        """Add to the set of what intake observed of this instance. Raises Unavailable."""
        ...

    def observations(self, key: InstanceKey) -> frozenset[str]:
        """Return the set of what intake observed. Raises Unavailable."""
        ...


class Announcer(Protocol):
    """The bus that tells consumers what was stored."""

    def announce(self, events: Sequence[InstancesStored]) -> tuple[InstancesStored, ...]:
        """Send the events; return those the bus did not take. Never raises Unavailable."""
        ...


Wait = Callable[[int], None]
"""Sleeps, with jitter, before the given repetition (1 is the first)."""


class IndexStore(Protocol):
    """The index's aggregates, each with a version that a write must name, and series claims.

    Version 0 is that of an aggregate not yet written. Every read is strongly consistent but
    ``recent``. All methods raise Unavailable.
    """

    def claim(self, key: SeriesKey) -> frozenset[str]:
        """Note that the study holds the series; return all studies that do, this one too."""
        ...

    def read_series(
        self, keys: Iterable[SeriesKey]
    ) -> dict[SeriesKey, tuple[SeriesAggregate, int]]:
        """Return the aggregates that exist, with their versions."""
        ...

    def write_series(self, aggregate: SeriesAggregate, version: int) -> None:
        """Write in place of that version. Raises Conflict when another is there."""
        ...

    def series_of(self, partition: str, study: str) -> tuple[SeriesAggregate, ...]:
        """Return all series aggregates of a study."""
        ...

    def read_study(self, partition: str, study: str) -> tuple[StudyAggregate, int] | None:
        """Return the study's aggregate with its version, None when there is none."""
        ...

    def write_study(self, aggregate: StudyAggregate, version: int) -> None:
        """Write in place of that version. Raises Conflict when another is there."""
        ...

    def recent(self, partition: str, day: str) -> Iterable[StudyAggregate]:
        """Return the studies whose last arrival was on a day (``2026-05-01``), latest first."""
        ...


class Requeue(Protocol):
    """Sends messages to a queue again."""

    def send(self, queue_arn: str, bodies: Sequence[str]) -> None:
        """Send all bodies as new messages. Raises Unavailable unless all were accepted."""
        ...


class Telemetry(Protocol):
    """Where the origin server tells operators what it did. UIDs and numbers, no patient data."""

    def event(self, message: str, **fields: object) -> None:
        """Write one structured log line."""
        ...

    def count(self, metric: str, value: int = 1) -> None:
        """Add to a metric; see ``origin.metrics`` for the names."""
        ...

    def trouble(self, message: str, error: BaseException, **fields: object) -> None:
        """Log an error by its type and place; never its text, which may hold values."""
        ...
