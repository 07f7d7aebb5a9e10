"""How a body gets onto a connection: files by the system itself, with an ear for early answers.

What belongs here: what urllib3 does not do with a socket. What must not: which request is sent,
and what its answer means.
"""

import io
import os
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from chalicelib.dicomweb.multipart_writer import Buffer, Content
from chalicelib.useragent.sources import FileSlice

_CONTINUE_SECONDS = 1.0
_BYTES_BETWEEN_LOOKS = 256 * 1024
"""Hardly more than this is sent in vain; a look before each small part would cost more than it."""
_HEARD_BYTES = 16 * 1024
_MORE = getattr(socket, "MSG_MORE", 0)


class WatchedBody:
    """A body that stops when the server has answered before its end, as with 401 or 413.

    To go on would fill the server's buffers until it hangs up, and the answer is lost with the
    connection. Over TLS bytes on the socket may be of TLS alone, such as a session ticket: there
    they are read, and what is of an answer is kept for it.

    Parameters
    ----------
    content : Content
    expects_continue : bool
        Wait a moment for the server's leave (RFC 9110 10.1.1).
    meanwhile : callable, optional
        Called once, when the server is waited for; where that cannot be told, before the body.

    Attributes
    ----------
    is_cut : bool
        Whether the rest did not go out because an answer came.
    heard : bytes
        What had to be read of that answer to know that it came.
    has_begun : bool
        Whether any of it may have left.
    is_next : bool
        Whether it has not begun, and waits for nothing.
    """

    def __init__(
        self,
        content: Content,
        *,
        expects_continue: bool,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        self._content = content
        self._meanwhile = meanwhile
        self._expects_continue = expects_continue
        self.connection: HTTPConnection | None = None
        self.is_cut = False
        self.heard = b""
        self.has_begun = False
        self.is_next = not expects_continue and content.length != 0

    def __iter__(self) -> Iterator[Buffer]:
        """Yield what urllib3 is to send; where files can be sent by the system, they are here."""
        self.has_begun, self.is_next = True, False
        sock = getattr(self.connection, "sock", None)
        if not isinstance(sock, socket.socket) or not hasattr(select, "poll"):
            self.pause()
            yield from self._content
            return
        watch = select.poll()
        watch.register(sock, select.POLLIN)
        if isinstance(sock, ssl.SSLSocket):
            self.pause()
            yield from self._watched(lambda: bool(watch.poll(0)) and self._hears(sock))
            return
        if self._expects_continue and not _has_leave(sock, watch):
            self.is_cut = True
            return
        segments = getattr(self._content, "segments", None)
        if segments is None or self._content.length is None or not hasattr(os, "sendfile"):
            yield from self._watched(lambda: bool(watch.poll(0)))
        else:
            self._send(sock, watch, segments(), self._content.length)

    def pause(self) -> None:
        """Do what is to be done meanwhile."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()

    def _watched(self, is_answered: Callable[[], bool]) -> Iterator[Buffer]:
        unwatched = _BYTES_BETWEEN_LOOKS
        for chunk in self._content:
            if unwatched >= _BYTES_BETWEEN_LOOKS:
                unwatched = 0
                if is_answered():
                    self.is_cut = True
                    return
            unwatched += len(chunk)
            yield chunk

    def _hears(self, sock: ssl.SSLSocket) -> bool:
        """Read what is there under TLS; return whether it is of an answer."""
        timeout = sock.gettimeout()
        sock.settimeout(0)
        try:
            self.heard = sock.recv(_HEARD_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        finally:
            sock.settimeout(timeout)
        return bool(self.heard)

    def _send(
        self, sock: Any, watch: "select.poll", segments: Iterable[FileSlice | Buffer], left: int
    ) -> None:
        """Send slices of files without reading them; a part's small head leaves with its file."""
        unwatched = _BYTES_BETWEEN_LOOKS
        for segment in segments:
            if unwatched >= _BYTES_BETWEEN_LOOKS:
                unwatched = 0
                if watch.poll(0):
                    self.is_cut = True
                    return
            if isinstance(segment, FileSlice):
                size = segment.length
                if not self._send_slice(sock, segment):
                    self.is_cut = True
                    return
            else:
                size = len(segment)
                sock.sendall(segment, _MORE if size < left else 0)
            left -= size
            unwatched += size

    def _send_slice(self, sock: Any, part: FileSlice) -> bool:
        """Let the system copy a file to a socket, as ``socket.sendfile`` does with a file object.

        Return False where an answer came while there was no room for more.
        """
        offset, end = part.offset, part.offset + part.length
        while offset < end:
            try:
                sent = os.sendfile(sock.fileno(), part.descriptor, offset, end - offset)
            except BlockingIOError:
                self.pause()
                if not _has_room(sock):
                    return False
                continue
            if sent == 0:
                raise part.changed()
            offset += sent
        return True


def _has_leave(sock: Any, watch: "select.poll") -> bool:
    """Return False when a final answer came instead of 100, True also when none came in time."""
    if not watch.poll(_CONTINUE_SECONDS * 1000):
        return True
    begun = sock.recv(4096, socket.MSG_PEEK)
    end = begun.find(b"\r\n\r\n")
    if begun[9:12] != b"100" or end < 0:
        return False
    sock.recv(end + 4)
    return True


def _has_room(sock: Any) -> bool:
    """Wait until more can be sent; return False when an answer comes first."""
    ready = select.poll()
    ready.register(sock, select.POLLIN | select.POLLOUT)
    events = ready.poll((sock.gettimeout() or 0) * 1000 or None)
    if not events:
        raise TimeoutError
    return not events[0][1] & select.POLLIN


class _Rest(io.RawIOBase):
    """What was heard of an answer, and then the rest of it."""

    def __init__(self, heard: bytes, rest: Any) -> None:
        self._heard = memoryview(heard)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._heard:
            return int(self._rest.readinto(buffer))
        count = min(len(buffer), len(self._heard))
        buffer[:count], self._heard = self._heard[:count], self._heard[count:]
        return count

    def close(self) -> None:
        self._rest.close()
        super().close()


class _Heard:
    """A socket of whose answer something has been read; as much of it as an answer needs."""

    def __init__(self, heard: bytes, sock: Any) -> None:
        self._heard = heard
        self._sock = sock
        self.settimeout, self.close = sock.settimeout, sock.close

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Rest(self._heard, self._sock.makefile(mode, buffering=0)))


class _Watching(HTTPConnection):
    """A connection that its body knows, and that is not used again after a cut one."""

    _body: WatchedBody | None = None

    def request(self, *values: Any, **options: Any) -> None:
        """Tell the body which connection it goes out on."""
        body = options.get("body")
        self._body = body if isinstance(body, WatchedBody) else None
        if self._body is not None:
            self._body.connection = self
        super().request(*values, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        """Wait for the answer; after a cut body this connection is the answer's alone.

        Whatever followed on it would be taken for the rest of the body, and urllib3 offers the
        connection for the next request as soon as the answer was read.
        """
        body: Any = self._body
        if body is not None:
            body.pause()
            if body.heard:
                self.sock = _Heard(body.heard, self.sock)
        response = super().getresponse()
        if body is not None and body.is_cut and self.sock is not None:
            self.sock.close()  # the answer reads on from a file of its own
            self.sock = None
        return response


class HttpConnection(_Watching, HTTPConnection):
    """A connection in the clear."""

    def send(self, data: Any) -> None:
        """Send bytes; the head of a request leaves with the first of its body."""
        if self.sock is not None and self._body is not None and self._body.is_next:
            self.sock.sendall(data, _MORE)
        else:
            super().send(data)


class HttpsConnection(_Watching, HTTPSConnection):
    """A connection under TLS."""


class HttpPool(HTTPConnectionPool):
    """Connections in the clear."""

    ConnectionCls = HttpConnection


class HttpsPool(HTTPSConnectionPool):
    """Connections under TLS."""

    ConnectionCls = HttpsConnection
