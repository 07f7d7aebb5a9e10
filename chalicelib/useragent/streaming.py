"""How a body gets onto a connection: files by the system itself, with an ear for early answers.

What belongs here: what urllib3 does not do with a socket. What must not: which request is sent,
and what its answer means.
"""

import os
import select
import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

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

    Attributes
    ----------
    is_cut : bool
        Whether the rest did not go out because an answer came.
    left : int
        Bytes that follow what was yielded last, where files are yielded as slices.
    """

    def __init__(self, content: Content, *, expects_continue: bool) -> None:
        self._content = content
        self._expects_continue = expects_continue
        self.connection: HTTPConnection | None = None
        self.is_cut = False
        self.left = 0

    def __iter__(self) -> Iterator[object]:
        sock = getattr(self.connection, "sock", None)
        if sock is None or isinstance(sock, ssl.SSLSocket) or not hasattr(select, "poll"):
            yield from self._content
            return
        watch = select.poll()
        watch.register(sock, select.POLLIN)
        if self._expects_continue and not _has_leave(sock, watch):
            self.is_cut = True
            return
        yield from self._watched(watch)

    def _watched(self, watch: "select.poll") -> Iterator[object]:
        unwatched = _BYTES_BETWEEN_LOOKS
        for chunk in self._segments():
            if unwatched >= _BYTES_BETWEEN_LOOKS:
                unwatched = 0
                if watch.poll(0):
                    self.is_cut = True
            if self.is_cut:
                return
            size = len(chunk)
            unwatched += size
            self.left -= size
            yield chunk

    def _segments(self) -> Iterable[FileSlice | Buffer]:
        """Return slices of files where the system can send them and the length is told."""
        segments = getattr(self._content, "segments", None)
        length = self._content.length
        if segments is None or length is None or not hasattr(os, "sendfile"):
            return self._content
        self.left = length
        found: Iterator[FileSlice | Buffer] = segments()
        return found


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


class HttpConnection(HTTPConnection):
    """A connection in the clear, on which files are sent by the system."""

    _body: WatchedBody | None = None

    def request(self, *values: Any, **options: Any) -> None:
        """Tell the body which connection it goes out on."""
        body = options.get("body")
        self._body = body if isinstance(body, WatchedBody) else None
        if self._body is not None:
            self._body.connection = self
        super().request(*values, **options)

    def send(self, data: Any) -> None:
        """Send bytes, or a slice of a file; only ``WatchedBody`` yields such, on plain sockets."""
        body = self._body
        if isinstance(data, FileSlice):
            if not _send_slice(self.sock, data) and body is not None:
                body.is_cut = True
        elif body is not None and body.left > 0:  # a part's small head leaves with its file
            self.sock.sendall(data, _MORE)
        else:
            super().send(data)


def _send_slice(sock: Any, part: FileSlice) -> bool:
    """Let the system copy a file to a socket, as ``socket.sendfile`` does with a file object.

    Return False where an answer came while there was no room for more.
    """
    offset, end = part.offset, part.offset + part.length
    while offset < end:
        try:
            sent = os.sendfile(sock.fileno(), part.descriptor, offset, end - offset)
        except BlockingIOError:
            if not _has_room(sock):
                return False
            continue
        if sent == 0:
            raise part.changed()
        offset += sent
    return True


def _has_room(sock: Any) -> bool:
    """Wait until more can be sent; return False when an answer comes first."""
    ready = select.poll()
    ready.register(sock, select.POLLIN | select.POLLOUT)
    events = ready.poll((sock.gettimeout() or 0) * 1000 or None)
    if not events:
        raise TimeoutError
    return not events[0][1] & select.POLLIN


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
