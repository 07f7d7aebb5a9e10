"""What every RecordStore does, and what the one on DynamoDB does when DynamoDB does not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.records import (
    DynamoDbRecordStore,
    decode_record,
    encode_record,
)
from chalicelib.adapters.dynamodb.table import BATCH_ATTEMPTS, Table
from chalicelib.origin.model import InstanceKey, InstanceRecord, InstanceState, SourceForm
from chalicelib.origin.ports import RecordStore, Unavailable
from tests.builders import make_key, make_record


def many(count: int, partition: str, study: str = "1.1") -> list[InstanceRecord]:
    return [
        make_record(make_key(f"1.2.3.{i}", study=study, partition=partition)) for i in range(count)
    ]


def test_a_record_is_read_as_written(records: RecordStore, partition: str) -> None:
    record = make_record(
        make_key(partition=partition),
        {"PatientName": "Müller^Jürgen\\X", "PatientID": "", "Rows": "512"},
        {"StudyDescription": b"\xff\x00\x1b"},
        subject="a/b c@example",
    )
    facts = replace(record.facts, source_form=SourceForm.XML)
    record = replace(record, facts=facts, state=InstanceState.QUARANTINED, size=2**40)
    assert records.write([record]) == {record.key}
    assert records.read([record.key]) == {record.key: record}


def test_a_record_that_was_never_written_is_absent(records: RecordStore, partition: str) -> None:
    assert records.read([make_key(partition=partition)]) == {}
    assert records.read([]) == {}
    assert records.write([]) == frozenset()


def test_writing_twice_and_late_is_harmless(records: RecordStore, partition: str) -> None:
    three = many(3, partition)
    for batch in three, three[:1], three[::-1]:
        assert records.write(batch) == {one.key for one in batch}
    assert records.count(partition, "1.1", "1.2") == 3


def test_one_key_twice_in_a_batch_is_written_once(records: RecordStore, partition: str) -> None:
    [record] = many(1, partition)
    assert records.write([record, record]) == {record.key}
    assert records.read([record.key, record.key]) == {record.key: record}


def test_more_than_one_call_can_carry(records: RecordStore, partition: str) -> None:
    lots = many(130, partition)
    assert len(records.write(lots)) == 130
    assert records.read(one.key for one in lots) == {one.key: one for one in lots}
    assert records.count(partition, "1.1", "1.2") == 130


def test_only_records_of_the_very_series_are_counted(records: RecordStore, partition: str) -> None:
    records.write(
        [
            make_record(make_key("1.2.3", "1.2", "1.1", partition)),
            make_record(make_key("1.2.4", "1.20", "1.1", partition)),
            make_record(make_key("1.2.5", "1.2", "1.10", partition)),
            make_record(make_key("1.2.6", "1.2", "1.1", partition + "x")),
        ]
    )
    assert records.count(partition, "1.1", "1.2") == 1
    assert records.count(partition, "1.1", "1") == 0


uids = st.from_regex(r"[0-2](\.(0|[1-9][0-9]{0,5})){1,6}", fullmatch=True)
names = st.sampled_from(["PatientName", "PatientID", "StudyDate", "Rows"])


@settings(deadline=None)
@given(
    st.builds(InstanceKey, st.just("p"), uids, uids, uids),
    st.dictionaries(names, st.text()),
    st.dictionaries(names, st.binary()),
)
def test_every_record_is_decoded_as_encoded(
    key: InstanceKey, attributes: dict[str, str], undecoded: dict[str, bytes]
) -> None:
    record = make_record(key, attributes, undecoded)
    assert decode_record(encode_record(record)) == record


class FaultyClient:
    """A client whose calls go to the mock, or fail as the test says."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []
        self.fault: Callable[[str, dict[str, Any]], dict[str, Any] | None] = lambda *_: None

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append(name)
            answer = self.fault(name, request)
            return getattr(self._client, name)(**request) if answer is None else answer

        return call


@pytest.fixture
def faulty(dynamodb: Any) -> FaultyClient:
    return FaultyClient(dynamodb)


@pytest.fixture
def waits() -> list[int]:
    return []


@pytest.fixture
def store(faulty: FaultyClient, waits: list[int]) -> DynamoDbRecordStore:
    return DynamoDbRecordStore(Table(faulty, "stowage", waits.append))


def throttle(code: str = "ProvisionedThroughputExceededException") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "slow"}}, "Anything")


def leave_first(request: dict[str, Any]) -> dict[str, Any]:
    """Answer that the first item was not written."""
    return {"UnprocessedItems": {"stowage": request["RequestItems"]["stowage"][:1]}}


def test_unprocessed_items_are_sent_again(
    store: DynamoDbRecordStore, faulty: FaultyClient, waits: list[int], partition: str
) -> None:
    three = many(3, partition)

    def once(name: str, request: dict[str, Any]) -> dict[str, Any] | None:
        if len(faulty.calls) > 1:
            return None
        kept = request["RequestItems"]["stowage"][1:]
        faulty._client.batch_write_item(RequestItems={"stowage": kept})
        return leave_first(request)

    faulty.fault = once
    assert store.write(three) == {one.key for one in three}
    assert waits == [1]
    assert len(store.read(one.key for one in three)) == 3


def test_items_unprocessed_for_ever_are_not_accepted(
    store: DynamoDbRecordStore, faulty: FaultyClient, waits: list[int], partition: str
) -> None:
    faulty.fault = lambda _, request: leave_first(request)
    three = many(3, partition)
    assert store.write(three) == {one.key for one in three[1:]}
    assert len(faulty.calls) == BATCH_ATTEMPTS
    assert waits == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "error",
    [throttle(), throttle("InternalServerError"), ReadTimeoutError(endpoint_url="https://x")],
)
def test_a_failed_call_accepts_none_of_its_items_but_those_of_the_others(
    store: DynamoDbRecordStore, faulty: FaultyClient, partition: str, error: Exception
) -> None:
    def second(name: str, request: dict[str, Any]) -> None:
        if len(faulty.calls) == 2:
            raise error

    faulty.fault = second
    lots = many(60, partition)
    assert store.write(lots) == {one.key for one in lots[:25] + lots[50:]}


def test_what_was_accepted_before_the_throttle_stays_accepted(
    store: DynamoDbRecordStore, faulty: FaultyClient, partition: str
) -> None:
    def fault(name: str, request: dict[str, Any]) -> dict[str, Any]:
        if len(faulty.calls) > 1:
            raise throttle()
        return leave_first(request)

    faulty.fault = fault
    three = many(3, partition)
    assert store.write(three) == {one.key for one in three[1:]}


def test_a_fault_of_ours_is_no_answer(
    store: DynamoDbRecordStore, faulty: FaultyClient, partition: str
) -> None:
    def forbid(name: str, request: dict[str, Any]) -> None:
        raise throttle("AccessDeniedException")

    faulty.fault = forbid
    with pytest.raises(ClientError):
        store.write(many(1, partition))


@pytest.mark.parametrize("call", ["read", "count"])
def test_reads_that_are_throttled_are_unavailable(
    store: DynamoDbRecordStore, faulty: FaultyClient, partition: str, call: str
) -> None:
    def fault(name: str, request: dict[str, Any]) -> None:
        raise throttle()

    faulty.fault = fault
    with pytest.raises(Unavailable):
        store.read([make_key()]) if call == "read" else store.count(partition, "1.1", "1.2")


def test_unprocessed_keys_are_asked_for_again_and_then_given_up(
    store: DynamoDbRecordStore, faulty: FaultyClient, partition: str
) -> None:
    [record] = many(1, partition)
    store.write([record])

    def leave(name: str, request: dict[str, Any]) -> dict[str, Any] | None:
        if name != "batch_get_item" or faulty.calls.count(name) == 2:
            return None
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}

    faulty.fault = leave
    assert store.read([record.key]) == {record.key: record}
    with pytest.raises(Unavailable):
        store.read([record.key])


def test_counts_are_of_all_pages(
    store: DynamoDbRecordStore, faulty: FaultyClient, partition: str
) -> None:
    lots = many(7, partition)
    store.write(lots)
    faulty.fault = lambda name, request: (
        faulty._client.query(**request | {"Limit": 3}) if name == "query" else None
    )
    assert store.count(partition, "1.1", "1.2") == 7
    assert faulty.calls.count("query") == 3


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=st.lists(st.sampled_from(["write", "leave", "throttle", "lose"]), max_size=8))
def test_what_is_accepted_is_there_whatever_happens(dynamodb: Any, plan: list[str]) -> None:
    faulty = FaultyClient(dynamodb)
    store = DynamoDbRecordStore(Table(faulty, "stowage", lambda _: None))
    lots = many(30, "hypothesis", study=f"1.{len(plan)}.{hash(tuple(plan)) % 10**9}")
    steps = iter(plan)

    def fault(name: str, request: dict[str, Any]) -> dict[str, Any] | None:
        step = next(steps, "write")
        if step == "throttle":
            raise throttle()
        if step == "lose":
            faulty._client.batch_write_item(**request)
            raise throttle("RequestTimeout")
        if step == "leave":
            kept = request["RequestItems"]["stowage"][1:]
            if kept:
                faulty._client.batch_write_item(RequestItems={"stowage": kept})
            return leave_first(request)
        return None

    faulty.fault = fault
    accepted = store.write(lots)
    faulty.fault = lambda *_: None
    assert accepted <= store.read(one.key for one in lots).keys()
    assert store.write(lots) == {one.key for one in lots}
