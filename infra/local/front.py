"""A thin threaded HTTP/1.1 server on loopback that stands where API Gateway stands.

Belongs here: sockets and connections; the grammar is h11's. Must not be here: what a request
means (``gateway.py``). One thread a connection; RFC 9112 is cited where we are stricter than h11.
"""

import contextlib
import http
import logging
import socket
import threading
import time
from dataclasses import dataclass
from email.utils import formatdate
from types import TracebackType
from typing import Self

import h11

from infra.local.gateway import Gateway, too_long
from infra.local.gateway_event import GatewayAnswer, GatewayRequest, json_answer

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_READ_SIZE = 256 * 1024
_BODILESS = frozenset({204, 304})
_STOP_LATENCY = 0.1
"""Seconds after which the accepting thread looks whether it should stop."""


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """What one connection may cost. Times in seconds, sizes in bytes."""

    idle: float = 60.0
    """Between two requests of a connection."""
    head: float = 10.0
    """From the first octet of a request to the end of its header section."""
    read: float = 10.0
    """Between two octets of a body."""
    request: float = 120.0
    """For a whole request, however steadily it drips."""
    head_size: int = 10_240
    """Request line and header section; API Gateway takes 10,240 bytes of both."""
    header_count: int = 100
    connections: int = 256
    linger: float = 5.0
    """How long to read on after refusing a body, so that its sender gets to read the refusal."""


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on a port of loopback; 0 takes any free one.

    Raises
    ------
    OSError
        When the port is taken (errno EADDRINUSE) or not allowed.
    """
    return socket.create_server((LOOPBACK, port), backlog=128)


def url_of(listener: socket.socket) -> str:
    """Return the URL of what answers on a listening socket, without a final slash."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


class _RefusedError(Exception):
    """This request gets an answer of the front's own, and its connection ends."""

    def __init__(self, answer: GatewayAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class _Gone(Exception):  # noqa: N818 - nothing went wrong
    """The peer has nothing more to say."""


class Front:
    """The server. Use it as a context manager, or ``start()`` and ``stop()``.

    Parameters
    ----------
    gateway
        Answers the requests.
    listener
        From :func:`listen`; the front closes it.
    """

    def __init__(
        self, gateway: Gateway, listener: socket.socket, limits: FrontLimits | None = None
    ) -> None:
        self._gateway = gateway
        self._limits = limits or FrontLimits()
        self._listener = listener
        self.url = url_of(listener)
        """The base URI, without a final slash."""
        self._slots = threading.BoundedSemaphore(self._limits.connections)
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._accepting = threading.Thread(target=self._accept, name="front", daemon=True)

    def start(self) -> Self:
        """Accept connections from now on."""
        self._accepting.start()
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Accept nothing more, let requests in progress finish, then close."""
        self._stopping.set()
        self._accepting.join()
        self._listener.close()
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        ends = time.monotonic() + timeout
        for thread in connections.values():
            thread.join(max(0.0, ends - time.monotonic()))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _accept(self) -> None:
        self._listener.settimeout(_STOP_LATENCY)
        while not self._stopping.is_set():
            if not self._slots.acquire(timeout=_STOP_LATENCY):
                continue
            try:
                accepted, address = self._listener.accept()
            except TimeoutError:
                self._slots.release()
                continue
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(accepted, address[0], self._gateway, self._limits)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._open[accepted] = thread
            thread.start()

    def _serve(self, connection: "_Connection") -> None:
        try:
            connection.serve(self._stopping)
        except OSError:
            pass  # the client is gone
        except Exception:
            logger.exception("a connection failed")
        finally:
            with self._lock:
                self._open.pop(connection.socket, None)
            connection.socket.close()
            self._slots.release()


class _Connection:
    """One client's connection: requests in order, each answered before the next is read."""

    def __init__(
        self, accepted: socket.socket, source_ip: str, gateway: Gateway, limits: FrontLimits
    ) -> None:
        self.socket = accepted
        self._source_ip = source_ip
        self._gateway = gateway
        self._limits = limits
        self._grammar = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_size)
        self._deadline = 0.0
        self._method = b""

    def serve(self, stopping: threading.Event) -> None:
        """Answer requests until the client, an error or a stop ends the connection."""
        while not stopping.is_set():
            try:
                request = self._read_head()
                body = self._read_body(request)
            except _Gone:
                break
            except _RefusedError as refusal:
                self._refuse(refusal.answer)
                break
            except h11.RemoteProtocolError as error:
                self._refuse(json_answer(error.error_status_hint, _reason(error)))
                break
            answer = self._gateway.answer(_gateway_request(request, body, self._source_ip))
            self._write(answer, is_last=stopping.is_set())
            if self._grammar.our_state is h11.MUST_CLOSE:
                break
            self._grammar.start_next_cycle()

    # ------------------------------------------------------------------ reading

    def _read_head(self) -> h11.Request:
        self._method = b""
        begun = bool(self._grammar.trailing_data[0])
        self._allow(self._limits.head if begun else self._limits.idle)
        while True:
            event = self._grammar.next_event()
            if isinstance(event, h11.Request):
                self._method = event.method
                _check_head(event, self._limits)
                return event
            if isinstance(event, h11.ConnectionClosed):
                raise _Gone
            try:
                self._receive(self._limits.idle)
            except TimeoutError:
                if not begun:
                    raise _Gone from None
                raise _RefusedError(json_answer(408, "Request timed out")) from None
            if not begun:
                begun = True
                self._allow(self._limits.head)

    def _read_body(self, request: h11.Request) -> bytes:
        limit = self._gateway.settings.max_payload
        if _content_length(request) > limit:
            raise _RefusedError(too_long())
        self._allow(self._limits.request)
        pieces: list[bytes] = []
        size = 0
        while True:
            event = self._grammar.next_event()
            if isinstance(event, h11.EndOfMessage):
                return b"".join(pieces)
            if isinstance(event, h11.Data):
                size += len(event.data)
                if size > limit:
                    raise _RefusedError(too_long())
                pieces.append(bytes(event.data))
                continue
            self._send_100_if_waited_for()
            try:
                self._receive(self._limits.read)
            except TimeoutError:
                raise _RefusedError(json_answer(408, "Request timed out")) from None

    def _send_100_if_waited_for(self) -> None:
        if self._grammar.they_are_waiting_for_100_continue:
            interim = h11.InformationalResponse(status_code=100, headers=[])
            self.socket.sendall(self._grammar.send(interim) or b"")

    def _allow(self, seconds: float) -> None:
        """Set the time by which the part of the request now being read must be here."""
        self._deadline = time.monotonic() + seconds

    def _receive(self, wait: float) -> None:
        """Read what arrives within ``wait`` seconds. Raises TimeoutError."""
        left = min(wait, self._deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)
        self._grammar.receive_data(self.socket.recv(_READ_SIZE))

    # ------------------------------------------------------------------ writing

    def _write(self, answer: GatewayAnswer, *, is_last: bool) -> None:
        try:
            head = _response_head(answer, is_last=is_last)
        except h11.LocalProtocolError:
            # A field name or value that HTTP does not have: malformed, to the gateway.
            answer = json_answer(502, "Internal server error")
            head = _response_head(answer, is_last=is_last)
        data = self._grammar.send(head) or b""
        if answer.body and _may_have_body(answer.status, self._method):
            data += self._grammar.send(h11.Data(data=answer.body)) or b""
        data += self._grammar.send(h11.EndOfMessage()) or b""
        self.socket.settimeout(self._limits.request)
        self.socket.sendall(data)

    def _refuse(self, answer: GatewayAnswer) -> None:
        """Answer what was not read to its end, and end the connection gently."""
        self._write(answer, is_last=True)
        self._linger()

    def _linger(self) -> None:
        """Discard what the client still sends: closing on it could destroy the answer."""
        ends = time.monotonic() + self._limits.linger
        self.socket.shutdown(socket.SHUT_WR)
        while (left := ends - time.monotonic()) > 0:
            self.socket.settimeout(left)
            if not self.socket.recv(_READ_SIZE):
                return


def _check_head(request: h11.Request, limits: FrontLimits) -> None:
    """Refuse other versions, what two readers could frame differently, and header floods.

    RFC 9112 6.1: a server may reject a request with both Content-Length and Transfer-Encoding,
    and must treat Transfer-Encoding in HTTP/1.0 as faulty framing. h11 refuses two differing
    Content-Length fields by itself.
    """
    if request.http_version not in {b"1.0", b"1.1"}:
        raise _RefusedError(json_answer(505, "HTTP version not supported"))
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" in names and (
        b"content-length" in names or request.http_version < b"1.1"
    ):
        raise _RefusedError(json_answer(400, "Ambiguous body length"))
    size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
    if len(names) > limits.header_count or size > limits.head_size:
        raise _RefusedError(json_answer(431, "Request header fields too large"))


def _content_length(request: h11.Request) -> int:
    return next((int(value) for name, value in request.headers if name == b"content-length"), 0)


def _gateway_request(request: h11.Request, body: bytes, source_ip: str) -> GatewayRequest:
    return GatewayRequest(
        method=request.method.decode("ascii"),
        target=request.target.decode("ascii"),
        headers=tuple(
            (name.decode("ascii"), value.decode("latin-1"))
            for name, value in request.headers.raw_items()
        ),
        body=body,
        source_ip=source_ip,
    )


def _response_head(answer: GatewayAnswer, *, is_last: bool) -> h11.Response:
    headers = [*answer.headers, ("Date", formatdate(usegmt=True))]
    if answer.status not in _BODILESS:
        headers.append(("Content-Length", str(len(answer.body))))
    if is_last:
        headers.append(("Connection", "close"))
    return h11.Response(status_code=answer.status, headers=headers, reason=_phrase(answer.status))


def _may_have_body(status: int, method: bytes) -> bool:
    return status not in _BODILESS and method != b"HEAD"


def _reason(error: h11.RemoteProtocolError) -> str:
    """Return what may be said of a grammar error: the status's phrase, nothing of the request."""
    return _phrase(error.error_status_hint)


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
