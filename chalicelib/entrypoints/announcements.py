"""SQS batches of announcements, with what the bus itself says of them: the event's id and time.

What belongs here: EventBridge's envelope, batchItemFailures. What must not: what is done with an
announcement. Nothing is sent back in pieces here, as `entrypoints.sqs` does: an id stands for a
whole event.
"""

import json
from collections.abc import Callable

from chalicelib.entrypoints.sqs import BatchResponse, Log, SqsEvent
from chalicelib.origin.audit import Announcement
from chalicelib.origin.events import MalformedEvent, decode_event


def consume_announcements(
    event: SqsEvent, consume: Callable[[Announcement], None], log: Log
) -> BatchResponse:
    """Consume announcements one by one.

    Parameters
    ----------
    event : SqsEvent
        Messages whose bodies are EventBridge's envelopes.
    consume : callable
        Whatever it raises fails the message.
    log : Log
        Told of each failure by its class.

    Returns
    -------
    BatchResponse
    """
    failed: list[str] = []
    for record in event["Records"]:
        try:
            consume(read_announcement(record["body"]))
        except Exception as error:  # noqa: BLE001 - no exception may take its neighbours along
            failed.append(record["messageId"])
            log("message failed", message_id=record["messageId"], error=type(error).__name__)
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in failed]}


def read_announcement(body: str) -> Announcement:
    """Return the announcement in an envelope. Raises MalformedEvent."""
    try:
        envelope = json.loads(body)
        identity, occurred, detail = envelope["id"], envelope["time"], envelope["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MalformedEvent("the message is not an envelope of EventBridge") from None
    if not isinstance(identity, str) or not isinstance(occurred, str):
        raise MalformedEvent("the envelope has no id or time")
    if not isinstance(detail, dict):
        raise MalformedEvent("the envelope has no detail")
    return Announcement(identity, occurred, decode_event(detail))
