"""What every Announcer does, and what the one on EventBridge does when EventBridge does not."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.adapters.eventbridge import DETAIL_TYPE, SOURCE, EventBridgeAnnouncer
from chalicelib.origin.events import InstancesStored, decode_event
from chalicelib.origin.ports import Announcer
from tests.builders import make_event, make_key
from tests.contract.conftest import REGION
from tests.fakes.announcer import MemoryAnnouncer

MAX_CALL_ENTRIES = 10
MAX_CALL_BYTES = 256 * 1024


def events_of(count: int, instances: int = 1) -> list[InstancesStored]:
    """Events of as many studies, with UIDs as long as they may be."""
    return [
        make_event(
            make_key(f"{'1' * 54}.{n:09d}", "2" * 64, f"1.2.{study}") for n in range(instances)
        )
        for study in range(count)
    ]


class Bus:
    """An Announcer, and what a subscriber to its bus got."""

    def __init__(self, kind: str, request: pytest.FixtureRequest, name: str) -> None:
        self.announcer: Announcer = MemoryAnnouncer()
        if kind == "fake":
            return
        events, self._sqs = (
            boto3.client(service, region_name=REGION) for service in ("events", "sqs")
        )
        request.getfixturevalue("aws")
        events.create_event_bus(Name=name)
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": [SOURCE]}))
        targets = [{"Id": "all", "Arn": arn["Attributes"]["QueueArn"]}]
        events.put_targets(Rule=name, EventBusName=name, Targets=targets)
        self.announcer = EventBridgeAnnouncer(events, name)

    def received(self) -> list[InstancesStored]:
        if isinstance(self.announcer, MemoryAnnouncer):
            return self.announcer.sent
        received: list[InstancesStored] = []
        while found := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for envelope in (json.loads(one["Body"]) for one in found):
                assert (envelope["source"], envelope["detail-type"]) == (SOURCE, DETAIL_TYPE)
                received.append(decode_event(envelope["detail"]))
        return received


@pytest.fixture
def bus(kind: str, request: pytest.FixtureRequest, partition: str) -> Bus:
    if kind == "aws":
        request.getfixturevalue("aws")
    return Bus(kind, request, partition)


def by_study(events: Sequence[InstancesStored]) -> list[InstancesStored]:
    return sorted(events, key=lambda event: event.study)


@pytest.mark.parametrize("count", [0, 1, 10, 23])
def test_all_events_reach_a_subscriber_once(bus: Bus, count: int) -> None:
    events = events_of(count)
    assert bus.announcer.announce(events) == ()
    assert by_study(bus.received()) == by_study(events)


def test_large_events_reach_a_subscriber(bus: Bus) -> None:
    [event] = events_of(1, instances=500)
    events = event.split(50)
    assert bus.announcer.announce(events) == ()
    assert sum(len(one.instances) for one in bus.received()) == 500


# ------------------------------------------------------------------ EventBridge's faults

Answer = Callable[[list[dict[str, Any]]], dict[str, Any]]


class FaultyEvents:
    """An EventBridge that gives its answers in turn, and records what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)
        self.calls: list[list[dict[str, Any]]] = []

    def put_events(self, **arguments: Any) -> dict[str, Any]:
        entries = arguments["Entries"]
        self.calls.append(entries)
        return next(self._answers, all_taken)(entries)


def all_taken(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"FailedEntryCount": 0, "Entries": [{"EventId": str(n)} for n in range(len(entries))]}


def none_is_listed(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"FailedEntryCount": 0}


def only_the_first_is_listed(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


def without_the_second(failure: dict[str, str]) -> Answer:
    def answer(entries: list[dict[str, Any]]) -> dict[str, Any]:
        taken = all_taken(entries)
        taken["Entries"][1] = failure
        return taken | {"FailedEntryCount": 1}

    return answer


def fault(error: Exception) -> Answer:
    def answer(_: list[dict[str, Any]]) -> dict[str, Any]:
        raise error

    return answer


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutEvents")


def announce(client: FaultyEvents, events: Sequence[InstancesStored]) -> list[str]:
    """The studies that were left over."""
    return [event.study for event in EventBridgeAnnouncer(client, "bus").announce(events)]


def test_a_call_has_no_more_entries_than_eventbridge_takes() -> None:
    client = FaultyEvents()
    assert announce(client, events_of(23)) == []
    assert [len(call) for call in client.calls] == [10, 10, 3]
    assert {entry["EventBusName"] for call in client.calls for entry in call} == {"bus"}


def test_a_call_has_no_more_bytes_than_eventbridge_takes() -> None:
    client = FaultyEvents()
    assert announce(client, events_of(20, instances=400)) == []
    sizes = [sum(len(entry["Detail"]) for entry in call) for call in client.calls]
    assert max(sizes) < MAX_CALL_BYTES - MAX_CALL_ENTRIES * (len(SOURCE) + len(DETAIL_TYPE) + 14)
    assert sum(len(call) for call in client.calls) == 20
    assert len(client.calls) > 2


@pytest.mark.parametrize(
    "failure",
    [{"ErrorCode": "ThrottlingException"}, {"EventId": ""}, {}],
    ids=["error code", "empty id", "no id"],
)
def test_an_entry_that_failed_inside_a_200_is_left_over(failure: dict[str, str]) -> None:
    client = FaultyEvents(without_the_second(failure))
    assert announce(client, events_of(3)) == ["1.2.1"]


@pytest.mark.parametrize(
    ("answer", "left_over"),
    [(none_is_listed, ["1.2.0", "1.2.1"]), (only_the_first_is_listed, ["1.2.1"])],
)
def test_an_answer_that_lists_too_few_proves_nothing_for_the_rest(
    answer: Answer, left_over: list[str]
) -> None:
    assert announce(FaultyEvents(answer), events_of(2)) == left_over


@pytest.mark.parametrize(
    "error",
    [
        refused("ThrottlingException"),
        refused("InternalException"),
        ReadTimeoutError(endpoint_url="https://events"),
    ],
    ids=str,
)
def test_a_call_that_fails_leaves_over_its_events_and_no_others(error: Exception) -> None:
    client = FaultyEvents(fault(error))
    assert announce(client, events_of(12)) == [f"1.2.{study}" for study in range(10)]
    assert len(client.calls) == 2


def test_our_own_faults_are_not_swallowed() -> None:
    with pytest.raises(ClientError):
        announce(FaultyEvents(fault(refused("AccessDeniedException"))), events_of(1))
