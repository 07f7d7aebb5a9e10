"""The user agent's transport, which looks at every address before it connects.

All addresses of a name are resolved and judged, then the connection goes to one of those very
addresses, so a name that resolves otherwise a moment later changes nothing. Redirects pass here
too: the user agent follows them with a new request through the same transport.
"""

import socket
from collections.abc import Sequence
from typing import Any

import urllib3
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from chalicelib.forwarding.addresses import first_forbidden, is_loopback
from chalicelib.forwarding.ports import Resolve
from chalicelib.useragent import streaming
from chalicelib.useragent.errors import TransportError
from chalicelib.useragent.transport import HttpTransport, Timeouts


def resolve(host: str, port: int) -> Sequence[str]:
    """Return all addresses of a host by the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedTransport(HttpTransport):
    """HTTP/1.1 to destinations that may be reached from here.

    Parameters
    ----------
    destination : str
        A URL of the destination.
    allows_loopback : bool
        Whether this machine is a destination, also without TLS.
    resolve : Resolve
        What knows addresses.
    """

    def __init__(
        self,
        destination: str,
        *,
        allows_loopback: bool = False,
        resolve: Resolve = resolve,
        timeouts: Timeouts | None = None,
    ) -> None:
        super().__init__(destination, timeouts=timeouts)
        self._guard = _Guard(allows_loopback, resolve)

    def _make_pool(self, is_home: bool) -> urllib3.PoolManager:
        manager = super()._make_pool(is_home)
        http, https = _guarded_pools(self._guard)
        manager.pool_classes_by_scheme = {"http": http, "https": https}
        return manager


class _Guard:
    def __init__(self, allows_loopback: bool, resolve: Resolve) -> None:
        self._allows_loopback = allows_loopback
        self._resolve = resolve

    def connect(self, connection: Any, *, is_tls: bool) -> socket.socket:
        """Return a socket to a judged address, or raise as urllib3's own connections do."""
        host = str(connection._dns_host).strip("[]")
        try:
            addresses = list(self._resolve(host, connection.port))
        except OSError as error:
            raise NameResolutionError(host, connection, socket.gaierror(*error.args)) from error
        self._judge(addresses, is_tls=is_tls)
        return _first_socket(connection, addresses)

    def _judge(self, addresses: Sequence[str], *, is_tls: bool) -> None:
        fault = first_forbidden(addresses, allows_loopback=self._allows_loopback)
        if not fault and not is_tls and not all(map(is_loopback, addresses)):
            fault = "is to be reached without TLS"
        if fault:
            raise TransportError(
                f"An address of the destination {fault}; nothing is sent there.",
                may_have_arrived=False,
                is_permanent=True,
            )


def _first_socket(connection: Any, addresses: Sequence[str]) -> socket.socket:
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            return create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, "timed out") from failure
    raise NewConnectionError(connection, "failed") from failure


def _guarded_pools(guard: _Guard) -> tuple[type[streaming.HttpPool], type[streaming.HttpsPool]]:
    """Return pools whose connections ask the guard."""

    class HttpConnection(streaming.HttpConnection):
        def _new_conn(self) -> socket.socket:
            return guard.connect(self, is_tls=False)

    class HttpsConnection(streaming.HttpsConnection):
        def _new_conn(self) -> socket.socket:
            return guard.connect(self, is_tls=True)

    class HttpPool(streaming.HttpPool):
        ConnectionCls = HttpConnection

    class HttpsPool(streaming.HttpsPool):
        ConnectionCls = HttpsConnection

    return HttpPool, HttpsPool
