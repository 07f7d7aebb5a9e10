"""A DeliveryStore in memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from threading import Lock

from chalicelib.forwarding.model import Delivery, Slot
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.ports import Conflict, Unavailable


class MemoryDeliveryStore:
    """Implements `forwarding.ports.DeliveryStore`. ``before_write`` may wait or raise."""

    def __init__(self, before_write: Callable[[Delivery], None] = lambda _: None) -> None:
        self.deliveries: dict[tuple[str, InstanceKey], Delivery] = {}
        self.slots: dict[tuple[str, int], tuple[str, int]] = {}
        self.unavailable = False
        self._before_write = before_write
        self._lock = Lock()

    def read(self, destination: str, keys: Iterable[InstanceKey]) -> dict[InstanceKey, Delivery]:
        self._look()
        found = {key: self.deliveries.get((destination, key)) for key in keys}
        return {key: one for key, one in found.items() if one is not None}

    def write(self, delivery: Delivery) -> Delivery:
        self._look()
        self._before_write(delivery)
        place = (delivery.destination, delivery.key)
        written = replace(delivery, version=delivery.version + 1)
        with self._lock:
            there = self.deliveries.get(place)
            if delivery.version != (there.version if there else 0):
                raise Conflict
            self.deliveries[place] = written
        return written

    def of_study(self, partition: str, study: str) -> Iterator[Delivery]:
        self._look()
        for one in list(self.deliveries.values()):
            if (one.key.partition, one.key.study) == (partition, study):
                yield one

    def take_slot(self, destination: str, most: int, now: str, until: str) -> Slot | None:
        self._look()
        with self._lock:
            for number in range(most):
                taken, version = self.slots.get((destination, number), ("", 0))
                if taken <= now:
                    self.slots[destination, number] = (until, version + 1)
                    return Slot(destination, number, version + 1)
        return None

    def release_slot(self, slot: Slot) -> None:
        place = (slot.destination, slot.number)
        with self._lock:
            if self.slots.get(place, ("", 0))[1] == slot.version:
                self.slots[place] = ("", slot.version + 1)

    def _look(self) -> None:
        if self.unavailable:
            raise Unavailable
