"""SQS batches as Lambda delivers them, and what is answered: which messages come again.

What belongs here: envelopes, delivery counts, batchItemFailures. What must not: what is done with
an event or an object; that comes in as a function on values.

All messages of a batch are worked on together, so that a study touched by several costs one
recount. When that raises something nobody expected, each message is tried alone and only the
culprit fails. A message with several instances that is delivered again is sent back in pieces of
one instance before any work: what killed the function while it worked on fifty then reaches the
dead letters alone.
"""

import json
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from chalicelib.origin.events import (
    InstancesStored,
    MalformedEvent,
    decode_event,
    encode_event,
)
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.ports import Requeue
from chalicelib.origin.reconcile import ObjectName

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

SqsEvent = dict[str, Any]
"""What Lambda passes: ``{"Records": [{"messageId", "body", "attributes", "eventSourceARN"}]}``."""
BatchResponse = dict[str, Any]
"""``{"batchItemFailures": [{"itemIdentifier": messageId}]}``."""


class Log(Protocol):
    """Writes one warning. Callers pass UIDs, counts and class names only."""

    def __call__(self, message: str, **fields: str | int) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``deliveries`` counts this one."""

    identity: str
    body: str
    queue_arn: str
    deliveries: int


class MessageFailed(Exception):  # noqa: N818 - reads as the fact it is
    """Tells powertools that a message is to come again; carries no part of it."""


@dataclass(frozen=True, slots=True)
class _Work(Generic[T, K]):
    """What is done with the values of messages: a function, and how it names what failed."""

    run: Callable[[Sequence[T]], Collection[K]]
    names_of: Callable[[T], Collection[K]]
    fields_of: Callable[[T], dict[str, str | int]]


def consume_events(
    event: SqsEvent,
    consume: Callable[[Sequence[InstancesStored]], Collection[InstanceKey]],
    requeue: Requeue,
    log: Log,
) -> BatchResponse:
    """Consume InstancesStored events.

    Parameters
    ----------
    event : SqsEvent
        Messages whose bodies are EventBridge's envelopes.
    consume : callable
        Works on all events at hand and returns the instances that failed.
    requeue : Requeue
        Takes the pieces of what was delivered before.
    log : Log
        Told of each failure, and of each message sent back in pieces.

    Returns
    -------
    BatchResponse
        A message fails when one of its instances does; a malformed one always does, until the
        queue moves it to the dead letters.
    """
    failed: set[str] = set()
    events: dict[str, InstancesStored] = {}
    for message in _messages(event):
        try:
            stored = _event_of(message.body)
            if message.deliveries > 1 and len(stored.instances) > 1:
                requeue.send(message.queue_arn, list(_pieces(message.body, stored)))
                log("message split", message_id=message.identity, **_event_fields(stored))
            else:
                events[message.identity] = stored
        except Exception as error:  # noqa: BLE001 - no exception may take its neighbours along
            failed.add(message.identity)
            log("message failed", message_id=message.identity, error=type(error).__name__)
    return _response(event, failed | _run(events, _Work(consume, _keys_of, _event_fields), log))


def consume_notifications(
    event: SqsEvent,
    reconcile: Callable[[Sequence[ObjectName]], Collection[ObjectName]],
    name_of: Callable[[str], tuple[str, str] | None],
    log: Log,
) -> BatchResponse:
    """Consume the bucket's ObjectCreated notifications.

    Parameters
    ----------
    event : SqsEvent
        Messages whose bodies are S3's.
    reconcile : callable
        Works on all objects at hand and returns those that failed.
    name_of : callable
        Returns partition and SOP Instance UID of an object's key, None when it is not ours.
    log : Log
        Told of each failure, and of each key that is not ours.

    Returns
    -------
    BatchResponse
        A message fails when one of its objects does, or when S3 cannot have written it.
    """
    failed: set[str] = set()
    named: dict[str, Sequence[ObjectName]] = {}
    for message in _messages(event):
        try:
            keys = list(_created_keys(_envelope(message.body)))
        except MalformedEvent as error:
            failed.add(message.identity)
            log("message failed", message_id=message.identity, error=type(error).__name__)
            continue
        names = [ObjectName(*name) for key in keys if (name := name_of(key))]
        if len(names) < len(keys):
            log("keys ignored", message_id=message.identity, count=len(keys) - len(names))
        if names:
            named[message.identity] = names

    def run(groups: Sequence[Sequence[ObjectName]]) -> Collection[ObjectName]:
        return reconcile([name for group in groups for name in group])

    work: _Work[Sequence[ObjectName], ObjectName] = _Work(run, frozenset, _object_fields)
    return _response(event, failed | _run(named, work, log))


def _run(values: Mapping[str, T], work: _Work[T, K], log: Log) -> set[str]:
    """Run the work on all values; return the messages that failed."""
    if not values:
        return set()
    try:
        lost = frozenset(work.run(list(values.values())))
    except Exception as error:  # noqa: BLE001 - no exception may take its neighbours along
        if len(values) > 1:
            alone = [_run({identity: value}, work, log) for identity, value in values.items()]
            return set().union(*alone)
        [(identity, value)] = values.items()
        log(
            "message failed",
            message_id=identity,
            error=type(error).__name__,
            **work.fields_of(value),
        )
        return {identity}
    failed = {one for one, value in values.items() if not lost.isdisjoint(work.names_of(value))}
    for identity in sorted(failed):
        count = len(lost.intersection(work.names_of(values[identity])))
        fields = work.fields_of(values[identity])
        log("message failed", message_id=identity, failed=count, **fields)
    return failed


def _response(event: SqsEvent, failed: Collection[str]) -> BatchResponse:
    """Return the partial batch response; an entirely failed batch is one too, not an error."""

    def acknowledge(record: Any) -> None:
        if record.message_id in failed:
            raise MessageFailed

    if not event["Records"]:
        return {"batchItemFailures": []}
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event, acknowledge, processor))


def _messages(event: SqsEvent) -> Iterator[Message]:
    for record in event["Records"]:
        yield Message(
            identity=record["messageId"],
            body=record["body"],
            queue_arn=record["eventSourceARN"],
            deliveries=int(record["attributes"]["ApproximateReceiveCount"]),
        )


def _envelope(body: str) -> dict[str, Any]:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedEvent("the message is not JSON") from None
    if not isinstance(envelope, dict):
        raise MalformedEvent("the message is not a JSON object")
    return envelope


def _event_of(body: str) -> InstancesStored:
    detail = _envelope(body).get("detail")
    if not isinstance(detail, dict):
        raise MalformedEvent("the message is not an envelope of EventBridge")
    return decode_event(detail)


def _pieces(body: str, event: InstancesStored) -> Iterator[str]:
    """Yield the same envelope once for each instance."""
    envelope = _envelope(body)
    for piece in event.split(1):
        yield json.dumps(envelope | {"detail": encode_event(piece)}, separators=(",", ":"))


def _created_keys(notification: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of created objects. S3's test event has none; S3 quotes keys as a form."""
    if notification.get("Event") == "s3:TestEvent":
        return
    try:
        for record in notification["Records"]:
            if record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
                yield unquote_plus(record["s3"]["object"]["key"])
    except (KeyError, TypeError, AttributeError):
        raise MalformedEvent("not a notification of S3") from None


def _keys_of(event: InstancesStored) -> Collection[InstanceKey]:
    return frozenset(map(event.key_of, event.instances))


def _event_fields(event: InstancesStored) -> dict[str, str | int]:
    fields: dict[str, str | int] = {
        "partition": event.partition,
        "study": event.study,
        "request_id": event.request_id,
        "instances": len(event.instances),
    }
    if len(event.instances) == 1:
        fields["sop_instance"] = event.instances[0].sop_instance
    return fields


def _object_fields(names: Sequence[ObjectName]) -> dict[str, str | int]:
    fields: dict[str, str | int] = {"objects": len(names)}
    if len(names) == 1:
        fields |= {"partition": names[0].partition, "sop_instance": names[0].sop_instance}
    return fields
