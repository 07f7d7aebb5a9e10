"""The safety net: some minutes after an object appeared, was everything done that it asks for?

What belongs here: deciding what is missing, completing the record, announcing again. What must
not: listing the bucket (only a rebuild does), judging or indexing (their consumers do, once
announced).

An instance is whole when it has a record and a verdict and when the index has nothing to learn
from it. A crash of the door leaves the first missing, a lost event the second or the third.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.dicomweb.errors import ProtocolError
from chalicelib.origin.aggregates import SeriesAggregate, SeriesKey, aggregate_of
from chalicelib.origin.events import AnnouncedInstance, Cause, InstancesStored
from chalicelib.origin.model import InstanceKey, InstanceRecord, StoredObject
from chalicelib.origin.ports import (
    Announcer,
    IndexStore,
    InstanceStore,
    PortError,
    RecordStore,
    VerdictStore,
)


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """All that a notification tells of an object."""

    partition: str
    sop_instance: str


MakeRecord = Callable[[str, str, StoredObject], InstanceRecord]
"""Reads the object's header and returns its record: (partition, SOP Instance UID, object).

Raises Unavailable, KeyError when the object is gone, ProtocolError when it cannot be read."""


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What became of a batch: ``failed`` objects are to be tried again, all others are done.

    ``recorded`` instances had no record, ``announced`` ones lacked something.
    """

    failed: frozenset[ObjectName] = frozenset()
    recorded: frozenset[InstanceKey] = frozenset()
    announced: frozenset[InstanceKey] = frozenset()


@dataclass(slots=True)
class _Batch:
    """A batch on its way. Whatever is in ``failed`` is left alone by the steps that follow."""

    stored: dict[ObjectName, StoredObject] = field(default_factory=dict)
    records: dict[ObjectName, InstanceRecord] = field(default_factory=dict)
    failed: set[ObjectName] = field(default_factory=set)

    def key_of(self, name: ObjectName) -> InstanceKey:
        facts = self.stored[name].facts
        return InstanceKey(name.partition, facts.study, facts.series, name.sop_instance)


class Reconciler:
    """Completes what a crash or a lost event left half done.

    Parameters
    ----------
    instances, records, verdicts, index, announcer
        The ports.
    make_record : MakeRecord
        Reads an object's header into its record.
    """

    def __init__(
        self,
        *,
        instances: InstanceStore,
        records: RecordStore,
        verdicts: VerdictStore,
        index: IndexStore,
        announcer: Announcer,
        make_record: MakeRecord,
    ) -> None:
        self._instances = instances
        self._records = records
        self._verdicts = verdicts
        self._index = index
        self._announcer = announcer
        self._make_record = make_record

    def reconcile(self, names: Iterable[ObjectName]) -> ReconcileReport:
        """Look at each object that was created; complete and announce what is not whole.

        Parameters
        ----------
        names : iterable of ObjectName
            Objects some minutes old. One that is gone is nothing to do.

        Returns
        -------
        ReconcileReport
            The failed objects, and what was completed.
        """
        names = frozenset(names)
        batch = _Batch()
        try:
            self._find(batch, names)
            recorded = self._complete_records(batch)
            unwhole = recorded | self._unjudged(batch) | self._unindexed(batch)
        except PortError:
            return ReconcileReport(failed=names)
        announced = self._announce(batch, sorted(unwhole - batch.failed))
        keys = frozenset(batch.key_of(name) for name in recorded)
        return ReconcileReport(frozenset(batch.failed), keys, announced)

    def _find(self, batch: _Batch, names: Iterable[ObjectName]) -> None:
        """Look at the objects. One without our facts fails: someone else put it in our place."""
        for name in sorted(names):
            try:
                stored = self._instances.find(name.partition, name.sop_instance)
            except PortError:
                batch.failed.add(name)
                continue
            if stored and stored.facts.received:
                batch.stored[name] = stored
            elif stored:
                batch.failed.add(name)

    def _complete_records(self, batch: _Batch) -> frozenset[ObjectName]:
        """Write the records that are missing; return the objects they are of."""
        keys = {name: batch.key_of(name) for name in batch.stored}
        existing = self._records.read(keys.values())
        made: dict[ObjectName, InstanceRecord] = {}
        for name, key in keys.items():
            if key in existing:
                batch.records[name] = existing[key]
            elif record := self._make(batch, name):
                made[name] = record
        accepted = self._records.write(list(made.values())) if made else frozenset()
        written = {name: record for name, record in made.items() if record.key in accepted}
        batch.failed |= made.keys() - written.keys()
        batch.records |= written
        return frozenset(written)

    def _make(self, batch: _Batch, name: ObjectName) -> InstanceRecord | None:
        try:
            return self._make_record(name.partition, name.sop_instance, batch.stored[name])
        except KeyError:
            return None
        except (PortError, ProtocolError):
            batch.failed.add(name)
            return None

    def _unjudged(self, batch: _Batch) -> frozenset[ObjectName]:
        missing = set()
        for name, record in batch.records.items():
            try:
                if self._verdicts.read(record.key) is None:
                    missing.add(name)
            except PortError:
                batch.failed.add(name)
        return frozenset(missing)

    def _unindexed(self, batch: _Batch) -> frozenset[ObjectName]:
        """Return the objects from which the index has something to learn.

        Joining what an indexed instance tells changes nothing; the count is made once for each
        series and batch, as it is when indexing.
        """
        by_series: dict[SeriesKey, list[ObjectName]] = {}
        for name, record in batch.records.items():
            key = SeriesKey(record.key.partition, record.key.study, record.key.series)
            by_series.setdefault(key, []).append(name)
        known = self._index.read_series(by_series)
        behind: set[ObjectName] = set()
        for series, names in by_series.items():
            aggregate, _ = known.get(series, (SeriesAggregate(series), 0))
            count = self._records.count(series.partition, series.study, series.series)
            behind |= {name for name in names if _teaches(aggregate, batch.records[name], count)}
        return frozenset(behind)

    def _announce(self, batch: _Batch, names: Sequence[ObjectName]) -> frozenset[InstanceKey]:
        events = _events_of({name: batch.records[name] for name in names})
        lost = self._announcer.announce(events) if events else ()
        unsent = {event.key_of(one) for event in lost for one in event.instances}
        batch.failed |= {name for name in names if batch.records[name].key in unsent}
        return frozenset(batch.records[name].key for name in names) - unsent


def _teaches(aggregate: SeriesAggregate, record: InstanceRecord, count: int) -> bool:
    return aggregate.join(aggregate_of(aggregate.key, [record], count)) != aggregate


def _events_of(records: Mapping[ObjectName, InstanceRecord]) -> list[InstancesStored]:
    """Return events as the door would have sent them: one per study and request."""
    grouped: dict[tuple[str, str, str], list[InstanceRecord]] = {}
    for record in records.values():
        group = (record.key.partition, record.key.study, record.facts.request_id)
        grouped.setdefault(group, []).append(record)
    return [
        piece
        for (partition, study, request_id), members in grouped.items()
        for piece in InstancesStored(
            partition, study, request_id, Cause.RECONCILED, tuple(map(_announced, members))
        ).split()
    ]


def _announced(record: InstanceRecord) -> AnnouncedInstance:
    return AnnouncedInstance(record.key.series, record.key.sop_instance, record.sop_class)
