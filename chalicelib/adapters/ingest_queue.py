"""The queue that wakes workers, on SQS."""

from collections.abc import Callable
from typing import Any, Protocol

from chalicelib.adapters.errors import port_errors
from chalicelib.origin.sessions.model import SessionName


class SqsClient(Protocol):
    """What is used of boto3's low-level client."""

    def send_message(self, **request: Any) -> dict[str, Any]: ...


class SqsIngestQueue:
    """Implements `origin.sessions.ports.IngestQueue`.

    Parameters
    ----------
    client : SqsClient
    url : str
        The queue's.
    encode : callable
        Writes the message (``entrypoints.sessions``).
    """

    def __init__(self, client: SqsClient, url: str, encode: Callable[[SessionName], str]) -> None:
        self._client = client
        self._url = url
        self._encode = encode

    def wake(self, name: SessionName, delay: int = 0) -> None:
        """Send a message for the session. Raises Unavailable."""
        with port_errors():
            self._client.send_message(
                QueueUrl=self._url, MessageBody=self._encode(name), DelaySeconds=delay
            )
