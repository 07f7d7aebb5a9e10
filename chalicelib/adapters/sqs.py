"""Requeue on SQS: messages sent back to the queue they came from."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from chalicelib.adapters.errors import port_errors
from chalicelib.origin.ports import Unavailable

CALL_ENTRIES = 10
"""Most messages of one SendMessageBatch."""
CALL_BYTES = 256 * 1024
"""Most bytes of all bodies of one call, by SQS's older limit, which emulators and many accounts'
tools still hold to."""


class SqsClient(Protocol):
    """What is used of boto3's low-level client."""

    def get_queue_url(self, **request: Any) -> dict[str, Any]: ...
    def send_message_batch(self, **request: Any) -> dict[str, Any]: ...


class SqsRequeue:
    """Implements `origin.ports.Requeue`.

    Parameters
    ----------
    client : SqsClient
        ``boto3.client("sqs")``.
    """

    def __init__(self, client: SqsClient) -> None:
        self._client = client
        self._urls: dict[str, str] = {}

    def send(self, queue_arn: str, bodies: Sequence[str]) -> None:
        """Send all bodies as new messages. Raises Unavailable unless all were accepted.

        When it raises some may have been sent: whoever repeats the call sends those twice, which
        consumers of at-least-once queues outlive.
        """
        for group in _groups(bodies):
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(group)]
            with port_errors():
                answer = self._client.send_message_batch(
                    QueueUrl=self._url_of(queue_arn), Entries=entries
                )
            if answer.get("Failed"):
                raise Unavailable(f"SendMessageBatch: {len(answer['Failed'])} not accepted")

    def _url_of(self, queue_arn: str) -> str:
        """Return the queue's URL: ``arn:aws:sqs:{region}:{account}:{name}`` tells the rest."""
        if queue_arn not in self._urls:
            account, name = queue_arn.split(":")[4:6]
            with port_errors():
                answer = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
            self._urls[queue_arn] = answer["QueueUrl"]
        return self._urls[queue_arn]


def _groups(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Yield the bodies in order, as many at a time as one call may carry."""
    group: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if group and (len(group) == CALL_ENTRIES or size + length > CALL_BYTES):
            yield group
            group, size = [], 0
        group.append(body)
        size += length
    if group:
        yield group
