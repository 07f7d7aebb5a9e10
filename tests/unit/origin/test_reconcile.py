"""Reconcile completes what a crash or a lost event left half done, and leaves the rest alone."""

from collections.abc import Sequence

import pytest

from chalicelib.dicomweb.errors import InstanceError
from chalicelib.origin.events import Cause, InstancesStored
from chalicelib.origin.index import Indexer
from chalicelib.origin.model import InstanceKey, InstanceRecord, StoredObject, Verdict
from chalicelib.origin.ports import Unavailable
from chalicelib.origin.reconcile import ObjectName, Reconciler
from chalicelib.standard.reasons import FailureReason
from tests.builders import make_event, make_facts, make_key, make_record
from tests.fakes.index import MemoryIndexStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.verdicts import MemoryVerdictStore

KEY = make_key()
NAME = ObjectName(KEY.partition, KEY.sop_instance)


class World:
    """Everything reconcile sees; each method stands for a step that may not have happened."""

    def __init__(self) -> None:
        self.objects: dict[ObjectName, StoredObject] = {}
        self.unreachable: set[ObjectName] = set()
        self.make_errors: dict[str, Exception] = {}
        self.sent: list[InstancesStored] = []
        self.bus_is_down = False
        self.records = MemoryRecordStore()
        self.verdicts = MemoryVerdictStore()
        self.index = MemoryIndexStore()
        self.indexer = Indexer(self.records, self.index, lambda _: None)
        self.reconciler = Reconciler(
            instances=self,  # type: ignore[arg-type] - only find is used
            records=self.records,
            verdicts=self.verdicts,
            index=self.index,
            announcer=self,
            make_record=self.make_record,
        )

    def find(self, partition: str, sop_instance: str) -> StoredObject | None:
        name = ObjectName(partition, sop_instance)
        if name in self.unreachable:
            raise Unavailable
        return self.objects.get(name)

    def make_record(self, partition: str, sop: str, stored: StoredObject) -> InstanceRecord:
        if sop in self.make_errors:
            raise self.make_errors[sop]
        return make_record(InstanceKey(partition, stored.facts.study, stored.facts.series, sop))

    def announce(self, events: Sequence[InstancesStored]) -> tuple[InstancesStored, ...]:
        if self.bus_is_down:
            return tuple(events)
        self.sent += events
        return ()

    def put(self, key: InstanceKey = KEY) -> None:
        self.objects[ObjectName(key.partition, key.sop_instance)] = StoredObject(
            1234, make_facts(key)
        )

    def record(self, key: InstanceKey = KEY) -> None:
        self.records.write([make_record(key)])

    def judge(self, key: InstanceKey = KEY) -> None:
        self.verdicts.write(Verdict(key, "ab" * 32, 1))

    def reindex(self, key: InstanceKey = KEY) -> None:
        self.indexer.index([make_event([key])])


@pytest.fixture
def world() -> World:
    world = World()
    world.put()
    return world


def test_an_instance_that_is_whole_is_left_alone(world: World) -> None:
    world.record()
    world.judge()
    world.reindex()
    report = world.reconciler.reconcile([NAME])
    assert (report.failed, report.recorded, report.announced) == (set(), set(), set())
    assert world.sent == []


def test_an_object_that_is_gone_is_nothing_to_do(world: World) -> None:
    world.objects.clear()
    assert world.reconciler.reconcile([NAME]).failed == frozenset()
    assert world.sent == []


def test_after_a_crash_the_record_is_written_and_announced(world: World) -> None:
    report = world.reconciler.reconcile([NAME])
    assert report.recorded == report.announced == {KEY}
    assert world.records.records == {KEY: make_record(KEY)}
    [event] = world.sent
    assert event.cause is Cause.RECONCILED
    assert event.request_id == "request-1"
    assert [event.key_of(one) for one in event.instances] == [KEY]


@pytest.mark.parametrize("step", ["judge", "reindex"])
def test_what_one_consumer_never_heard_of_is_announced_again(world: World, step: str) -> None:
    world.record()
    getattr(world, step)()
    assert world.reconciler.reconcile([NAME]).announced == {KEY}
    assert len(world.sent) == 1


def test_a_lost_index_event_is_noticed_although_its_series_was_counted_since(world: World) -> None:
    other = make_key("1.2.3.9")
    world.records.write([make_record(KEY, {"PatientID": "P1"}), make_record(other)])
    world.records.write([make_record(other, {"PatientID": "P2"})])
    for key in KEY, other:
        world.put(key)
        world.judge(key)
    world.reindex(other)
    names = [NAME, ObjectName(other.partition, other.sop_instance)]
    assert world.reconciler.reconcile(names).announced == {KEY}


def test_a_batch_is_announced_by_study_and_request_in_pieces(world: World) -> None:
    keys = [make_key(f"1.2.3.{i}") for i in range(60)] + [make_key("1.2.4", "1.8", "1.9")]
    for key in keys:
        world.put(key)
    names = [ObjectName(key.partition, key.sop_instance) for key in keys]
    assert world.reconciler.reconcile(names).announced == set(keys)
    assert sorted(len(event.instances) for event in world.sent) == [1, 10, 50]
    assert world.records.counts == 2


def test_one_unreachable_object_fails_alone(world: World) -> None:
    other = make_key("1.2.3.9")
    world.put(other)
    world.unreachable.add(NAME)
    report = world.reconciler.reconcile([NAME, ObjectName("default", "1.2.3.9")])
    assert report.failed == {NAME}
    assert report.announced == {other}


@pytest.mark.parametrize(
    "error", [Unavailable(), InstanceError(FailureReason.CANNOT_UNDERSTAND, "cut short")]
)
def test_an_object_that_cannot_be_read_fails_alone(world: World, error: Exception) -> None:
    other = make_key("1.2.3.9")
    world.put(other)
    world.make_errors[KEY.sop_instance] = error
    report = world.reconciler.reconcile([NAME, ObjectName("default", "1.2.3.9")])
    assert report.failed == {NAME}
    assert report.recorded == report.announced == {other}


def test_an_object_deleted_meanwhile_is_nothing_to_do(world: World) -> None:
    world.make_errors[KEY.sop_instance] = KeyError()
    assert world.reconciler.reconcile([NAME]).failed == frozenset()
    assert world.sent == []


def test_an_object_that_someone_else_put_fails(world: World) -> None:
    world.objects[NAME] = StoredObject(9, make_facts(KEY, received="", study="", series=""))
    assert world.reconciler.reconcile([NAME]).failed == {NAME}


def test_a_record_that_is_not_accepted_fails(world: World) -> None:
    world.records.refusing.add(KEY)
    report = world.reconciler.reconcile([NAME])
    assert report.failed == {NAME}
    assert world.sent == []


def test_an_event_that_the_bus_did_not_take_fails(world: World) -> None:
    world.bus_is_down = True
    report = world.reconciler.reconcile([NAME])
    assert report.failed == {NAME}
    assert report.announced == frozenset()


@pytest.mark.parametrize("store", ["records", "verdicts"])
def test_nothing_is_announced_while_a_store_is_unavailable(world: World, store: str) -> None:
    world.record()
    getattr(world, store).unavailable = True
    assert world.reconciler.reconcile([NAME]).failed == {NAME}
    assert world.sent == []


def test_an_unavailable_index_fails_the_batch_and_the_next_completes_it(world: World) -> None:
    def refuse(_: str) -> None:
        raise Unavailable

    world.index._before = refuse
    assert world.reconciler.reconcile([NAME]).failed == {NAME}
    world.index._before = lambda _: None
    assert world.reconciler.reconcile([NAME]).announced == {KEY}
