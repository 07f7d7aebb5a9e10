"""The event that tells of stored instances: schema, splitting, and its JSON form.

Subscribers find the schema with an example in ``docs/events.md``. UIDs only: an event never
carries patient data. A change that breaks a subscriber raises EVENT_SCHEMA_VERSION.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from chalicelib.origin.model import InstanceKey

EVENT_SCHEMA_VERSION = 1
MAX_INSTANCES_PER_EVENT = 50
"""Fifty instances are at most 15 kB of JSON, far below the bus's 256 kB an entry."""


class Cause(Enum):
    """Why an event was sent."""

    STORED = "stored"
    RESENT = "resent"
    RECONCILED = "reconciled"


@dataclass(frozen=True, slots=True)
class AnnouncedInstance:
    """One stored instance. ``observations`` are names of what intake tolerated or saw."""

    series: str
    sop_instance: str
    sop_class: str
    observations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InstancesStored:
    """Instances of one study that one request stored."""

    partition: str
    study: str
    request_id: str
    cause: Cause
    instances: tuple[AnnouncedInstance, ...]

    def key_of(self, instance: AnnouncedInstance) -> InstanceKey:
        """Return where an announced instance stands."""
        return InstanceKey(self.partition, self.study, instance.series, instance.sop_instance)

    def split(self, at_most: int = MAX_INSTANCES_PER_EVENT) -> tuple["InstancesStored", ...]:
        """Return the same event in pieces of at most ``at_most`` instances."""
        return tuple(
            replace(self, instances=self.instances[start : start + at_most])
            for start in range(0, len(self.instances), at_most)
        )


class MalformedEvent(ValueError):  # noqa: N818
    """The text is not an event of a schema version this code understands."""


def encode_event(event: InstancesStored) -> dict[str, Any]:
    """Return the event's detail as a JSON object."""
    return {
        "schema_version": EVENT_SCHEMA_VERSION,
        "partition": event.partition,
        "study": event.study,
        "request_id": event.request_id,
        "cause": event.cause.value,
        "instances": [_encode_instance(instance) for instance in event.instances],
    }


def _encode_instance(instance: AnnouncedInstance) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "series": instance.series,
        "sop_instance": instance.sop_instance,
        "sop_class": instance.sop_class,
    }
    if instance.observations:
        encoded["observations"] = list(instance.observations)
    return encoded


def decode_event(detail: Mapping[str, Any]) -> InstancesStored:
    """Return the event of a detail made by :func:`encode_event`.

    Raises
    ------
    MalformedEvent
        For another schema version, a missing member or a wrong type.
    """
    if detail.get("schema_version") != EVENT_SCHEMA_VERSION:
        raise MalformedEvent("not an event of schema version 1")
    try:
        return InstancesStored(
            partition=_text(detail["partition"]),
            study=_text(detail["study"]),
            request_id=_text(detail["request_id"]),
            cause=Cause(detail["cause"]),
            instances=tuple(_decode_instances(detail["instances"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedEvent(f"not an InstancesStored event: {type(error).__name__}") from None


def _decode_instances(instances: Iterable[Mapping[str, Any]]) -> Iterable[AnnouncedInstance]:
    for instance in instances:
        yield AnnouncedInstance(
            series=_text(instance["series"]),
            sop_instance=_text(instance["sop_instance"]),
            sop_class=_text(instance["sop_class"]),
            observations=tuple(_text(name) for name in instance.get("observations", ())),
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
