"""Indexing: what InstancesStored events do to the aggregates of their series and studies.

What belongs here: the order of reads, joins and conditional writes. What must not: how aggregates
are joined (`origin.aggregates`) or stored (the IndexStore).

Counts come from a strongly consistent count, once for each touched series and batch, and each
touched study is folded once for each batch, so that thousands of instances sent to one study cost
as many recounts as there are batches. A write names the version it was made from; whoever loses
the race reads again and joins again. Nothing here ever goes back, so a batch may be indexed
twice, late, or beside others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, repeat
from typing import TypeVar

from chalicelib.origin.aggregates import (
    Distinct,
    SeriesAggregate,
    SeriesKey,
    StudyAggregate,
    aggregate_of,
    fold,
)
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import InstanceKey, InstanceRecord
from chalicelib.origin.ports import Conflict, IndexStore, PortError, RecordStore, Wait

WRITE_ATTEMPTS = 10
"""Each round of a race has a winner, so ten rounds suffice for ten indexers on one study; a batch
that loses them all fails and its messages come again."""

StudyKey = tuple[str, str]
T = TypeVar("T")
Versioned = tuple[SeriesAggregate, int]


@dataclass(frozen=True, slots=True)
class StudyChange:
    """A study as it was written, and the conflicts it did not have before."""

    study: StudyAggregate
    new_conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What became of a batch: ``failed`` instances are to be tried again, all others are done."""

    failed: frozenset[InstanceKey] = frozenset()
    changes: tuple[StudyChange, ...] = ()


@dataclass(slots=True)
class _Batch:
    """A batch on its way: records by series, what the claims told, what failed, what changed."""

    records: Mapping[SeriesKey, Sequence[InstanceRecord]]
    known: Mapping[SeriesKey, Versioned]
    spans: dict[SeriesKey, Distinct] = field(default_factory=dict)
    failed: set[SeriesKey] = field(default_factory=set)
    changes: list[StudyChange] = field(default_factory=list)

    def unfinished(self) -> list[SeriesKey]:
        return [key for key in self.records if key not in self.failed]

    def report(self, without_record: Iterable[InstanceKey]) -> IndexReport:
        failed = frozenset(record.key for key in self.failed for record in self.records[key])
        return IndexReport(failed.union(without_record), tuple(self.changes))


class Indexer:
    """Indexes announced instances.

    Parameters
    ----------
    records : RecordStore
        Where their records are.
    index : IndexStore
        Where the aggregates are.
    wait : Wait
        Sleeps before a lost race is run again.
    attempts : int
        Most writes of one aggregate.
    """

    def __init__(
        self, records: RecordStore, index: IndexStore, wait: Wait, attempts: int = WRITE_ATTEMPTS
    ) -> None:
        self._records = records
        self._index = index
        self._wait = wait
        self._attempts = attempts

    def index(self, events: Iterable[InstancesStored]) -> IndexReport:
        """Bring the aggregates up to what these events announce.

        An instance without a record fails: reconcile or a re-send may yet complete it. A series
        or study that cannot be written fails its own instances only.

        Parameters
        ----------
        events : iterable of InstancesStored
            All that is at hand: they are indexed together.

        Returns
        -------
        IndexReport
            The failed instances, and the studies that were written.
        """
        wanted = {event.key_of(one) for event in events for one in event.instances}
        try:
            found = self._records.read(wanted)
            records = _by_series(found.values())
            batch = _Batch(records, self._index.read_series(records))
        except PortError:
            return IndexReport(frozenset(wanted))
        told = self._tell_other_studies(batch)
        self._refold(batch, told)
        self._join_records(batch)
        self._refold(batch, _studies_of(batch.unfinished()))
        return batch.report(without_record=wanted - found.keys())

    def _tell_other_studies(self, batch: _Batch) -> dict[StudyKey, set[SeriesKey]]:
        """Claim each series that is new here; tell the other studies that claim it.

        PS3.3 A.1.2: a series belongs to one study. Each claims before it looks, so of two that
        come at once at least one sees the other and tells it. A series is marked claimed only by
        the write that follows, so a crash before it makes the whole of this happen again.

        Returns
        -------
        dict
            The studies told, each with the series of this batch that told it.
        """
        told: dict[StudyKey, set[SeriesKey]] = {}
        for key in batch.unfinished():
            if key in batch.known and batch.known[key][0].claimed:
                continue
            try:
                others = self._index.claim(key) - {key.study}
                self._mark_spanning(key, others)
            except PortError:
                batch.failed.add(key)
                continue
            batch.spans[key] = Distinct.of(others)
            for study in others:
                told.setdefault((key.partition, study), set()).add(key)
        return told

    def _mark_spanning(self, key: SeriesKey, others: Iterable[str]) -> None:
        there = [replace(key, study=study) for study in others]
        known = self._index.read_series(there)
        spans = Distinct.of([key.study])
        for other in there:
            self._join_series(SeriesAggregate(other, spans=spans), known.get(other))

    def _join_records(self, batch: _Batch) -> None:
        for key in batch.unfinished():
            try:
                count = self._records.count(key.partition, key.study, key.series)
                leaf = aggregate_of(key, batch.records[key], count)
                if key in batch.spans:
                    leaf = replace(leaf, spans=batch.spans[key], claimed=True)
                self._join_series(leaf, batch.known.get(key))
            except PortError:
                batch.failed.add(key)

    def _join_series(self, leaf: SeriesAggregate, found: Versioned | None) -> None:
        """Join into what is stored; ``found`` is what was read of it a moment ago."""
        reads = chain([found], repeat(None))

        def write() -> None:
            known = next(reads) or self._index.read_series([leaf.key]).get(leaf.key)
            current, version = known or (SeriesAggregate(leaf.key), 0)
            joined = current.join(leaf)
            if joined != current:
                self._index.write_series(joined, version)

        self._race(write)

    def _refold(self, batch: _Batch, studies: Mapping[StudyKey, set[SeriesKey]]) -> None:
        for (partition, study), causes in studies.items():
            try:
                change = self._write_study(partition, study)
            except PortError:
                batch.failed |= causes
            else:
                batch.changes.extend([change] if change else [])

    def _write_study(self, partition: str, study: str) -> StudyChange | None:
        """Fold the study and write it unless nothing changed.

        The version is read before the series are: a write that succeeds was folded from series at
        least as new as those of the study it replaces.
        """

        def write() -> StudyChange | None:
            found = self._index.read_study(partition, study)
            folded = fold(partition, study, self._index.series_of(partition, study))
            current, version = found or (StudyAggregate(partition, study), 0)
            if folded == current or not folded.series_count:
                return None
            self._index.write_study(folded, version)
            return StudyChange(
                folded, tuple(name for name in folded.conflicts if name not in current.conflicts)
            )

        return self._race(write)

    def _race(self, write: Callable[[], T]) -> T:
        """Read, join and write until nobody came between. Raises Conflict when all is lost."""
        for attempt in range(1, self._attempts):
            try:
                return write()
            except Conflict:
                self._wait(attempt)
        return write()


def _by_series(records: Iterable[InstanceRecord]) -> dict[SeriesKey, list[InstanceRecord]]:
    ordered = sorted(records, key=lambda record: record.key)
    return {key: list(group) for key, group in groupby(ordered, _series_of)}


def _series_of(record: InstanceRecord) -> SeriesKey:
    return SeriesKey(record.key.partition, record.key.study, record.key.series)


def _studies_of(series: Iterable[SeriesKey]) -> dict[StudyKey, set[SeriesKey]]:
    studies: dict[StudyKey, set[SeriesKey]] = {}
    for key in series:
        studies.setdefault((key.partition, key.study), set()).add(key)
    return studies
