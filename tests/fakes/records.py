"""A RecordStore in memory."""

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock

from chalicelib.origin.model import InstanceKey, InstanceRecord
from chalicelib.origin.ports import Unavailable


class MemoryRecordStore:
    """Implements `origin.ports.RecordStore`; ``refusing`` keys are never accepted."""

    def __init__(self) -> None:
        self.records: dict[InstanceKey, InstanceRecord] = {}
        self.refusing: set[InstanceKey] = set()
        self.unavailable = False
        self.counts = 0
        self._lock = Lock()

    def write(self, records: Sequence[InstanceRecord]) -> frozenset[InstanceKey]:
        if self.unavailable:
            return frozenset()
        accepted = {one.key: one for one in records if one.key not in self.refusing}
        with self._lock:
            self.records |= accepted
        return frozenset(accepted)

    def read(self, keys: Iterable[InstanceKey]) -> dict[InstanceKey, InstanceRecord]:
        self._look()
        return {key: self.records[key] for key in keys if key in self.records}

    def count(self, partition: str, study: str, series: str) -> int:
        self._look()
        wanted = (partition, study, series)
        with self._lock:
            self.counts += 1
            return sum(1 for k in self.records if (k.partition, k.study, k.series) == wanted)

    def of_study(self, partition: str, study: str) -> Iterator[InstanceRecord]:
        self._look()
        with self._lock:
            known = list(self.records.values())
        return (one for one in known if (one.key.partition, one.key.study) == (partition, study))

    def _look(self) -> None:
        if self.unavailable:
            raise Unavailable
