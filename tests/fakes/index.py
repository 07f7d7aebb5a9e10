"""An IndexStore in memory."""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from chalicelib.origin.aggregates import SeriesAggregate, SeriesKey, StudyAggregate
from chalicelib.origin.ports import Conflict


class MemoryIndexStore:
    """Implements `origin.ports.IndexStore`. ``before`` is called with each method's name."""

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        self.series: dict[SeriesKey, tuple[SeriesAggregate, int]] = {}
        self.studies: dict[tuple[str, str], tuple[StudyAggregate, int]] = {}
        self.claims: dict[tuple[str, str], frozenset[str]] = {}
        self.conflicts = 0
        self._before = before
        self._lock = Lock()

    def claim(self, key: SeriesKey) -> frozenset[str]:
        self._before("claim")
        with self._lock:
            claims = self.claims.get((key.partition, key.series), frozenset()) | {key.study}
            self.claims[key.partition, key.series] = claims
        return claims

    def read_series(
        self, keys: Iterable[SeriesKey]
    ) -> dict[SeriesKey, tuple[SeriesAggregate, int]]:
        self._before("read_series")
        return {key: self.series[key] for key in keys if key in self.series}

    def write_series(self, aggregate: SeriesAggregate, version: int) -> None:
        self._before("write_series")
        with self._lock:
            self._expect(version, self.series.get(aggregate.key))
            self.series[aggregate.key] = (aggregate, version + 1)

    def series_of(self, partition: str, study: str) -> tuple[SeriesAggregate, ...]:
        self._before("series_of")
        with self._lock:
            known = [one for one, _ in self.series.values()]
        return tuple(
            one for one in known if (one.key.partition, one.key.study) == (partition, study)
        )

    def read_study(self, partition: str, study: str) -> tuple[StudyAggregate, int] | None:
        self._before("read_study")
        return self.studies.get((partition, study))

    def write_study(self, aggregate: StudyAggregate, version: int) -> None:
        self._before("write_study")
        key = (aggregate.partition, aggregate.study)
        with self._lock:
            self._expect(version, self.studies.get(key))
            self.studies[key] = (aggregate, version + 1)

    def recent(self, partition: str, day: str) -> Iterator[StudyAggregate]:
        self._before("recent")
        known = [one for one, _ in self.studies.values() if one.partition == partition]
        arrived = [one for one in known if one.last_arrival.startswith(day)]
        return iter(sorted(arrived, key=lambda one: one.last_arrival, reverse=True))

    def _expect(self, version: int, found: tuple[object, int] | None) -> None:
        if version != (found[1] if found else 0):
            self.conflicts += 1
            raise Conflict
