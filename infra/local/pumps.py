"""Deliver queues to functions as Lambda's SQS event source mappings do.

Belongs here: receive, call, delete what succeeded, leave the rest to the queue. Must not be here:
which function drains which queue (the application's own triggers say it) and dead letters (the
queue's redrive policy moves them, on the receive after the last).

See AWS's "Using Lambda with Amazon SQS": batches, partial responses, visibility.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from infra.local.clients import Clients
from infra.local.functions import LambdaCaller
from infra.local.gateway_event import Event

logger = logging.getLogger(__name__)

_LONG_POLL = 1
"""Seconds a waiting pump asks the queue to hold its request: also the latency of a stop."""

_MOVING = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


class Pump:
    """One queue's event source mapping.

    Parameters
    ----------
    call
        The function the queue's messages go to.
    retry_after
        Seconds after which what failed comes back. None leaves it to the queue's visibility
        timeout, as in AWS: there that is six times the function's timeout.
    """

    def __init__(
        self,
        clients: Clients,
        queue: str,
        call: LambdaCaller,
        batch_size: int = 10,
        retry_after: int | None = None,
    ) -> None:
        self._sqs = clients.sqs
        self._region = clients.region
        self._call = call
        self._batch_size = min(batch_size, 10)
        self._retry_after = retry_after
        # One receive at a time: two that overlap may get the same message from a stand-in.
        self._receiving = threading.Lock()
        self.queue = queue
        self.url: str = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self._arn: str = self._attributes("QueueArn")["QueueArn"]

    def deliver(self, wait: int = 0) -> int:
        """Deliver one batch, at most ``wait`` seconds from now; return its number of messages."""
        with self._receiving:
            messages = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=self._batch_size,
                WaitTimeSeconds=wait,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
        if messages:
            failed = self._invoke(messages)
            self._delete([item for item in messages if item["MessageId"] not in failed])
            self._hide([item for item in messages if item["MessageId"] in failed])
        return len(messages)

    def waiting(self) -> int:
        """Return how many messages are visible or in flight; delayed ones are not counted."""
        attributes = self._attributes(*_MOVING)
        return sum(int(attributes[name]) for name in _MOVING)

    def _attributes(self, *names: str) -> dict[str, str]:
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names))
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    def _invoke(self, messages: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Call the function; return the ids of the messages that failed."""
        ids = frozenset(message["MessageId"] for message in messages)
        try:
            returned = self._call(make_sqs_event(messages, self._arn, self._region))
        except Exception:
            logger.exception("the function of %s raised", self.queue)
            return ids
        failed = failed_messages(returned, ids)
        if failed:
            logger.warning("%s: %d of %d messages failed", self.queue, len(failed), len(ids))
        return failed

    def _delete(self, messages: Sequence[Mapping[str, Any]]) -> None:
        if messages:
            self._sqs.delete_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )

    def _hide(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Shorten the time until failed messages come back."""
        if self._retry_after is None:
            return
        for message in messages:
            self._sqs.change_message_visibility(
                QueueUrl=self.url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=self._retry_after,
            )


def make_sqs_event(messages: Iterable[Mapping[str, Any]], arn: str, region: str) -> Event:
    """Return the event Lambda makes of received messages."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {
                    name: _message_attribute(value)
                    for name, value in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": region,
            }
            for message in messages
        ]
    }


def _message_attribute(value: Mapping[str, Any]) -> dict[str, object]:
    return {
        "stringValue": value.get("StringValue"),
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def failed_messages(returned: object, ids: frozenset[str]) -> frozenset[str]:
    """Return which of a batch failed, by the function's partial batch response.

    As AWS reads it: nothing, or no or an empty list, is success; an identifier that is empty,
    missing or not of this batch, or a response that is no object, fails the whole batch.
    """
    if returned is None:
        return frozenset()
    if not isinstance(returned, Mapping):
        return ids
    failures = returned.get("batchItemFailures") or []
    if not isinstance(failures, list):
        return ids
    named = {item.get("itemIdentifier") if isinstance(item, Mapping) else "" for item in failures}
    return ids & named if ids.issuperset(named) else ids


class Pumps:
    """All pumps of an application, each with its number of threads while started.

    Start them, or let ``drain`` do the work in the caller's thread.
    """

    def __init__(self, pumps: Sequence[tuple[Pump, int]]) -> None:
        self._pumps = [pump for pump, _ in pumps]
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(pump,), name=pump.queue, daemon=True)
            for pump, workers in pumps
            for _ in range(workers)
        ]
        self._is_started = False

    def start(self) -> None:
        """Deliver from now on, in threads."""
        self._is_started = True
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the batches in progress and deliver no more."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def drain(self, timeout: float = 10.0) -> None:
        """Deliver until nothing is visible or in flight in any queue.

        Delayed messages stay. Failed ones are delivered again once they are visible, until they
        succeed or their queue gives them to its dead letters.

        Raises
        ------
        TimeoutError
            When messages are left after ``timeout`` seconds; names the queues.
        """
        ends = time.monotonic() + timeout
        # Twice: a queue that was empty may have been filled by one that was looked at after it.
        while left := self._left() or self._left():
            if time.monotonic() > ends:
                raise TimeoutError(f"still in the queues after {timeout} s: {left}")
            if self._is_started or not sum(pump.deliver() for pump in self._pumps):
                time.sleep(0.02)

    def _left(self) -> dict[str, int]:
        return {pump.queue: left for pump in self._pumps if (left := pump.waiting())}

    def _run(self, pump: Pump) -> None:
        while not self._stopping.is_set():
            try:
                pump.deliver(_LONG_POLL)
            except Exception:
                logger.exception("pump of %s", pump.queue)
                self._stopping.wait(1.0)


def make_pumps(
    app: Any,
    clients: Clients,
    call_of: Callable[[str], LambdaCaller],
    retry_after: int | None = None,
    workers: int = 2,
) -> Pumps:
    """Return the pumps of every queue that triggers one of the application's functions.

    Parameters
    ----------
    app
        A Chalice application: its ``event_sources`` say which function drains which queue.
    call_of
        Returns the caller of a function by name.
    workers
        Threads for each queue; a trigger's maximum concurrency caps it.
    """
    return Pumps(
        [
            (
                Pump(
                    clients,
                    source.queue,
                    call_of(source.name),
                    source.batch_size,
                    retry_after,
                ),
                min(workers, source.maximum_concurrency or workers),
            )
            for source in queue_triggers(app)
        ]
    )


def queue_triggers(app: Any) -> list[Any]:
    """Return the application's triggers that are queues.

    Raises
    ------
    TypeError
        For a trigger of another kind: nothing here would deliver its events.
    """
    others = [source.name for source in app.event_sources if not hasattr(source, "queue")]
    if others:
        raise TypeError(f"nothing delivers to {others} here")
    return list(app.event_sources)
