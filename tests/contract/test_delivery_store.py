"""What every DeliveryStore does, and what lies beside it: records by study."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.deliveries import DynamoDbDeliveryStore
from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.forwarding.model import Delivery, DeliveryState
from chalicelib.forwarding.ports import DeliveryStore
from chalicelib.origin.ports import Conflict
from tests.builders import make_key, make_record
from tests.fakes.deliveries import MemoryDeliveryStore
from tests.fakes.records import MemoryRecordStore

EARLY, NOW, LATE = (f"2026-05-01T1{hour}:00:00.000Z" for hour in (1, 2, 3))


@pytest.fixture
def deliveries(kind: str, request: pytest.FixtureRequest) -> DeliveryStore:
    if kind == "fake":
        return MemoryDeliveryStore()
    return DynamoDbDeliveryStore(request.getfixturevalue("table"))


def make_delivery(partition: str, sop: str = "1.2.3", **changes: Any) -> Delivery:
    key = make_key(sop, partition=partition)
    return replace(Delivery(key, "there", DeliveryState.SENDING, NOW), **changes)


def test_a_delivery_is_read_as_written(deliveries: DeliveryStore, partition: str) -> None:
    full = make_delivery(
        partition,
        attempts=3,
        status=202,
        reason=0xB000,
        why="listed",
        lease_until=LATE,
        is_uncertain=True,
    )
    assert deliveries.read("there", [full.key]) == {}
    for delivery in (make_delivery(partition, "1.2.4"), full):
        written = deliveries.write(delivery)
        assert written == replace(delivery, version=1)
        assert deliveries.read("there", [delivery.key]) == {delivery.key: written}


def test_of_two_writes_of_one_version_one_loses(deliveries: DeliveryStore, partition: str) -> None:
    first = deliveries.write(make_delivery(partition))
    with pytest.raises(Conflict):
        deliveries.write(make_delivery(partition, state=DeliveryState.FAILED))
    deliveries.write(replace(first, state=DeliveryState.DELIVERED))
    with pytest.raises(Conflict):
        deliveries.write(first)
    [there] = deliveries.read("there", [first.key]).values()
    assert (there.state, there.version) == (DeliveryState.DELIVERED, 2)


def test_destinations_and_partitions_are_apart(deliveries: DeliveryStore, partition: str) -> None:
    delivery = make_delivery(partition)
    deliveries.write(delivery)
    assert deliveries.read("elsewhere", [delivery.key]) == {}
    assert deliveries.read("there", [make_key(partition=f"{partition}-2")]) == {}


def test_a_study_tells_all_its_deliveries(deliveries: DeliveryStore, partition: str) -> None:
    for sop, destination in (("1.2.3", "there"), ("1.2.3", "elsewhere"), ("1.2.4", "there")):
        deliveries.write(make_delivery(partition, sop, destination=destination))
    found = [
        (one.key.sop_instance, one.destination) for one in deliveries.of_study(partition, "1.1")
    ]
    assert sorted(found) == [("1.2.3", "elsewhere"), ("1.2.3", "there"), ("1.2.4", "there")]
    assert list(deliveries.of_study(partition, "1.10")) == []


def test_slots_are_taken_given_back_and_lapse(deliveries: DeliveryStore, partition: str) -> None:
    first = deliveries.take_slot(partition, 2, NOW, LATE)
    second = deliveries.take_slot(partition, 2, NOW, LATE)
    assert first is not None
    assert second is not None
    assert first.number != second.number
    assert deliveries.take_slot(partition, 2, NOW, LATE) is None
    assert deliveries.take_slot(f"{partition}-2", 1, NOW, LATE) is not None

    deliveries.release_slot(first)
    deliveries.release_slot(first)
    third = deliveries.take_slot(partition, 2, NOW, LATE)
    assert third is not None
    deliveries.release_slot(first)
    assert deliveries.take_slot(partition, 2, NOW, LATE) is None
    assert deliveries.take_slot(partition, 2, LATE, LATE) is not None


@pytest.mark.parametrize("store", [MemoryRecordStore, DynamoDbRecordStore])
def test_records_are_told_by_study(
    store: type, partition: str, request: pytest.FixtureRequest
) -> None:
    is_fake = store is MemoryRecordStore
    records = store() if is_fake else store(request.getfixturevalue("table"))
    mine = [make_record(make_key(sop, partition=partition)) for sop in ("1.2.3", "1.2.4")]
    other = make_record(make_key("1.2.5", study="1.10", partition=partition), via="0" * 16)
    records.write([*mine, other])
    assert sorted(records.of_study(partition, "1.1"), key=lambda one: one.key) == mine
    assert list(records.of_study(partition, "1.10")) == [other]


def test_a_throttled_table_is_unavailable() -> None:
    from chalicelib.origin.ports import Unavailable
    from tests.contract.test_verdict_store import ThrottlingClient

    store = DynamoDbDeliveryStore(Table(ThrottlingClient(), "stowage", lambda _: None))
    key = make_key()
    for act in (
        lambda: store.read("there", [key]),
        lambda: store.write(make_delivery("p")),
        lambda: list(store.of_study("p", "1")),
        lambda: store.take_slot("there", 1, NOW, LATE),
    ):
        with pytest.raises(Unavailable):
            act()
