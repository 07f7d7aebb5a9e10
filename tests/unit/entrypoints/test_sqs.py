"""Which messages come again, and which do not."""

import json
from collections.abc import Collection, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.s3 import parse_object_key
from chalicelib.entrypoints.sqs import consume_events, consume_notifications
from chalicelib.origin.events import InstancesStored, decode_event
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.reconcile import ObjectName
from tests.fakes.requeue import MemoryRequeue

EVENTS = Path(__file__).parents[2] / "events"
STORED = json.loads((EVENTS / "sqs_instances_stored.json").read_text())
CREATED = json.loads((EVENTS / "sqs_object_created.json").read_text())
FIRST, SECOND = (record["messageId"] for record in STORED["Records"])
QUEUE = STORED["Records"][0]["eventSourceARN"]
CANARY = "CANARY^NAME"


class Rig:
    """A consumer, a queue to send back to, and a log that remembers."""

    def __init__(self) -> None:
        self.event = deepcopy(STORED)
        self.requeue = MemoryRequeue()
        self.logged: list[dict[str, object]] = []
        self.calls: list[list[str]] = []
        self.failing: set[str] = set()
        self.raising: set[str] = set()

    def work(self, events: Sequence[InstancesStored]) -> set[InstanceKey]:
        keys = [event.key_of(one) for event in events for one in event.instances]
        self.calls.append([key.sop_instance for key in keys])
        if any(key.sop_instance in self.raising for key in keys):
            raise RuntimeError(CANARY)
        return {key for key in keys if key.sop_instance in self.failing}

    def log(self, message: str, **fields: str | int) -> None:
        self.logged.append({"message": message, **fields})

    def deliver(self) -> list[str]:
        answer = consume_events(self.event, self.work, self.requeue, self.log)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def body(self, index: int, body: object) -> None:
        self.event["Records"][index]["body"] = body if isinstance(body, str) else json.dumps(body)

    def deliveries(self, count: int) -> None:
        for record in self.event["Records"]:
            record["attributes"]["ApproximateReceiveCount"] = str(count)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_all_messages_of_a_batch_are_consumed_together(rig: Rig) -> None:
    assert rig.deliver() == []
    assert rig.calls == [
        ["1.2.826.0.1.1.1.1", "1.2.826.0.1.1.1.2", "1.2.826.0.1.1.1.3", "1.2.826.0.1.2.1.1"]
    ]
    assert rig.logged == []


def test_no_messages_no_failures(rig: Rig) -> None:
    rig.event["Records"] = []
    assert rig.deliver() == []


def test_a_failed_instance_fails_its_message_only(rig: Rig) -> None:
    rig.failing = {"1.2.826.0.1.1.1.2"}
    assert rig.deliver() == [FIRST]


def test_when_all_fail_the_answer_is_still_partial(rig: Rig) -> None:
    rig.failing = {"1.2.826.0.1.1.1.2", "1.2.826.0.1.2.1.1"}
    assert rig.deliver() == [FIRST, SECOND]


def test_an_unexpected_error_fails_the_culprit_only(rig: Rig) -> None:
    rig.raising = {"1.2.826.0.1.2.1.1"}
    assert rig.deliver() == [SECOND]
    assert len(rig.calls) == 3
    assert rig.logged == [
        {
            "message": "message failed",
            "message_id": SECOND,
            "error": "RuntimeError",
            "partition": "default",
            "study": "1.2.826.0.1.2",
            "request_id": "request-2",
            "instances": 1,
            "sop_instance": "1.2.826.0.1.2.1.1",
        }
    ]


def test_a_message_delivered_again_is_sent_back_in_pieces(rig: Rig) -> None:
    rig.deliveries(2)
    assert rig.deliver() == []
    assert rig.calls == [["1.2.826.0.1.2.1.1"]]
    pieces = [json.loads(body) for body in rig.requeue.sent[QUEUE]]
    assert [decode_event(piece["detail"]).instances[0].sop_instance for piece in pieces] == [
        "1.2.826.0.1.1.1.1",
        "1.2.826.0.1.1.1.2",
        "1.2.826.0.1.1.1.3",
    ]
    original = json.loads(STORED["Records"][0]["body"])
    assert all(piece | {"detail": None} == original | {"detail": None} for piece in pieces)
    [line] = rig.logged
    assert (line["message"], line["message_id"], line["instances"]) == ("message split", FIRST, 3)


def test_a_message_is_kept_until_all_pieces_were_accepted(rig: Rig) -> None:
    rig.deliveries(2)
    rig.requeue.unavailable = True
    assert rig.deliver() == [FIRST]
    assert rig.calls == [["1.2.826.0.1.2.1.1"]]


def test_only_the_poison_is_left_in_the_end(rig: Rig) -> None:
    rig.raising = {"1.2.826.0.1.1.1.2"}
    assert rig.deliver() == [FIRST]
    rig.deliveries(2)
    assert rig.deliver() == []
    pieces = rig.requeue.sent[QUEUE]
    rig.event["Records"] = [
        rig.event["Records"][0] | {"messageId": str(i), "body": body}
        for i, body in enumerate(pieces)
    ]
    assert rig.deliver() == ["1"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON " + CANARY,
        "[" * 100_000,
        [],
        {},
        {"detail": []},
        {"detail": {"schema_version": 2, "name": CANARY}},
        {"detail": {"schema_version": 1, "instances": CANARY}},
    ],
)
def test_a_malformed_message_fails_alone(rig: Rig, body: object) -> None:
    rig.body(0, body)
    assert rig.deliver() == [FIRST]
    assert rig.calls == [["1.2.826.0.1.2.1.1"]]
    assert CANARY not in str(rig.logged)
    assert rig.logged[0]["error"] == "MalformedEvent"


def test_no_error_text_reaches_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.raising = {"1.2.826.0.1.2.1.1"}
    with caplog.at_level("DEBUG"):
        rig.deliver()
    assert CANARY not in caplog.text + str(rig.logged)


def notify(
    event: dict[str, Any], failing: Collection[str] = (), raising: Collection[str] = ()
) -> tuple[list[str], list[list[ObjectName]], list[str]]:
    calls: list[list[ObjectName]] = []
    logged: list[str] = []

    def reconcile(names: Sequence[ObjectName]) -> set[ObjectName]:
        calls.append(list(names))
        if any(name.sop_instance in raising for name in names):
            raise RuntimeError(CANARY)
        return {name for name in names if name.sop_instance in failing}

    def log(message: str, **fields: str | int) -> None:
        logged.append(f"{message} {fields}")

    answer = consume_notifications(event, reconcile, parse_object_key, log)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]], calls, logged


UPLOADED, QUOTED, FOREIGN, TEST_EVENT = (record["messageId"] for record in CREATED["Records"])
NAMES = [
    ObjectName("default", "1.2.826.0.1.1.1.1"),
    ObjectName("partition+two", "1.2.826.0.1.1.1.2"),
]


def test_created_objects_are_reconciled_together() -> None:
    failed, calls, logged = notify(CREATED)
    assert failed == []
    assert calls == [NAMES]
    assert logged == [f"keys ignored {{'message_id': '{FOREIGN}', 'count': 1}}"]


def test_an_object_that_failed_fails_its_message_only() -> None:
    assert notify(CREATED, failing=["1.2.826.0.1.1.1.2"])[0] == [QUOTED]


def test_an_object_nobody_expected_fails_its_message_only() -> None:
    failed, calls, logged = notify(CREATED, raising=["1.2.826.0.1.1.1.1"])
    assert failed == [UPLOADED]
    assert NAMES[1:] in calls
    assert CANARY not in str(logged)


def test_other_events_of_the_bucket_are_nothing_to_do() -> None:
    event = deepcopy(CREATED)
    for record in event["Records"]:
        record["body"] = record["body"].replace("ObjectCreated:Put", "ObjectRemoved:Delete")
    assert notify(event)[:2] == ([], [])


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"Records":[{}]}', '{"Records":7}'])
def test_what_s3_cannot_have_written_fails_alone(body: str) -> None:
    event = deepcopy(CREATED)
    event["Records"][0]["body"] = body
    failed, calls, _ = notify(event)
    assert failed == [UPLOADED]
    assert NAMES[1:] in calls
