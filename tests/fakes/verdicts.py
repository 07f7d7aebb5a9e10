"""A VerdictStore in memory."""

from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock

from chalicelib.origin.model import InstanceKey, Severity, Verdict
from chalicelib.origin.ports import Unavailable


class MemoryVerdictStore:
    """Implements `origin.ports.VerdictStore`."""

    def __init__(self) -> None:
        self.verdicts: dict[InstanceKey, Verdict] = {}
        self.observed: dict[InstanceKey, frozenset[str]] = {}
        self.unavailable = False
        self._lock = Lock()

    def write(self, verdict: Verdict) -> None:
        self._look()
        self.verdicts[verdict.key] = verdict

    def read(self, key: InstanceKey) -> Verdict | None:
        self._look()
        return self.verdicts.get(key)

    def observe(self, key: InstanceKey, observations: Iterable[str]) -> None:
        self._look()
        with self._lock:
            self.observed[key] = self.observations(key).union(observations)

    def observations(self, key: InstanceKey) -> frozenset[str]:
        self._look()
        return self.observed.get(key, frozenset())

    def findings_of(self, partition: str, study: str) -> tuple[int, Mapping[Severity, int]]:
        here = [v for k, v in self.verdicts.items() if (k.partition, k.study) == (partition, study)]
        return len(here), Counter(one.severity for verdict in here for one in verdict.findings)

    def _look(self) -> None:
        if self.unavailable:
            raise Unavailable
