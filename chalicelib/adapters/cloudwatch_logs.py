"""The AuditLog on CloudWatch Logs: a log group that nothing else writes to.

One line of JSON for each message: its id, the event's id, and the message's XML. Log events cannot
be written once only; a line that is there twice has the same id twice.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from botocore.exceptions import ClientError

from chalicelib.adapters.errors import port_errors
from chalicelib.origin.audit import Transfer
from chalicelib.origin.audit_message import encode_message
from chalicelib.origin.ports import Clock, Unavailable

CALL_BYTES = 900_000
"""Below PutLogEvents' 1,048,576 bytes a call, with 26 of its own for each entry. No call reaches
its 10,000 entries: none is smaller than 500 bytes."""
_NO_STREAM, _IS_THERE = "ResourceNotFoundException", "ResourceAlreadyExistsException"


class LogsClient(Protocol):
    """What is used of boto3's client for CloudWatch Logs."""

    def create_log_stream(self, **arguments: Any) -> dict[str, Any]: ...
    def put_log_events(self, **arguments: Any) -> dict[str, Any]: ...


class CloudWatchAuditLog:
    """Implements `origin.audit.AuditLog`; one stream a day, made when it is first needed.

    Parameters
    ----------
    client : LogsClient
    group : str
        The log group, which exists.
    clock : Clock
        When a line was written; when the transfer happened is in the message. CloudWatch takes
        no line that is two weeks old, as one from the dead letters may be.
    """

    def __init__(self, client: LogsClient, group: str, clock: Clock) -> None:
        self._client = client
        self._group = group
        self._clock = clock

    def write(self, transfers: Sequence[Transfer]) -> None:
        """Keep all of the messages. Raises Unavailable unless all were accepted."""
        for lines in _batches([encode_line(transfer) for transfer in transfers]):
            now = self._clock()
            with port_errors():
                answer = self._put(now.strftime("%Y-%m-%d"), int(now.timestamp() * 1000), lines)
            if answer.get("rejectedLogEventsInfo"):
                raise Unavailable("PutLogEvents: not all were accepted")

    def _put(self, stream: str, timestamp: int, lines: Sequence[str]) -> dict[str, Any]:
        target = {"logGroupName": self._group, "logStreamName": stream}
        events = [{"timestamp": timestamp, "message": line} for line in lines]
        try:
            return self._client.put_log_events(**target, logEvents=events)
        except ClientError as error:
            if error.response["Error"]["Code"] != _NO_STREAM:
                raise
        self._create(target)
        return self._client.put_log_events(**target, logEvents=events)

    def _create(self, target: dict[str, str]) -> None:
        try:
            self._client.create_log_stream(**target)
        except ClientError as error:
            if error.response["Error"]["Code"] != _IS_THERE:
                raise


def encode_line(transfer: Transfer) -> str:
    """Return the line of a message."""
    return json.dumps(
        {
            "message_id": transfer.message_id,
            "event_id": transfer.event_id,
            "message": encode_message(transfer),
        },
        ensure_ascii=False,
    )


def _batches(lines: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode("utf-8", "replace")) + 26
        if batch and size + length > CALL_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch
