"""One request and its answer: credentials on, redirects followed, an expired token renewed.

307 and 308 keep method and body (RFC 9110 15.4.8, 15.4.9) and are followed; the redirects that
turn POST into GET are not, because a server that answers one has stored nothing. Another origin
gets no credentials, and nobody is followed from TLS into the clear.
"""

from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from chalicelib.useragent.auth import Auth, NoAuth
from chalicelib.useragent.errors import DestinationError
from chalicelib.useragent.transport import OutgoingRequest, Response, Transport, origin_of

MAX_REDIRECTS = 5
_FOLLOWED = (307, 308)
_SEEN_BY_DESTINATION_ONLY = ("authorization", "cookie", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Exchange:
    """Sends requests to one destination.

    Parameters
    ----------
    transport : Transport
    auth : Auth
        Its credentials go to the origin of the first URL alone.
    """

    transport: Transport = field(repr=False)
    auth: Auth = field(default_factory=NoAuth, repr=False)

    def send(self, request: OutgoingRequest) -> Response:
        """Return the final answer.

        Raises
        ------
        TransportError, SourceError
            As the transport does.
        DestinationError
            No credentials can be had, or redirects lead nowhere.
        """
        response = self._follow(request)
        if response.status == 401 and self.auth.refresh():
            response = self._follow(request)
        return response

    def _follow(self, request: OutgoingRequest) -> Response:
        home = origin_of(request.url)
        plain = request
        for _ in range(MAX_REDIRECTS + 1):
            is_home = origin_of(plain.url) == home
            response = self.transport.send(self.auth.authenticate(plain) if is_home else plain)
            location = response.headers.get("Location")
            if response.status not in _FOLLOWED or not location:
                return response
            plain = _redirected(plain, location, home)
        raise DestinationError(f"The server redirects more than {MAX_REDIRECTS} times.")


def _redirected(
    request: OutgoingRequest, location: str, home: tuple[str, str, int]
) -> OutgoingRequest:
    url = urljoin(request.url, location)
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https") or (request.url.startswith("https:") and scheme == "http"):
        raise DestinationError("The server redirects to where TLS does not protect; not followed.")
    headers = request.headers
    if origin_of(url) != home:
        headers = tuple(
            (name, value)
            for name, value in headers
            if name.lower() not in _SEEN_BY_DESTINATION_ONLY
        )
    return replace(request, url=url, headers=headers)
