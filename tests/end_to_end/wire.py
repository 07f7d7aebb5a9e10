"""A server that keeps each request as it came off the wire, and answers by a script."""

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.dicomweb.messages import Headers
from chalicelib.useragent.client import Destination, StoreClient
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.transport import HttpTransport, Response, Tls
from tests.unit.useragent.fakes import FakeClock, Sent, answer, module
from tests.unit.useragent.loopback import Connection, hang_up, serving

Step = int | Response | Callable[[Sent], Response] | None
"""A status alone, an answer, what makes one, or None: the connection breaks."""


class Wire:
    """Requests in the order they came; the last step of the script goes on for ever."""

    def __init__(self, *script: Step) -> None:
        self.url = ""
        self.sent: list[Sent] = []
        self._script = list(script)
        self._lock = threading.Lock()

    def __call__(self, connection: Connection) -> None:
        """Read one request and answer it."""
        first, *lines = connection.head.decode("latin-1").split("\r\n")
        headers = Headers((line.split(": ", 1)[0], line.split(": ", 1)[1]) for line in lines)
        if headers.get("Expect"):
            connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = connection.body()
        if headers.get("Content-Encoding") == "gzip":
            body = zlib.decompress(body, 31)
        method, target, _ = first.split(" ")
        sent = Sent(method, target, headers, body, None)
        with self._lock:
            self.sent.append(sent)
            step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if step is None:
            hang_up(connection)
            return
        response = step(sent) if callable(step) else step
        response = answer(response) if isinstance(response, int) else response
        fields = (f"{name}: {value}" for name, value in response.headers)
        connection.answer(response.status, response.body, *fields)

    @property
    def posts(self) -> list[Sent]:
        return [one for one in self.sent if one.method == "POST"]


@contextmanager
def wired(*script: Step) -> Iterator[Wire]:
    """Serve a script on loopback."""
    wire = Wire(*script)
    with serving(wire) as url:
        wire.url = url
        yield wire


def lists(*uids: str) -> Callable[[Sent], Response]:
    """Return a step that says these are stored, whatever was sent."""
    return lambda sent: answer(200, module(uids))


def client_of(url: str, clock: FakeClock | None = None, **changes: Any) -> StoreClient:
    """Return a client on real connections that waits in no time."""
    auth, tls, study = (changes.pop(name, None) for name in ("auth", "tls", "study"))
    transport = HttpTransport(url, tls=tls or Tls())
    exchange = Exchange(transport, auth) if auth is not None else Exchange(transport)
    known: dict[str, Any] = {"clock": clock or FakeClock(), "policy": RetryPolicy(attempts=3)}
    return StoreClient(Destination(url, study or ""), exchange, **(known | changes))
