"""What every Requeue does: all or an error."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.sqs import SqsRequeue
from chalicelib.origin.ports import Requeue, Unavailable
from tests.contract.conftest import REGION
from tests.fakes.requeue import MemoryRequeue

ARN = f"arn:aws:sqs:{REGION}:123456789012:"


class Queue:
    """A Requeue, and how to look at what it sent."""

    def __init__(self, kind: str, sqs: Any, name: str) -> None:
        self.requeue: Requeue = MemoryRequeue() if kind == "fake" else SqsRequeue(sqs)
        self.arn = ARN + name
        self._sqs = sqs
        self._url = sqs.create_queue(QueueName=name)["QueueUrl"]

    def sent(self) -> list[str]:
        if isinstance(self.requeue, MemoryRequeue):
            return self.requeue.sent.get(self.arn, [])
        bodies: list[str] = []
        while found := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            bodies += [one["Body"] for one in found]
        return bodies


@pytest.fixture(scope="package")
def sqs(aws: None) -> Any:
    return boto3.client("sqs", region_name=REGION)


@pytest.fixture
def queue(kind: str, sqs: Any, partition: str) -> Queue:
    return Queue(kind, sqs, partition)


@pytest.mark.parametrize(
    "bodies",
    [[], ["one"], [f'{{"n": {n}}}' for n in range(25)], ["x" * 200_000, "y" * 100_000]],
    ids=["none", "one", "more than a call's", "longer than a call's"],
)
def test_all_bodies_are_sent(queue: Queue, bodies: list[str]) -> None:
    queue.requeue.send(queue.arn, bodies)
    assert sorted(queue.sent()) == sorted(bodies)


class FaultyClient:
    """An SQS that refuses one entry of each call, or the whole call."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.urls = 0
        self.sizes: list[int] = []

    def get_queue_url(self, **_: Any) -> dict[str, Any]:
        self.urls += 1
        return {"QueueUrl": "https://queue"}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.sizes.append(len(request["Entries"]))
        return {"Successful": [], "Failed": [{"Id": "0"}] if len(self.sizes) == 2 else []}


def test_an_entry_that_sqs_refused_is_an_error() -> None:
    client = FaultyClient()
    with pytest.raises(Unavailable):
        SqsRequeue(client).send(ARN + "queue", ["body"] * 25)
    assert client.sizes == [10, 10]


def test_a_throttled_call_is_unavailable() -> None:
    client = FaultyClient(ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessageBatch"))
    with pytest.raises(Unavailable):
        SqsRequeue(client).send(ARN + "queue", ["body"])


def test_the_queue_is_looked_up_once() -> None:
    client = FaultyClient()
    requeue = SqsRequeue(client)
    requeue.send(ARN + "queue", ["body"])
    client.sizes.clear()
    requeue.send(ARN + "queue", ["body"])
    assert client.urls == 1
