"""A thin threaded HTTP/1.1 server on loopback that stands where API Gateway stands.

Belongs here: listening, accepting, stopping; one thread a connection. What happens on a connection
is ``connection.py``'s, what a request means ``gateway.py``'s.
"""

import contextlib
import logging
import socket
import threading
import time
from types import TracebackType
from typing import Self

from infra.local.connection import Connection, FrontLimits
from infra.local.gateway import Gateway

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"

_STOP_LATENCY = 0.1
"""Seconds after which the accepting thread looks whether it should stop."""


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
            connection = Connection(accepted, address[0], self._gateway, self._limits)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._open[accepted] = thread
            thread.start()

    def _serve(self, connection: Connection) -> None:
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
