"""SQS's SendMessage and SendMessageBatch (JSON protocol) as a sink that counts."""

import hashlib
from collections import deque

from bench.stand_in.faults import Faults
from bench.stand_in.values import AwsError, Document

ENTRIES_LIMIT = 10
SIZE_LIMIT = 1024 * 1024
REMEMBERED = 1000


class Sqs:
    """The queues as one sink; ``accepted`` holds the last messages taken."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._count = 0
        self.accepted: deque[Document] = deque(maxlen=REMEMBERED)

    def call(self, operation: str, arguments: Document) -> Document:
        """Carry the operation out.

        Raises
        ------
        AwsError
            SQS would have refused the call, or the stand-in does not know it.
        """
        if operation == "SendMessage":
            _check_size([arguments])
            return self._take(arguments["QueueUrl"], arguments)
        if operation == "SendMessageBatch":
            return self._take_batch(arguments["QueueUrl"], arguments.get("Entries", []))
        raise AwsError(400, "UnsupportedOperation", f"The stand-in has no {operation}.")

    def _take_batch(self, queue: str, entries: list[Document]) -> Document:
        if not 1 <= len(entries) <= ENTRIES_LIMIT:
            raise AwsError(400, "TooManyEntriesInBatchRequest", "A batch has 1 to 10 entries.")
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise AwsError(400, "BatchEntryIdsNotDistinct", "Two entries have the same Id.")
        _check_size(entries)
        successful, failed = [], []
        for entry in entries:
            if self._faults.on_entry("sqs.SendMessageBatch"):
                failed.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
            else:
                successful.append({"Id": entry["Id"], **self._take(queue, entry)})
        return {"Successful": successful, "Failed": failed}

    def _take(self, queue: str, message: Document) -> Document:
        self._count += 1
        self.accepted.append({"QueueUrl": queue, **message})
        return {
            "MessageId": f"00000000-0000-4000-8000-{self._count:012d}",
            "MD5OfMessageBody": hashlib.md5(message["MessageBody"].encode()).hexdigest(),
        }


def _check_size(messages: list[Document]) -> None:
    if sum(len(message["MessageBody"].encode()) for message in messages) > SIZE_LIMIT:
        raise AwsError(400, "BatchRequestTooLong", "The messages are longer than 1 MiB.")
