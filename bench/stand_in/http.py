"""HTTP/1.1 as the AWS SDK speaks it: keep-alive, 100-continue, chunked and aws-chunked bodies.

Only framing belongs here. It is written by hand because its CPU is taken from the cores that are
being measured: a request costs about a tenth of what a general server's does.
"""

import asyncio
from http import HTTPStatus
from typing import Protocol

from bench.stand_in.values import Request, Response

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Service(Protocol):
    """What answers the requests of all connections."""

    latency: float
    """Seconds between a request and its answer."""

    def answer(self, request: Request) -> tuple[Response | None, bool]:
        """Return the answer, or None and whether the connection stays open without one."""

    def answered(self) -> None:
        """Learn that one answer has left, or never will."""


class _MalformedError(Exception):
    """The bytes are not a request that this server understands."""


def dechunk(chunked: bytes | bytearray, start: int = 0) -> tuple[bytes, dict[str, str], int] | None:
    """Undo chunked framing (RFC 9112 7.1); extensions are ignored, so aws-chunked reads too.

    Returns
    -------
    tuple of (bytes, dict, int) or None
        The content, the trailer fields with lower-case names, and the offset past the end;
        None while the framing is incomplete.
    """
    content = bytearray()
    while True:
        line_end = chunked.find(b"\r\n", start)
        if line_end < 0:
            return None
        size = int(chunked[start:line_end].split(b";")[0], 16)
        start = line_end + 2
        if size == 0:
            break
        if len(chunked) < start + size + 2:
            return None
        content += chunked[start : start + size]
        start += size + 2
    trailers = {}
    while (line_end := chunked.find(b"\r\n", start)) != start:
        if line_end < 0:
            return None
        name, _, value = chunked[start:line_end].decode("latin-1").partition(":")
        trailers[name.lower()] = value.strip()
        start = line_end + 2
    return bytes(content), trailers, start + 2


def encode(response: Response, *, head: bool) -> bytes:
    """Return the answer's bytes; a HEAD answer keeps its body to itself."""
    length = response.declared_length
    lines = [
        f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}",
        f"Content-Length: {len(response.body) if length is None else length}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        "\r\n",
    ]
    start = "\r\n".join(lines).encode("latin-1")
    return start if head else start + response.body


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it are answered one after the other."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str], int] | None = None
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes; answer when they complete a request."""
        self._buffer += data
        self._advance()

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
        encoded = encode(response, head=request.method == "HEAD")
        delay = self._service.latency
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send, encoded)
        else:
            self._send(encoded)

    def _send(self, encoded: bytes) -> None:
        self._busy = False
        self._service.answered()
        if not self._transport.is_closing():
            self._transport.write(encoded)
            self._advance()

    def _next_request(self) -> Request | None:
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
            waiting = self._head[2].get("expect", "").lower() == "100-continue"
            if waiting and len(self._buffer) == self._head[3]:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        method, target, headers, start = self._head
        if headers.get("transfer-encoding", "").lower() == "chunked":
            framed = dechunk(self._buffer, start)
            if framed is None:
                return None
            body, trailers, end = framed
            headers |= trailers
        else:
            end = start + int(headers.get("content-length", "0"))
            if len(self._buffer) < end:
                return None
            body = bytes(memoryview(self._buffer)[start:end])
        del self._buffer[:end]
        self._head = None
        if "aws-chunked" in headers.get("content-encoding", ""):
            inner = dechunk(body)
            if inner is None:
                raise _MalformedError
            body, trailers, _ = inner
            headers |= trailers
        return Request(method, target, headers, body)

    def _read_head(self) -> tuple[str, str, dict[str, str], int] | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return method, target, headers, end + 4
