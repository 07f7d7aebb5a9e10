"""What every IngestQueue does: a worker is woken, now or after a while."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.ingest_queue import SqsIngestQueue
from chalicelib.entrypoints.sessions import decode_wake, encode_wake
from chalicelib.origin.ports import Unavailable
from chalicelib.origin.sessions.model import SessionName
from chalicelib.origin.sessions.ports import IngestQueue
from tests.contract.conftest import REGION
from tests.fakes.sessions import MemoryIngestQueue

NAME = SessionName("clinic-1", "0123456789abcdef" * 2)
OTHER = SessionName("default", "f" * 32)


class Queue:
    """An IngestQueue, and how to look at what is in it."""

    def __init__(self, kind: str, sqs: Any, name: str) -> None:
        self._sqs = sqs
        self._url = sqs.create_queue(QueueName=name)["QueueUrl"]
        self._fake = MemoryIngestQueue()
        is_fake = kind == "fake"
        self.port: IngestQueue = (
            self._fake if is_fake else SqsIngestQueue(sqs, self._url, encode_wake)
        )

    def visible(self) -> list[SessionName | None]:
        if self.port is self._fake:
            return [name for name, delay in self._fake.woken if not delay]
        messages = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        return [decode_wake(one["Body"]) for one in messages.get("Messages", [])]

    def delayed(self) -> int:
        if self.port is self._fake:
            return sum(delay > 0 for _, delay in self._fake.woken)
        name = "ApproximateNumberOfMessagesDelayed"
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])


@pytest.fixture(scope="package")
def ingest_sqs(aws: None) -> Any:
    return boto3.client("sqs", region_name=REGION)


@pytest.fixture
def queue(kind: str, ingest_sqs: Any, partition: str) -> Queue:
    return Queue(kind, ingest_sqs, f"ingest-{partition}")


def test_a_worker_is_woken_for_each_session(queue: Queue) -> None:
    queue.port.wake(NAME)
    queue.port.wake(OTHER, 0)
    assert queue.visible() == [NAME, OTHER]
    assert queue.delayed() == 0


@pytest.mark.parametrize("delay", [1, 900])
def test_a_delayed_message_waits(queue: Queue, delay: int) -> None:
    queue.port.wake(NAME, delay)
    assert queue.visible() == []
    assert queue.delayed() == 1


class FaultyClient:
    """An SQS that notes what it was asked for, then fails if it is to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **request: Any) -> dict[str, Any]:
        self.sent.append(request)
        if self.error:
            raise self.error
        return {}


@pytest.mark.parametrize("delay", [0, 5, 900])
def test_the_message_says_how_long_it_waits(delay: int) -> None:
    client = FaultyClient()
    SqsIngestQueue(client, "https://queue", encode_wake).wake(NAME, delay)
    [sent] = client.sent
    assert (sent["QueueUrl"], sent["DelaySeconds"]) == ("https://queue", delay)
    assert decode_wake(sent["MessageBody"]) == NAME


def test_a_throttled_call_is_unavailable() -> None:
    error = ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessage")
    with pytest.raises(Unavailable):
        SqsIngestQueue(FaultyClient(error), "https://queue", encode_wake).wake(NAME)
