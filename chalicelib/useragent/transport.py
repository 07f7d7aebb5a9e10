"""The seam: one request goes out, one response comes back. Everything else is built on it.

``Transport`` is what tests replace. ``HttpTransport`` is the real one: connections are kept and
reused, TLS is verified, bodies are streamed and never held. It neither retries nor follows
redirects: who does must give it a whole body again.
"""

import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import urllib3

from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart_writer import Content
from chalicelib.useragent.errors import TransportError, UserAgentError
from chalicelib.useragent.streaming import HttpPool, HttpsPool, WatchedBody

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
"""As http.client puts it."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request. ``body`` is read from its first byte each time the request is sent.

    A body without length goes out chunked (RFC 9112 7.1). ``expects_continue`` waits a moment for
    the server's leave before the body (RFC 9110 10.1.1). ``meanwhile`` is called while the server
    is waited for, by transports that can tell; it must be brief.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: Content | None = field(default=None, repr=False)
    expects_continue: bool = False
    meanwhile: Callable[[], None] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A final answer, its content-coding taken off."""

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)
    url: str = ""


class Transport(Protocol):
    """The seam."""

    def send(self, request: OutgoingRequest) -> Response:
        """Return the answer, whatever its status.

        Raises
        ------
        TransportError
            No answer came.
        SourceError
            The body could not be read to its end.
        """
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: until a connection stands, and without a byte in either direction."""

    connect: float = 10.0
    idle: float = 120.0


@dataclass(frozen=True, slots=True)
class Tls:
    """What TLS needs beyond the system's authorities; paths of PEM files.

    The client's certificate is shown to the destination alone and to no host it redirects to.
    """

    authorities: str | None = None
    certificate: str | None = None
    key: str | None = None
    password: str | None = field(default=None, repr=False)

    def context(self, *, with_certificate: bool) -> ssl.SSLContext:
        """Return a context that verifies certificate and name."""
        context = ssl.create_default_context(cafile=self.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if with_certificate and self.certificate:
            context.load_cert_chain(self.certificate, self.key, lambda: self.password or "")
        return context


@lru_cache(maxsize=64)
def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port (RFC 6454 4)."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme, 0)


@lru_cache(maxsize=64)
def _target_of(url: str) -> str:
    """Return path and query, as a request line has them (RFC 9112 3.2.1)."""
    return urllib3.util.parse_url(url).request_uri


class HttpTransport:
    """HTTP/1.1 by urllib3.

    Parameters
    ----------
    destination : str
        A URL of the one origin that may see the client's certificate.
    connections : int
        Connections kept to a host.
    proxy : str, optional
        URL of an HTTP proxy, with its credentials where it wants them; https is TLS to the proxy.
    """

    def __init__(
        self,
        destination: str,
        *,
        connections: int = 4,
        timeouts: Timeouts | None = None,
        tls: Tls | None = None,
        proxy: str | None = None,
    ) -> None:
        timeouts = timeouts or Timeouts()
        self._timeout = urllib3.Timeout(connect=timeouts.connect, read=timeouts.idle)
        self._destination = origin_of(destination)
        self._tls = tls or Tls()
        self._connections = connections
        self._proxy = proxy
        self._pools: dict[bool, urllib3.PoolManager] = {}
        self._home: urllib3.HTTPConnectionPool | None = None

    def send(self, request: OutgoingRequest) -> Response:
        """Send the request once."""
        body = None
        if request.body is not None:
            body = WatchedBody(
                request.body,
                expects_continue=request.expects_continue,
                meanwhile=request.meanwhile,
            )
        try:
            pool, target = self._way_to(request.url)
            response = pool.urlopen(
                request.method,
                target,
                body=body,  # type: ignore[arg-type] # an iterable; urllib3 does not say so
                headers=_fields(request),
                retries=False,
                redirect=False,
                timeout=self._timeout,
                preload_content=False,
            )
            with response:  # closes the connection unless the response was read to its end
                return _read(response, request.url, is_cut=body is not None and body.is_cut)
        except UserAgentError:
            raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            broken = _translate(error)
            if body is not None:
                broken.may_have_arrived = body.has_begun
            raise broken from error

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.clear()
        self._home = None

    def _way_to(self, url: str) -> tuple[urllib3.PoolManager | urllib3.HTTPConnectionPool, str]:
        """Return what sends to a URL, and the target it takes.

        The destination's own pool is looked for once and not for each request.
        """
        manager = self._pool(url)
        if self._proxy or origin_of(url) != self._destination:
            return manager, url
        if self._home is None:
            self._home = manager.connection_from_url(url)
        return self._home, _target_of(url)

    def _pool(self, url: str) -> urllib3.PoolManager:
        is_home = origin_of(url) == self._destination
        if is_home not in self._pools:
            self._pools[is_home] = self._make_pool(is_home)
        return self._pools[is_home]

    def _make_pool(self, is_home: bool) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "num_pools": 2,
            "maxsize": self._connections,
            "block": False,
            "retries": False,
        }
        if self._tls.authorities or self._tls.certificate or self._destination[0] == "https":
            options["ssl_context"] = self._tls.context(with_certificate=is_home)
        if self._proxy:
            manager: urllib3.PoolManager = self._make_proxy_pool(self._proxy, options)
        else:
            manager = urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
        return manager

    def _make_proxy_pool(self, proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
        parts = urllib3.util.parse_url(proxy)
        if parts.scheme == "https":
            options["proxy_ssl_context"] = self._tls.context(with_certificate=False)
        if parts.auth:  # UTF-8 (RFC 7617), where urllib3 would write Latin-1
            pair = b64encode(unquote(parts.auth).encode("utf-8", "surrogateescape"))
            options["proxy_headers"] = {"Proxy-Authorization": f"Basic {pair.decode('ascii')}"}
        return urllib3.ProxyManager(proxy, **options)


@cache
def product() -> str:
    """Return what this program calls itself (RFC 9110 10.1.5), with its version if installed."""
    from importlib import metadata

    try:
        return f"stowage/{metadata.version('stowage')}"
    except metadata.PackageNotFoundError:
        return "stowage"


def _fields(request: OutgoingRequest) -> dict[str, str]:
    """Return the header fields; a name that stands twice is one line (RFC 9110 5.3)."""
    fields: dict[str, str] = {}
    for name, value in request.headers:
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    given = {name.lower(): name for name in fields}
    for name, value in _own_fields(request):
        fields[given.get(name.lower(), name)] = value
    for name, value in (("Accept-Encoding", "gzip"), ("User-Agent", product())):
        if name.lower() not in given:
            fields[name] = value
    return fields


def _own_fields(request: OutgoingRequest) -> Iterator[tuple[str, str]]:
    if request.body is None:
        return
    if request.body.length is None:
        yield "Transfer-Encoding", "chunked"
    else:
        yield "Content-Length", str(request.body.length)
    if request.expects_continue:
        yield "Expect", "100-continue"


def _read(response: urllib3.BaseHTTPResponse, url: str, *, is_cut: bool) -> Response:
    length = response.length_remaining
    if length is not None and length <= MAX_RESPONSE_BYTES and not _is_coded(response):
        body = response.read()
    else:
        body = response.read(MAX_RESPONSE_BYTES + 1, decode_content=True)
    if len(body) > MAX_RESPONSE_BYTES:
        raise TransportError(
            f"The answer is larger than {MAX_RESPONSE_BYTES} bytes.", may_have_arrived=True
        )
    if is_cut:  # the rest of the body never went out: nothing else may on this connection
        response.close()
    else:
        response.drain_conn()
    return Response(response.status, Headers(response.headers.items()), body, url)


def _is_coded(response: urllib3.BaseHTTPResponse) -> bool:
    """Return whether the body may unpack to more than its length."""
    return "Content-Encoding" in response.headers


def _translate(error: Exception) -> TransportError:
    """Return the error in our words; urllib3's own hold URLs and addresses."""
    if isinstance(error, urllib3.exceptions.ProxyError):
        return _translate_proxy(error.original_error)
    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError) and not _is_end(error):
        is_certificate = "CERTIFICATE_VERIFY" in str(error) or "doesn't match" in str(error)
        what = "The server's certificate does not verify" if is_certificate else "TLS failed"
        return TransportError(f"{what}.", may_have_arrived=False, is_permanent=is_certificate)
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return TransportError("The server's name is not known.", may_have_arrived=False)
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # also a ConnectTimeoutError
        return TransportError("The server refuses connections.", may_have_arrived=False)
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return TransportError("The server cannot be reached in time.", may_have_arrived=False)
    if isinstance(error, urllib3.exceptions.LocationValueError):
        return TransportError("The URL is not usable.", may_have_arrived=False, is_permanent=True)
    if isinstance(error, urllib3.exceptions.ReadTimeoutError | TimeoutError):
        return TransportError("The server did not answer in time.", may_have_arrived=True)
    return TransportError("The connection broke before an answer came.", may_have_arrived=True)


def _is_end(error: Exception) -> bool:
    """Return whether the connection ended under TLS, which is no failure of TLS."""
    causes = (error, *error.args)
    return any(isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError) for one in causes)


def _translate_proxy(error: Exception) -> TransportError:
    """Return the error of a proxy, which nothing has gone through."""
    if refusal := _TUNNEL_REFUSED.search(str(error)):
        status = int(refusal[1])
        detail = f"The proxy answers with status {status}."
        return TransportError(detail, may_have_arrived=False, is_permanent=400 <= status < 500)
    why = _translate(error)
    detail = f"By the proxy: {why.detail}"
    return TransportError(detail, may_have_arrived=False, is_permanent=why.is_permanent)
