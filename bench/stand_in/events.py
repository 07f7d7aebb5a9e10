"""EventBridge's PutEvents as a sink that counts, with its limits and partial failures."""

import json
from collections import deque

from bench.stand_in.faults import Faults
from bench.stand_in.values import AwsError, Document

ENTRIES_LIMIT = 10
ENTRY_LIMIT = 256 * 1024
CALL_LIMIT = 1024 * 1024
REMEMBERED = 1000


class EventBridge:
    """The bus; ``accepted`` holds the last entries taken."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._count = 0
        self.accepted: deque[Document] = deque(maxlen=REMEMBERED)

    def call(self, operation: str, arguments: Document) -> Document:
        """Carry ``PutEvents`` out.

        Raises
        ------
        AwsError
            EventBridge would have refused the call, or the stand-in does not know it.
        """
        if operation != "PutEvents":
            raise AwsError(400, "UnknownOperationException", f"The stand-in has no {operation}.")
        entries = arguments.get("Entries", [])
        sizes = [_size(entry) for entry in entries]
        if not 1 <= len(entries) <= ENTRIES_LIMIT:
            raise AwsError(400, "ValidationException", "Entries must have 1 to 10 members.")
        if sum(sizes) > CALL_LIMIT or max(sizes) > ENTRY_LIMIT:
            message = "Total size of the entries in the request is over the limit."
            raise AwsError(400, "ValidationException", message)
        answers = [self._take(entry) for entry in entries]
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    def _take(self, entry: Document) -> Document:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"{name} is missing."}
        try:
            is_object = isinstance(json.loads(entry["Detail"]), dict)
        except ValueError:
            is_object = False
        if not is_object:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        if self._faults.on_entry("events.PutEvents"):
            return {"ErrorCode": "InternalFailure", "ErrorMessage": "Injected by the stand-in."}
        self._count += 1
        self.accepted.append(entry)
        return {"EventId": f"00000000-0000-4000-8000-{self._count:012d}"}


def _size(entry: Document) -> int:
    """Return the entry's size in bytes as EventBridge counts it."""
    texts = [entry.get(name, "") for name in ("Source", "DetailType", "Detail")]
    texts += entry.get("Resources", [])
    return sum(len(text.encode()) for text in texts) + (14 if "Time" in entry else 0)
