"""Indexing: what an InstancesStored event does to the aggregates of its series and studies.

What belongs here: the order of reads, joins and conditional writes. What must not: how aggregates
are joined (`origin.aggregates`) or stored (the IndexStore).

Counts come from a strongly consistent count, once for each touched series and batch, and each
touched study is folded once for each batch, so that thousands of instances sent to one study cost
as many recounts as there are batches. A write names the version it was made from; whoever loses
the race reads again and joins again. Nothing here ever goes back, so a batch may be indexed
twice, late, or beside others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

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
    """The records of a batch by series, and the series that could not be finished."""

    records: Mapping[SeriesKey, Sequence[InstanceRecord]]
    failed: set[SeriesKey] = field(default_factory=set)
    changes: list[StudyChange] = field(default_factory=list)

    @property
    def series(self) -> tuple[SeriesKey, ...]:
        return tuple(key for key in self.records if key not in self.failed)

    def failed_instances(self) -> frozenset[InstanceKey]:
        return frozenset(record.key for key in self.failed for record in self.records[key])


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

        An instance without a record fails: the event may have overtaken a write that reconcile
        will complete. One series or study that cannot be written fails only its own instances.

        Parameters
        ----------
        events : iterable of InstancesStored
            All that is at hand: they are indexed together.

        Returns
        -------
        IndexReport
            The failed instances and the studies that changed.
        """
        wanted = {event.key_of(one) for event in events for one in event.instances}
        try:
            found = self._records.read(wanted)
            batch = _Batch(_by_series(found.values()))
            known = self._index.read_series(batch.records)
        except PortError:
            return IndexReport(frozenset(wanted))
        self._tell_other_studies(batch, known)
        self._join_records(batch, known)
        self._refold(batch, {(key.partition, key.study): {key} for key in ()})
        return IndexReport(frozenset(wanted - found.keys()) | batch.failed_instances())
