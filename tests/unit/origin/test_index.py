"""Whatever the order, the repeats, the races and the crashes: the index is that of a recount."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from random import Random
from time import sleep

import pytest

from chalicelib.origin.aggregates import Distinct, SeriesKey, aggregate_of, fold
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.index import Indexer
from chalicelib.origin.model import InstanceRecord
from chalicelib.origin.ports import Unavailable
from tests.builders import make_event, make_key, make_record
from tests.fakes.index import MemoryIndexStore
from tests.fakes.records import MemoryRecordStore

NO_WAIT: Callable[[int], None] = lambda _: None  # noqa: E731


class Crash(BaseException):
    """The process ends here."""


class World:
    """Records, an index, and indexers on them."""

    def __init__(self, records: Iterable[InstanceRecord] = ()) -> None:
        self.records = MemoryRecordStore()
        self.records.write(list(records))
        self.calls = 0
        self.at: dict[int, Callable[[], object]] = {}
        self.index = MemoryIndexStore(self._before)
        self.indexer = Indexer(self.records, self.index, NO_WAIT)

    def _before(self, _: str) -> None:
        self.calls += 1
        if act := self.at.pop(self.calls, None):
            act()

    def assert_recounted(self) -> None:
        """Assert that the index is what one recount of all records gives."""
        records = sorted(self.records.records.values(), key=lambda one: one.key)
        expected = {}
        for parts, group in groupby(records, _series_of):
            members = list(group)
            expected[parts] = aggregate_of(parts, members, len(members))
        for key, aggregate in expected.items():
            others = {k.study for k in expected if k.series == key.series} - {key.study}
            expected[key] = replace(aggregate, spans=Distinct.of(others), claimed=True)
        assert {key: one for key, (one, _) in self.index.series.items()} == expected
        studies = {(key.partition, key.study) for key in expected}
        assert {key: one for key, (one, _) in self.index.studies.items()} == {
            (partition, study): fold(
                partition, study, [one for key, one in expected.items() if key.study == study]
            )
            for partition, study in studies
        }


def _series_of(record: InstanceRecord) -> SeriesKey:
    return SeriesKey(record.key.partition, record.key.study, record.key.series)


def _raise(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def many_records(count: int, series: int = 3, study: str = "1.1") -> list[InstanceRecord]:
    return [
        make_record(
            make_key(f"1.2.3.{i}", f"1.2.{i % series}", study),
            {"PatientID": f"P{i % 2}", "Modality": ["CT", "SR"][i % 2], "StudyDate": ""},
            received=f"2026-05-01T10:00:{i % 60:02}.000Z",
            subject=f"user-{i % 3}",
        )
        for i in range(count)
    ]


def events_of(records: Iterable[InstanceRecord], size: int = 5) -> list[InstancesStored]:
    by_study = groupby(sorted(records, key=lambda r: r.key), lambda r: r.key.study)
    return [
        piece for _, group in by_study for piece in make_event(r.key for r in group).split(size)
    ]


def test_one_batch_is_indexed() -> None:
    world = World(many_records(7))
    report = world.indexer.index(events_of(many_records(7)))
    assert report.failed == frozenset()
    [change] = report.changes
    assert change.study.instance_count == 7
    assert change.study.series_count == 3
    assert change.new_conflicts == ("PatientID",)
    world.assert_recounted()


@pytest.mark.parametrize("seed", range(10))
def test_shuffled_and_repeated_events_give_the_same(seed: int) -> None:
    records = many_records(60) + many_records(20, 2, "1.9")
    events = events_of(records) * 2
    Random(seed).shuffle(events)
    world = World(records)
    for start in range(0, len(events), 3):
        assert not world.indexer.index(events[start : start + 3]).failed
    world.assert_recounted()


def test_records_that_arrive_between_events_are_counted() -> None:
    records = many_records(30)
    world = World()
    for event in events_of(records):
        keys = {event.key_of(one) for one in event.instances}
        world.records.write([one for one in records if one.key in keys])
        world.indexer.index([event])
    world.assert_recounted()


def test_indexing_again_writes_nothing() -> None:
    world = World(many_records(7))
    world.indexer.index(events_of(many_records(7)))
    versions = {key: version for key, (_, version) in world.index.series.items()}
    report = world.indexer.index(events_of(many_records(7)))
    assert report.changes == ()
    assert {key: version for key, (_, version) in world.index.series.items()} == versions


def test_concurrent_indexers_give_the_same() -> None:
    records = many_records(200) + many_records(40, 2, "1.9")
    events = events_of(records)
    world = World(records)
    random = Random(1)
    world.index = MemoryIndexStore(lambda _: sleep(random.random() / 5000))
    indexer = Indexer(world.records, world.index, lambda _: sleep(random.random() / 500), 100)
    with ThreadPoolExecutor(6) as pool:
        reports = list(pool.map(lambda event: indexer.index([event]), events))
    assert not any(report.failed for report in reports)
    assert world.index.conflicts > 0
    world.assert_recounted()


def test_thousands_of_instances_cost_one_recount_per_series_and_batch() -> None:
    records = many_records(3000, series=2)
    world = World(records)
    events = events_of(records, 50)
    Random(1).shuffle(events)
    for start in range(0, len(events), 10):
        world.indexer.index(events[start : start + 10])
    assert world.records.counts == 2 * 6
    world.assert_recounted()


SPANNING = [
    make_record(make_key("1.2.3.1", "1.2.0", "1.1")),
    make_record(make_key("1.2.3.2", "1.2.0", "1.9")),
    make_record(make_key("1.2.3.3", "1.2.7", "1.9")),
]
"""A series seen in two studies, and one that is not."""


def test_a_series_in_two_studies_is_a_conflict_of_both() -> None:
    world = World(SPANNING)
    first, second = events_of(SPANNING)
    assert world.indexer.index([first]).changes[0].new_conflicts == ()
    changes = world.indexer.index([second]).changes
    assert {(one.study.study, one.new_conflicts) for one in changes} == {
        ("1.1", ("SeriesInstanceUID",)),
        ("1.9", ("SeriesInstanceUID",)),
    }
    world.assert_recounted()


def test_partitions_do_not_see_each_others_series() -> None:
    records = [make_record(make_key(partition=name, study=f"1.{name}")) for name in ("1", "2")]
    world = World(records)
    world.indexer.index(events_of(records))
    assert not any(study.conflicts for study, _ in world.index.studies.values())


@pytest.mark.parametrize("records", [SPANNING, many_records(2, 1), many_records(2, 2)])
@pytest.mark.parametrize("step", range(1, 16))
def test_an_indexer_between_any_two_steps_of_another_changes_nothing(
    step: int, records: list[InstanceRecord]
) -> None:
    first, *rest = events_of(records, 1)
    for slow, quick in ([first], rest), (rest, [first]):
        world = World(records)
        other = Indexer(world.records, world.index, NO_WAIT)
        world.at[step] = lambda other=other, quick=quick: other.index(quick)  # type: ignore[misc]
        world.indexer.index(slow)
        if world.at:
            world.at.clear()
            other.index(quick)
        world.assert_recounted()


@pytest.mark.parametrize("error", [Crash(), Unavailable()], ids=["crash", "unavailable"])
@pytest.mark.parametrize("step", range(1, 16))
def test_a_crash_at_any_step_is_completed_by_the_next_delivery(
    step: int, error: BaseException
) -> None:
    first, *rest = events_of(SPANNING)
    for interrupted, whole in ([first], rest), (rest, [first]):
        world = World(SPANNING)
        world.at[step] = _raise(error)
        try:
            report = world.indexer.index(interrupted)
            assert report.failed or world.calls < step
        except Crash:
            pass
        world.at.clear()
        world.indexer.index(whole)
        assert not world.indexer.index(interrupted).failed
        world.assert_recounted()


@pytest.mark.parametrize("step", range(1, 16))
def test_a_crash_after_the_others_were_told_is_completed(step: int) -> None:
    first, *rest = events_of(SPANNING)
    world = World(SPANNING)
    world.indexer.index([first])
    world.at[world.calls + step] = _raise(Crash())
    try:
        world.indexer.index(rest)
    except Crash:
        world.at.clear()
        world.indexer.index(rest)
    world.assert_recounted()


def test_a_missing_record_fails_its_instance_only() -> None:
    records = many_records(4)
    world = World(records[1:])
    report = world.indexer.index(events_of(records))
    assert report.failed == {records[0].key}
    assert report.changes[0].study.instance_count == 3
    world.assert_recounted()


def test_a_series_that_cannot_be_written_fails_its_instances_only() -> None:
    records = many_records(6, series=3)
    world = World(records)

    def refuse(name: str) -> None:
        if name == "write_series" and len(world.index.series) == 2:
            raise Unavailable

    world.index._before = refuse
    report = world.indexer.index(events_of(records))
    assert {key.series for key in report.failed} == {"1.2.2"}
    assert len(report.failed) == 2
    assert report.changes[0].study.series_count == 2


def test_nothing_is_indexed_while_records_cannot_be_read() -> None:
    world = World(many_records(3))
    world.records.unavailable = True
    assert len(world.indexer.index(events_of(many_records(3))).failed) == 3
    assert world.index.series == {}


def test_a_race_lost_every_time_fails_and_is_bounded() -> None:
    records = many_records(1)
    world = World(records)
    key = _series_of(records[0])
    waits: list[int] = []

    def overtake(name: str) -> None:
        if name == "write_series":
            aggregate, version = world.index.series.get(key, (aggregate_of(key, []), 0))
            sources = Distinct.of([*aggregate.sources.values, f"{version:03}"], 99)
            world.index.series[key] = (replace(aggregate, sources=sources), version + 1)

    world.index._before = overtake
    indexer = Indexer(world.records, world.index, waits.append, attempts=4)
    assert indexer.index(events_of(records)).failed == {records[0].key}
    assert waits == [1, 2, 3]
