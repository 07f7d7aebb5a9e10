"""SQS (JSON protocol): standard queues that one consumer polls; redrive and policies are not here.

Queues exist when they are first named. A message that was received and not deleted comes back
after its visibility timeout.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.stand_in.faults import Faults
from bench.stand_in.values import AwsError, Document

ENTRIES_LIMIT = 10
SIZE_LIMIT = 1024 * 1024
REMEMBERED = 1000
VISIBILITY = 30


@dataclass(slots=True)
class Message:
    """A message in a queue; ``visible_at`` is in the clock's seconds."""

    name: str
    body: str
    attributes: Document
    sent_at: float
    visible_at: float
    received: int = 0

    @property
    def receipt(self) -> str:
        """Return the handle of its last delivery."""
        return f"{self.name}#{self.received}"


@dataclass(slots=True)
class Queue:
    """The messages of one queue by name, in the order of their arrival."""

    visibility: int = VISIBILITY
    messages: dict[str, Message] = field(default_factory=dict)

    def visible(self, now: float) -> Iterator[Message]:
        """Yield what may be delivered."""
        return (message for message in self.messages.values() if message.visible_at <= now)

    def find(self, receipt: str) -> Message | None:
        """Return the message with this handle of any of its deliveries, None if it is gone."""
        return self.messages.get(receipt.partition("#")[0])


class Sqs:
    """The queues; ``accepted`` holds the last messages taken.

    Parameters
    ----------
    clock : callable
        Returns seconds.
    """

    def __init__(self, faults: Faults, clock: Callable[[], float]) -> None:
        self._faults = faults
        self._clock = clock
        self._count = 0
        self._queues: dict[str, Queue] = {}
        self.accepted: deque[Document] = deque(maxlen=REMEMBERED)
        self._operations: dict[str, Callable[[Queue, Document], Document]] = {
            "ChangeMessageVisibility": self._change_visibility,
            "CreateQueue": self._create,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "GetQueueAttributes": self._attributes,
            "GetQueueUrl": lambda queue, arguments: {"QueueUrl": arguments["QueueUrl"]},
            "ReceiveMessage": self._receive,
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
        }

    def call(self, operation: str, arguments: Document) -> Document:
        """Carry the operation out; ``arguments`` have a QueueUrl whatever it is.

        Raises
        ------
        AwsError
            SQS would have refused the call, or the stand-in does not know it.
        """
        if operation not in self._operations:
            raise AwsError(400, "UnsupportedOperation", f"The stand-in has no {operation}.")
        queue = self._queues.setdefault(arguments["QueueUrl"].rpartition("/")[2], Queue())
        return self._operations[operation](queue, arguments)

    def _create(self, queue: Queue, arguments: Document) -> Document:
        queue.visibility = int(arguments.get("Attributes", {}).get("VisibilityTimeout", VISIBILITY))
        return {"QueueUrl": arguments["QueueUrl"]}

    def _send(self, queue: Queue, arguments: Document) -> Document:
        _check_size([arguments])
        return self._take(queue, arguments["QueueUrl"], arguments)

    def _send_batch(self, queue: Queue, arguments: Document) -> Document:
        entries = arguments.get("Entries", [])
        _check_entries(entries)
        _check_size(entries)
        successful, failed = [], []
        for entry in entries:
            if self._faults.on_entry("sqs.SendMessageBatch"):
                failed.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
            else:
                taken = self._take(queue, arguments["QueueUrl"], entry)
                successful.append({"Id": entry["Id"], **taken})
        return {"Successful": successful, "Failed": failed}

    def _take(self, queue: Queue, url: str, entry: Document) -> Document:
        self._count += 1
        name = f"00000000-0000-4000-8000-{self._count:012d}"
        self.accepted.append({**entry, "QueueUrl": url})
        attributes, now = entry.get("MessageAttributes", {}), self._clock()
        visible_at = now + entry.get("DelaySeconds", 0)
        queue.messages[name] = Message(name, entry["MessageBody"], attributes, now, visible_at)
        return {"MessageId": name, "MD5OfMessageBody": _md5(entry["MessageBody"])}

    def _receive(self, queue: Queue, arguments: Document) -> Document:
        limit = arguments.get("MaxNumberOfMessages", 1)
        if not 1 <= limit <= ENTRIES_LIMIT:
            raise AwsError(400, "InvalidParameterValue", "MaxNumberOfMessages is 1 to 10.")
        now, found = self._clock(), []
        for message, _ in zip(queue.visible(now), range(limit), strict=False):
            message.visible_at = now + arguments.get("VisibilityTimeout", queue.visibility)
            message.received += 1
            found.append(_delivered(message))
        return {"Messages": found} if found else {}

    def _delete(self, queue: Queue, arguments: Document) -> Document:
        message = queue.find(arguments["ReceiptHandle"])
        if message is not None:
            del queue.messages[message.name]
        return {}

    def _delete_batch(self, queue: Queue, arguments: Document) -> Document:
        entries = arguments.get("Entries", [])
        _check_entries(entries)
        for entry in entries:
            self._delete(queue, entry)
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}

    def _change_visibility(self, queue: Queue, arguments: Document) -> Document:
        message = queue.find(arguments["ReceiptHandle"])
        if message is None:
            raise AwsError(400, "InvalidParameterValue", "The message is not there any longer.")
        message.visible_at = self._clock() + arguments["VisibilityTimeout"]
        return {}

    def _attributes(self, queue: Queue, arguments: Document) -> Document:
        name, visible = arguments["QueueUrl"].rpartition("/")[2], queue.visible(self._clock())
        ready = sum(1 for _ in visible)
        known = {
            "ApproximateNumberOfMessages": str(ready),
            "ApproximateNumberOfMessagesNotVisible": str(len(queue.messages) - ready),
            "QueueArn": f"arn:aws:sqs:us-east-1:123456789012:{name}",
            "VisibilityTimeout": str(queue.visibility),
        }
        wanted = arguments.get("AttributeNames", [])
        return {
            "Attributes": {
                name: value for name, value in known.items() if {name, "All"} & {*wanted}
            }
        }


def _delivered(message: Message) -> Document:
    return {
        "MessageId": message.name,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": _md5(message.body),
        "MessageAttributes": message.attributes,
        "Attributes": {
            "ApproximateReceiveCount": str(message.received),
            "SentTimestamp": str(int(message.sent_at * 1000)),
        },
    }


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _check_entries(entries: list[Document]) -> None:
    if not 1 <= len(entries) <= ENTRIES_LIMIT:
        raise AwsError(400, "TooManyEntriesInBatchRequest", "A batch has 1 to 10 entries.")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise AwsError(400, "BatchEntryIdsNotDistinct", "Two entries have the same Id.")


def _check_size(messages: list[Document]) -> None:
    if sum(len(message["MessageBody"].encode()) for message in messages) > SIZE_LIMIT:
        raise AwsError(400, "BatchRequestTooLong", "The messages are longer than 1 MiB.")
