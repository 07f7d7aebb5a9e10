"""One client's connection: HTTP/1.1 requests in, the gateway's answers out.

Belongs here: octets, timeouts, what ends a connection; the grammar is h11's. RFC 9112 is cited
where we are stricter than h11. Must not be here: what a request means (``gateway.py``).
"""

import http
import socket
import threading
import time
from dataclasses import dataclass
from email.utils import formatdate

import h11

from infra.local.gateway import Gateway
from infra.local.gateway_event import GatewayAnswer, GatewayRequest, json_answer

_READ_SIZE = 256 * 1024
_BODILESS = frozenset({204, 304})


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


class _RefusedError(Exception):
    """This request gets an answer of the front's own, and its connection ends."""

    def __init__(self, answer: GatewayAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class _Gone(Exception):  # noqa: N818 - nothing went wrong
    """The peer has nothing more to say."""


class Connection:
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
            raise _RefusedError(self._gateway.refuse("REQUEST_TOO_LARGE"))
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
                    raise _RefusedError(self._gateway.refuse("REQUEST_TOO_LARGE"))
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
