"""How a body gets onto a connection: files by the system itself, with an ear for early answers.

What belongs here: what urllib3 does not do with a socket. What must not: which request is sent,
and what its answer means.
"""

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
_MORE = getattr(socket, "MSG_MORE", 0)


class WatchedBody:
    """A body that stops when the server has answered before its end, as with 401 or 413.

    To go on would fill the server's buffers until it hangs up, and the answer is lost with the
    connection. Over TLS bytes on the socket may be anything, so there nothing is watched.

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
        self.is_next = not expects_continue and content.length != 0

    def __iter__(self) -> Iterator[Buffer]:
        """Yield what urllib3 is to send; where files can be sent by the system, they are here."""
        self.is_next = False
        sock = getattr(self.connection, "sock", None)
        if sock is None or isinstance(sock, ssl.SSLSocket) or not hasattr(select, "poll"):
            self.pause()
            yield from self._content
            return
        watch = select.poll()
        watch.register(sock, select.POLLIN)
        if self._expects_continue and not _has_leave(sock, watch):
            self.is_cut = True
            return
        segments = getattr(self._content, "segments", None)
        if segments is None or self._content.length is None or not hasattr(os, "sendfile"):
            yield from self._watched(watch)
        else:
            self._send(sock, watch, segments(), self._content.length)

    def pause(self) -> None:
        """Do what is to be done meanwhile."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()

    def _watched(self, watch: "select.poll") -> Iterator[Buffer]:
        unwatched = _BYTES_BETWEEN_LOOKS
        for chunk in self._content:
            if unwatched >= _BYTES_BETWEEN_LOOKS:
                unwatched = 0
                if watch.poll(0):
                    self.is_cut = True
                    return
            unwatched += len(chunk)
            yield chunk

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


class HttpConnection(HTTPConnection):
    """A connection in the clear."""

    _body: WatchedBody | None = None

    def request(self, *values: Any, **options: Any) -> None:
        """Tell the body which connection it goes out on."""
        body = options.get("body")
        self._body = body if isinstance(body, WatchedBody) else None
        if self._body is not None:
            self._body.connection = self
        super().request(*values, **options)

    def send(self, data: Any) -> None:
        """Send bytes; the head of a request leaves with the first of its body."""
        if self.sock is not None and self._body is not None and self._body.is_next:
            self.sock.sendall(data, _MORE)
        else:
            super().send(data)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        """Wait for the answer; after a cut body this connection is the answer's alone.

        Whatever followed on it would be taken for the rest of the body, and urllib3 offers the
        connection for the next request as soon as the answer was read.
        """
        if self._body is not None:
            self._body.pause()
        response = super().getresponse()
        if self._body is not None and self._body.is_cut and self.sock is not None:
            self.sock.close()  # the answer reads on from a file of its own
            self.sock = None
        return response


class HttpsConnection(HTTPSConnection):
    """A connection under TLS."""

    def request(self, *values: Any, **options: Any) -> None:
        """Tell the body which connection it goes out on."""
        body = options.get("body")
        if isinstance(body, WatchedBody):
            body.connection = self
        super().request(*values, **options)


class HttpPool(HTTPConnectionPool):
    """Connections in the clear."""

    ConnectionCls = HttpConnection


class HttpsPool(HTTPSConnectionPool):
    """Connections under TLS."""

    ConnectionCls = HttpsConnection
