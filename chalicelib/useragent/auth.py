"""Who we are to a server: nothing, Basic, Bearer, OAuth2 client credentials, AWS SigV4, headers.

A secret is a ``Secret``: it has no text of its own in messages, tracebacks and journals. It is
read from the environment or a file by the command, never from its arguments.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from chalicelib.dicomweb.multipart_writer import BytesContent
from chalicelib.useragent.clock import Clock
from chalicelib.useragent.errors import DestinationError
from chalicelib.useragent.transport import OutgoingRequest, Transport

_EARLY_SECONDS = 30.0
_DEFAULT_LIFETIME = 300.0


class Secret:
    """Text that shows itself to nobody who does not ask for it by ``reveal``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not serialised")


class Auth(Protocol):
    """What authenticates requests. Called from several threads."""

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return the request with credentials.

        Raises
        ------
        DestinationError
            None can be had.
        """
        ...

    def refresh(self) -> bool:
        """Get fresh credentials after a 401; return whether there can be any."""
        ...


@dataclass(frozen=True, slots=True)
class NoAuth:
    """No credentials."""

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return the request."""
        return request

    def refresh(self) -> bool:
        """There is nothing to refresh."""
        return False


@dataclass(frozen=True, slots=True)
class HeaderAuth:
    """Fields as given: API keys, and whatever a gateway wants."""

    fields: tuple[tuple[str, Secret], ...] = field(repr=False)

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return the request with the fields added."""
        return _with(request, [(name, value.reveal()) for name, value in self.fields])

    def refresh(self) -> bool:
        """There is nothing to refresh."""
        return False


def basic(user: str, password: Secret) -> HeaderAuth:
    """Return Basic authentication (RFC 7617), UTF-8."""
    pair = b64encode(f"{user}:{password.reveal()}".encode()).decode("ascii")
    return HeaderAuth((("Authorization", Secret(f"Basic {pair}")),))


class BearerAuth:
    """A bearer token (RFC 6750), read anew when the server no longer takes it.

    Parameters
    ----------
    read : callable
        Returns the token; a file that another program renews is a good place for one.
    """

    def __init__(self, read: Callable[[], Secret]) -> None:
        self._read = read
        self._token = read()
        if not self._token:
            raise DestinationError("The bearer token is empty.")

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return the request with the token."""
        return _with(request, [("Authorization", f"Bearer {self._token.reveal()}")])

    def refresh(self) -> bool:
        """Read the token again; return whether it is another."""
        before, self._token = self._token.reveal(), self._read()
        return bool(self._token) and self._token.reveal() != before


class ClientCredentialsAuth:
    """OAuth 2.0 client credentials (RFC 6749 4.4): a token for as long as it lives.

    Parameters
    ----------
    transport : Transport
        What fetches tokens.
    token_url, client_id, client_secret, scope
        As the authorisation server knows this client.
    """

    def __init__(
        self,
        transport: Transport,
        token_url: str,
        client_id: str,
        client_secret: Secret,
        clock: Clock,
        *,
        scope: str = "",
    ) -> None:
        self._transport = transport
        self._token_url = token_url
        self._client = (client_id, client_secret)
        self._scope = scope
        self._clock = clock
        self._lock = Lock()
        self._token = Secret("")
        self._good_until = 0.0

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return the request with a token that lives."""
        with self._lock:
            if not self._token or self._clock.monotonic() >= self._good_until:
                self._fetch()
            token = self._token.reveal()
        return _with(request, [("Authorization", f"Bearer {token}")])

    def refresh(self) -> bool:
        """Fetch another token."""
        with self._lock:
            self._fetch()
        return True

    def _fetch(self) -> None:
        form = {"grant_type": "client_credentials"} | (
            {"scope": self._scope} if self._scope else {}
        )
        # RFC 6749 2.3.1: identifier and secret are form-encoded first.
        pair = ":".join(map(quote_plus, (self._client[0], self._client[1].reveal())))
        request = OutgoingRequest(
            "POST",
            self._token_url,
            (
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Accept", "application/json"),
                ("Authorization", f"Basic {b64encode(pair.encode()).decode('ascii')}"),
            ),
            BytesContent(urlencode(form).encode("ascii")),
        )
        response = self._transport.send(request)
        try:
            answer = json.loads(response.body) if response.status == 200 else {}
            token, lifetime = answer["access_token"], answer.get("expires_in")
            seconds = float(lifetime) if lifetime is not None else _DEFAULT_LIFETIME
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DestinationError(
                f"The authorisation server gives no token (status {response.status}).",
                response.status,
            ) from None
        self._token = Secret(str(token))
        self._good_until = self._clock.monotonic() + max(seconds - _EARLY_SECONDS, seconds / 2)


@dataclass(frozen=True, slots=True)
class ChainedAuth:
    """Several, one after the other: extra headers beside a token; a signature comes last."""

    links: Sequence[Auth] = field(repr=False)

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return the request with what each link adds."""
        for link in self.links:
            request = link.authenticate(request)
        return request

    def refresh(self) -> bool:
        """Refresh each."""
        refreshed = [link.refresh() for link in self.links]
        return any(refreshed)


def _with(request: OutgoingRequest, fields: list[tuple[str, str]]) -> OutgoingRequest:
    given = {name.lower() for name, _ in fields}
    kept = [one for one in request.headers if one[0].lower() not in given]
    return replace(request, headers=(*kept, *fields))
