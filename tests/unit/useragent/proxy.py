"""An HTTP proxy on loopback: it forwards, tunnels (RFC 9110 9.3.6), or refuses."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.unit.useragent.loopback import Connection, serving


class Proxy:
    """What came to it.

    Parameters
    ----------
    refusal : int
        The status that everything is answered with; 0 lets everything through.
    """

    def __init__(self, refusal: int = 0) -> None:
        self.url = ""
        self.heads: list[str] = []
        self._refusal = refusal

    def __call__(self, connection: Connection) -> None:
        """Serve one connection to its end."""
        head = connection.head.decode()
        self.heads.append(head)
        if self._refusal:
            connection.answer(self._refusal)
            return
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        if method == "CONNECT":
            host, _, port = target.partition(":")
            first = bytes(connection.buffer)
            connection.sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            parts = urlsplit(target)
            host, port = str(parts.hostname), str(parts.port)
            lines = [f"{method} {parts.path} HTTP/1.1", *head.split("\r\n")[1:], "", ""]
            first = "\r\n".join(lines).encode() + connection.buffer
        with socket.create_connection((host, int(port))) as origin:
            origin.sendall(first)
            back = threading.Thread(target=_relay, args=(origin, connection.sock), daemon=True)
            back.start()
            _relay(connection.sock, origin)
            back.join(5)
        raise ConnectionError


def _relay(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def proxying(*, refusal: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Run a proxy, under TLS if there is a context."""
    proxy = Proxy(refusal)
    with serving(proxy, tls=tls) as url:
        proxy.url = url.removesuffix("/dicom-web")
        yield proxy
