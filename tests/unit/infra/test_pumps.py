"""The pumps deliver as Lambda's SQS event source mappings do."""

import json
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Chalice
from moto import mock_aws

from infra.local.clients import Clients, make_clients
from infra.local.pumps import Pump, Pumps, failed_messages, make_pumps

Records = list[dict[str, Any]]


class Function:
    """Remembers what it was called with; answers, or raises, what the test wants."""

    def __init__(self, answer: Callable[[Records], Any] = lambda records: None) -> None:
        self.batches: list[Records] = []
        self._answer = answer

    def __call__(self, event: Any) -> Any:
        self.batches.append(event["Records"])
        return self._answer(event["Records"])

    @property
    def bodies(self) -> list[str]:
        return [record["body"] for batch in self.batches for record in batch]


class Queues:
    """Queues in a stand-in, each with dead letters after three deliveries."""

    def __init__(self) -> None:
        self.clients: Clients = make_clients()
        self._sqs = self.clients.sqs
        self._made: list[str] = []

    def create(self, name: str, **attributes: str) -> str:
        dead = self._sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {
            "maxReceiveCount": 3,
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        }
        url: str = self._sqs.create_queue(
            QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive), **attributes}
        )["QueueUrl"]
        self._made += [dead, url]
        return url

    def delete(self) -> None:
        """Delete what was made: another stand-in in this process outlives ours and keeps it."""
        for url in self._made:
            self._sqs.delete_queue(QueueUrl=url)

    def send(self, name: str, *bodies: str, **arguments: Any) -> None:
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        for body in bodies:
            self._sqs.send_message(QueueUrl=url, MessageBody=body, **arguments)

    def waiting(self, name: str) -> list[str]:
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]

    def pump(self, name: str, function: Function, **arguments: Any) -> Pump:
        return Pump(self.clients, name, function, **arguments)


@pytest.fixture
def queues() -> Iterator[Queues]:
    with mock_aws():
        made = Queues()
        yield made
        made.delete()


def failing(*bodies: str) -> Callable[[Records], dict[str, Any]]:
    """Return an answer that fails the messages with these bodies."""
    return lambda records: {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]}
            for record in records
            if record["body"] in bodies
        ]
    }


def test_the_event_is_lambdas(queues: Queues) -> None:
    queues.create("work")
    attributes = {"trace": {"DataType": "String", "StringValue": "1"}}
    queues.send("work", "hello", MessageAttributes=attributes)
    function = Function()

    assert queues.pump("work", function).deliver() == 1

    [[record]] = function.batches
    assert record.pop("messageId")
    assert record.pop("receiptHandle")
    received = record.pop("attributes")
    assert received["ApproximateReceiveCount"] == "1"
    assert {"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"} <= set(received)
    assert record == {
        "body": "hello",
        "messageAttributes": {
            "trace": {
                "stringValue": "1",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            }
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:work",
        "awsRegion": "us-east-1",
    }


def test_what_succeeded_is_deleted(queues: Queues) -> None:
    queues.create("work", VisibilityTimeout="0")
    queues.send("work", *"abc")
    function = Function()
    pump = queues.pump("work", function)

    pump.deliver()

    assert sorted(function.bodies) == ["a", "b", "c"]
    assert pump.waiting() == 0


def test_a_batch_is_no_larger_than_its_size(queues: Queues) -> None:
    queues.create("work")
    queues.send("work", *"abcde")
    function = Function()
    pump = queues.pump("work", function, batch_size=2)

    while pump.deliver():
        pass

    assert [len(batch) for batch in function.batches] == [2, 2, 1]


def test_only_what_failed_comes_again_and_counts_its_deliveries(queues: Queues) -> None:
    queues.create("work")
    queues.send("work", *"abc")
    function = Function(failing("b"))
    pump = queues.pump("work", function, retry_after=0)

    pump.deliver()
    pump.deliver()

    [again] = function.batches[1]
    assert again["body"] == "b"
    assert again["attributes"]["ApproximateReceiveCount"] == "2"


def test_what_failed_waits_for_its_visibility_timeout(queues: Queues) -> None:
    queues.create("work", VisibilityTimeout="60")
    queues.send("work", "a")
    pump = queues.pump("work", Function(failing("a")))

    pump.deliver()

    assert pump.deliver() == 0
    assert pump.waiting() == 1


def test_nothing_is_deleted_when_the_function_raises(queues: Queues) -> None:
    queues.create("work")
    queues.send("work", *"abc")

    def raise_(records: Records) -> None:
        raise RuntimeError

    pump = queues.pump("work", Function(raise_))
    pump.deliver()

    assert pump.waiting() == 3


def test_the_poison_alone_reaches_the_dead_letters_after_its_deliveries(queues: Queues) -> None:
    queues.create("work")
    queues.send("work", "good", "poison", "fine")
    function = Function(failing("poison"))
    pump = queues.pump("work", function, retry_after=0)

    Pumps([(pump, 1)]).drain()

    assert function.bodies.count("poison") == 3
    assert function.bodies.count("good") == function.bodies.count("fine") == 1
    assert queues.waiting("work-dlq") == ["poison"]


@pytest.mark.parametrize(
    ("returned", "failed"),
    [
        (None, ""),
        ({}, ""),
        ({"batchItemFailures": None}, ""),
        ({"batchItemFailures": []}, ""),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, "a"),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": "unheard"}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, "ab"),
        ({"batchItemFailures": [{"wrongKey": "a"}]}, "ab"),
        ({"batchItemFailures": ["a"]}, "ab"),
        ({"batchItemFailures": "a"}, "ab"),
        ("done", "ab"),
    ],
)
def test_a_partial_batch_response_is_read_as_aws_reads_it(returned: object, failed: str) -> None:
    assert failed_messages(returned, frozenset("ab")) == frozenset(failed)


def test_drain_leaves_delayed_messages(queues: Queues) -> None:
    queues.create("work")
    queues.send("work", "later", DelaySeconds=60)
    queues.send("work", "now")
    function = Function()

    Pumps([(queues.pump("work", function), 1)]).drain()

    assert function.bodies == ["now"]


@pytest.mark.parametrize("are_started", [False, True])
def test_drain_follows_what_one_function_sends_to_another(
    queues: Queues, are_started: bool
) -> None:
    for name in ("first", "second"):
        queues.create(name)
    second = Function()
    first = Function(lambda records: queues.send("second", *[r["body"] for r in records]))
    # The second queue is looked at before the first has filled it.
    pumps = Pumps([(queues.pump("second", second), 1), (queues.pump("first", first), 2)])
    queues.send("first", *"abcdefghijkl")
    if are_started:
        pumps.start()

    pumps.drain()
    pumps.stop()

    assert sorted(second.bodies) == list("abcdefghijkl")


def test_drain_gives_up_and_names_what_is_left(queues: Queues) -> None:
    queues.create("stuck", VisibilityTimeout="60")
    queues.send("stuck", "a")
    pumps = Pumps([(queues.pump("stuck", Function(failing("a"))), 1)])

    with pytest.raises(TimeoutError, match="'stuck': 1"):
        pumps.drain(timeout=0.1)


def test_stop_finishes_the_batch_in_progress(queues: Queues) -> None:
    queues.create("work")
    queues.send("work", "a")
    begun, go_on = threading.Event(), threading.Event()

    def wait(records: Records) -> None:
        begun.set()
        go_on.wait(5)

    pump = queues.pump("work", Function(wait))
    pumps = Pumps([(pump, 1)])
    pumps.start()
    begun.wait(5)
    threading.Timer(0.05, go_on.set).start()

    pumps.stop()

    assert pump.waiting() == 0


def test_the_applications_triggers_say_who_drains_what(queues: Queues) -> None:
    app = Chalice(app_name="triggers", configure_logs=False)

    @app.on_sqs_message(queue="one", batch_size=2)
    def first(event: Any) -> None: ...

    @app.on_sqs_message(queue="two", batch_size=3, maximum_concurrency=2)
    def second(event: Any) -> None: ...

    calls = {"first": Function(), "second": Function()}
    for name in ("one", "two"):
        queues.create(name)
        queues.send(name, *[f"{name}{number}" for number in range(4)])

    make_pumps(app, queues.clients, calls.__getitem__).drain()

    assert sorted(calls["first"].bodies) == ["one0", "one1", "one2", "one3"]
    assert [len(batch) for batch in calls["first"].batches] == [2, 2]
    assert [len(batch) for batch in calls["second"].batches] == [3, 1]


def test_a_trigger_that_is_no_queue_raises(queues: Queues) -> None:
    app = SimpleNamespace(event_sources=[SimpleNamespace(name="nightly")])

    with pytest.raises(TypeError, match="nightly"):
        make_pumps(app, queues.clients, lambda name: Function())
