"""Messages that wake workers, as SQS delivers and takes them. One message a batch.

What belongs here: the message's shape and ``batchItemFailures``. What must not: working.
"""

import json
from collections.abc import Callable
from typing import Any

from chalicelib.dicomweb.resources import is_partition
from chalicelib.origin.sessions.model import SessionName


def encode_wake(name: SessionName) -> str:
    """Return a message that wakes a worker for a session."""
    return json.dumps({"partition": name.partition, "session": name.identity})


def decode_wake(body: str) -> SessionName | None:
    """Return the session of a message, None when it is none of ours."""
    try:
        message = json.loads(body)
        partition, identity = message["partition"], message["session"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(partition, str) and isinstance(identity, str) and is_partition(partition):
        return SessionName(partition, identity)
    return None


def consume_wakes(event: dict[str, Any], work: Callable[[SessionName], bool]) -> dict[str, Any]:
    """Work on the sessions of a batch.

    Returns
    -------
    dict
        ``{"batchItemFailures": […]}``: messages that come again, among them those that say
        nothing, which end with the dead letters.
    """
    failed = []
    for record in event["Records"]:
        name = decode_wake(record["body"])
        if name is None or not work(name):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
