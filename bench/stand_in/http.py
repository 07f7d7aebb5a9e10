"""HTTP/1.1 as the AWS SDK speaks it: keep-alive, 100-continue, chunked and aws-chunked bodies.

Only framing belongs here. It is written by hand because its CPU is taken from the cores that are
being measured: a request costs about a tenth of what a general server's does, and large bodies
pass through one buffer on their way in and through none on their way out.
"""

import asyncio
from http import HTTPStatus
from typing import IO, Protocol, cast

from bench.stand_in.framing import dechunk
from bench.stand_in.values import Piece, Request, Response, Sink

ROOM = 256 * 1024
"""Bytes read at a time: what a core's cache holds while they are hashed and written."""
SENDFILE_FROM = 64 * 1024
"""Bytes from which the kernel's copy is cheaper than ours."""
ASK_AGAIN = 0.02
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Service(Protocol):
    """What answers the requests of all connections."""

    latency: float
    """Seconds between a request and its answer."""

    def sink(self, request: Request, length: int) -> Sink | None:
        """Return what takes the body of a request that is all there but for it, None to hold it."""

    def answer(self, request: Request) -> tuple[Response | None, bool]:
        """Return the answer, or None and whether the connection stays open without one."""

    def answered(self) -> None:
        """Learn that one answer has left, or never will."""


class _MalformedError(Exception):
    """The bytes are not a request that this server understands."""


def encode(response: Response, *, head: bool) -> bytes:
    """Return the answer's bytes but for its pieces; a HEAD answer keeps its body to itself."""
    length = response.declared_length
    if length is None:
        length = len(response.body) + sum(piece.length for piece in response.pieces)
    lines = [
        f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        "\r\n",
    ]
    start = "\r\n".join(lines).encode("latin-1")
    return start if head else start + response.body


class Connection(asyncio.BufferedProtocol):
    """One keep-alive connection; requests on it are answered one after the other.

    Parameters
    ----------
    service : Service
    room : bytearray
        What is read into; all connections of one event loop may share it.
    """

    def __init__(self, service: Service, room: bytearray) -> None:
        self._service = service
        self._room = memoryview(room)
        self._buffer = bytearray()
        self._head: Request | None = None
        self._start = 0
        self._missing = 0
        self._busy = False
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the room to the event loop."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes; answer when they complete a request."""
        piece = self._room[:nbytes]
        if self._missing:
            piece = self._pour(piece)
        self._buffer += piece
        self._advance()

    def _pour(self, piece: memoryview) -> memoryview:
        """Give the sink what is its own, and return the rest."""
        assert self._head is not None
        assert self._head.sink is not None
        count = min(len(piece), self._missing)
        self._head.sink.write(piece[:count])
        self._missing -= count
        return piece[count:]

    def _advance(self) -> None:
        if self._busy:
            return
        try:
            request = self._next_request()
        except (_MalformedError, ValueError):
            self._transport.write(
                encode(Response(400, headers={"Connection": "close"}), head=False)
            )
            self._transport.close()
            return
        if request is None:
            return
        self._busy = True
        response, keep_open = self._service.answer(request)
        if response is None:
            self._service.answered()
            if not keep_open:
                self._transport.abort()
            return
        self._later(self._service.latency, response, request.method == "HEAD")

    def _later(self, delay: float, response: Response, head: bool) -> None:
        if response.again is not None:
            delay += ASK_AGAIN
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send, response, head)
        else:
            self._send(response, head)

    def _send(self, response: Response, head: bool) -> None:
        if response.again is not None and not self._transport.is_closing():
            self._later(0, response.again(), head)
            return
        self._service.answered()
        if self._transport.is_closing():
            return
        self._transport.write(encode(response, head=head))
        if head or not response.pieces:
            self._busy = False
            self._advance()
        else:
            self._sending = asyncio.get_running_loop().create_task(self._send_pieces(response))

    async def _send_pieces(self, response: Response) -> None:
        try:
            for piece in response.pieces:
                await self._send_piece(piece)
        except (OSError, RuntimeError):  # whoever asked has gone
            self._transport.abort()
            return
        self._busy = False
        self._advance()

    async def _send_piece(self, piece: Piece) -> None:
        if piece.length < SENDFILE_FROM or piece.fileno() is None:
            self._transport.write(piece.read())
            return
        loop = asyncio.get_running_loop()
        file = cast(IO[bytes], piece)  # its descriptor is all that is used
        await loop.sendfile(self._transport, file, piece.offset, piece.length, fallback=False)

    def _next_request(self) -> Request | None:
        if self._head is None:
            self._head = self._read_head()
        request = self._head
        if request is None or self._missing:
            return None
        if request.sink is not None:
            self._head = None
            return request
        headers = dict(request.headers)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            framed = dechunk(self._buffer, self._start)
            if framed is None:
                return None
            body, trailers, end = framed
            headers |= trailers
        else:
            end = self._start + int(headers.get("content-length", "0"))
            if len(self._buffer) < end:
                return None
            body = bytes(memoryview(self._buffer)[self._start : end])
        del self._buffer[:end]
        self._head = None
        if "aws-chunked" in headers.get("content-encoding", ""):
            inner = dechunk(body)
            if inner is None:
                raise _MalformedError
            body, trailers, _ = inner
            headers |= trailers
        return Request(request.method, request.target, headers, body)

    def _read_head(self) -> Request | None:
        """Return the request that begins here, without its body, once its head is complete."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self._start = end + 4
        waiting = headers.get("expect", "").lower() == "100-continue"
        if waiting and len(self._buffer) == self._start:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = Request(method, target, headers, b"")
        if "transfer-encoding" in headers or "aws-chunked" in headers.get("content-encoding", ""):
            return request
        length = int(headers.get("content-length", "0"))
        sink = self._service.sink(request, length)
        if sink is None:
            return request
        return self._begin_pouring(Request(method, target, headers, b"", sink), length)

    def _begin_pouring(self, request: Request, length: int) -> Request:
        arrived = bytes(memoryview(self._buffer)[self._start :])
        self._head, self._missing = request, length
        self._buffer = bytearray(self._pour(memoryview(arrived)))
        return request
