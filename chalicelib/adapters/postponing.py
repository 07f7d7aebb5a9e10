"""Events sent to a consumer's own queue again, to be delivered later."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chalicelib.adapters.errors import port_errors
from chalicelib.origin.events import InstancesStored, encode_event

LONGEST_DELAY = 900
"""Seconds: SQS's DelaySeconds."""


class SqsClient(Protocol):
    """What is used of boto3's low-level client."""

    def get_queue_url(self, **request: Any) -> dict[str, Any]: ...
    def send_message(self, **request: Any) -> dict[str, Any]: ...


class SqsPostpone:
    """Implements `forwarding.ports.Postpone` on the queue that a message came from.

    A message of its own is a new one to the queue: how often it was delivered counts from 1.
    """

    def __init__(self, client: SqsClient, queue_arn: str) -> None:
        self._client = client
        self._queue_arn = queue_arn
        self._url = ""

    def __call__(self, event: InstancesStored, seconds: int) -> None:
        """Send the event after so many seconds. Raises Unavailable."""
        body = json.dumps({"detail": encode_event(event)}, separators=(",", ":"))
        with port_errors():
            self._client.send_message(
                QueueUrl=self._queue_url(),
                MessageBody=body,
                DelaySeconds=min(seconds, LONGEST_DELAY),
            )

    def _queue_url(self) -> str:
        if not self._url:
            *_, account, name = self._queue_arn.split(":")
            answer = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
            self._url = str(answer["QueueUrl"])
        return self._url


def postpone_to_origin(client: SqsClient, records: Sequence[Mapping[str, Any]]) -> SqsPostpone:
    """Return what sends to the queue that these records came from; a batch comes from one."""
    return SqsPostpone(client, str(records[0]["eventSourceARN"]) if records else "")
