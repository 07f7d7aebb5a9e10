"""Events on an EventBridge bus."""

import json
from collections.abc import Sequence
from typing import Any, Protocol

from chalicelib.adapters.errors import port_errors
from chalicelib.origin.events import InstancesStored, encode_event
from chalicelib.origin.ports import PortError

SOURCE = "stowage.origin"
DETAIL_TYPE = "InstancesStored"
MAX_ENTRIES = 10
MAX_CALL_BYTES = 240_000
"""Below PutEvents' 256 kB a call, with room for what is counted beside the detail."""


class EventsClient(Protocol):
    """What we use of boto3's client for EventBridge."""

    def put_events(self, **arguments: Any) -> dict[str, Any]: ...


class EventBridgeAnnouncer:
    """``origin.ports.Announcer`` on a bus."""

    def __init__(self, client: EventsClient, bus: str) -> None:
        self._client = client
        self._bus = bus

    def announce(self, events: Sequence[InstancesStored]) -> tuple[InstancesStored, ...]:
        """Send the events call by call; a call that fails leaves its events over."""
        left_over: list[InstancesStored] = []
        for batch in _batches([(event, json.dumps(encode_event(event))) for event in events]):
            try:
                with port_errors():
                    left_over += self._put(batch)
            except PortError:
                left_over += [event for event, _ in batch]
        return tuple(left_over)

    def _put(self, batch: Sequence[tuple[InstancesStored, str]]) -> list[InstancesStored]:
        """Send one call; PutEvents answers 200 even when entries failed."""
        response = self._client.put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Detail": detail,
                    "EventBusName": self._bus,
                }
                for _, detail in batch
            ]
        )
        entries = response.get("Entries", [])
        # An answer shorter than the call proves nothing for the rest.
        sent = [
            index < len(entries) and bool(entries[index].get("EventId"))
            for index in range(len(batch))
        ]
        return [event for (event, _), was_sent in zip(batch, sent, strict=True) if not was_sent]


def _batches(
    entries: Sequence[tuple[InstancesStored, str]],
) -> list[list[tuple[InstancesStored, str]]]:
    batches: list[list[tuple[InstancesStored, str]]] = []
    size = 0
    for entry in entries:
        length = len(entry[1])
        if not batches or len(batches[-1]) == MAX_ENTRIES or size + length > MAX_CALL_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(entry)
        size += length
    return batches
