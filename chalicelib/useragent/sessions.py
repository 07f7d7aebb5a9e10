"""The requests of the store session protocol (``docs/sessions.md``), each until it is answered.

What belongs here: what is asked, how often, and what the answers mean. What must not: the order of
the requests (``session_post``) and the parts' bytes (``session_parts``).

Every URL of the service is made from the destination's own: credentials go with those. What the
service names elsewhere, where parts go and large answers lie, gets none of them.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NoReturn
from urllib.parse import quote, urljoin, urlsplit

from chalicelib.dicomweb.multipart_writer import BytesContent, Content
from chalicelib.dicomweb.sessions import (
    MalformedDocument,
    OpenRequest,
    PartUrl,
    SessionStatus,
    WantedPart,
    decode_status,
    decode_urls,
    encode_complete,
    encode_open,
    encode_wanted,
)
from chalicelib.useragent.clock import Clock
from chalicelib.useragent.destination import Gate
from chalicelib.useragent.errors import (
    DestinationError,
    TransportError,
    UserAgentError,
)
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.receipts import module_of
from chalicelib.useragent.refusals import destination_words
from chalicelib.useragent.retry import RETRIED_STATUSES, THROTTLING_STATUSES, RetryPolicy
from chalicelib.useragent.transport import OutgoingRequest, Response

_JSON = "application/json"
_NOT_OFFERED = (403, 404, 405, 410, 501)
_REFUSED = (401, 403, 407)
_FRESH_URLS = 3
_SET_BY_TRANSPORT = ("content-length", "host")


class SessionGone(UserAgentError):  # noqa: N818 - reads as the fact it is
    """The server has the session no more, or will not go on with it."""


class NotOffered(UserAgentError):  # noqa: N818 - reads as the fact it is
    """The server opens no sessions, or not for us."""


@dataclass(frozen=True, slots=True)
class SessionRequests:
    """Asks one service.

    Each request is repeated while the fault can pass; then DestinationError ends the run, and what
    was uploaded waits for the next. Every request is one of those that the gate lets out.

    Parameters
    ----------
    base_url : str
        Of the service.
    waiting : callable
        Told the seconds before each wait, and why.
    """

    exchange: Exchange
    base_url: str
    clock: Clock
    policy: RetryPolicy
    gate: Gate
    waiting: Callable[[float, str], None] = field(repr=False)

    def url_of(self, identity: str) -> str:
        """Return the URL of a session."""
        return f"{self._sessions}/{quote(identity, safe='')}"

    def open(self, request: OpenRequest) -> SessionStatus | Response:
        """Open a session; return its state, or the answer that refuses its body.

        Raises
        ------
        NotOffered
        DestinationError
        """
        response = self._ask(self._post(self._sessions, encode_open(request)))
        if response.status in _NOT_OFFERED:
            raise NotOffered("The server opens no store sessions.")
        if not 200 <= response.status < 300:
            return response
        try:
            status = decode_status(response.body)
        except MalformedDocument:
            raise NotOffered("What answers is no service of store sessions.") from None
        if status.plan.size != request.size:
            raise NotOffered("The server opens sessions of another size.")
        return status

    def urls(self, url: str, digests: Mapping[int, bytes]) -> Mapping[int, PartUrl]:
        """Return where parts go, by number.

        Parameters
        ----------
        digests : mapping of int to bytes
            SHA-256 of the parts by number, at most 100.

        Raises
        ------
        SessionGone, DestinationError
        """
        wanted = [
            WantedPart(number, b64encode(digest).decode("ascii"))
            for number, digest in digests.items()
        ]
        response = self._expect(self._post(f"{url}/urls", encode_wanted(wanted)))
        try:
            given = {part.number: part for part in decode_urls(response.body)}
        except MalformedDocument:
            raise SessionGone("The server's URLs of parts cannot be read.") from None
        if not digests.keys() <= given.keys():
            raise SessionGone("The server gives no URLs of parts.")
        return given

    def put(self, part: PartUrl, content: Content) -> Response:
        """Send a part once and return the answer, whatever it is.

        Raises
        ------
        TransportError, SourceError, DestinationError
        """
        fields = [
            (name, value)
            for name, value in part.headers.items()
            if name.lower() not in _SET_BY_TRANSPORT
        ]
        with self.gate.slot():
            return self._elsewhere(OutgoingRequest("PUT", part.url, tuple(fields), content))

    def complete(self, url: str, checksum: str) -> bool:
        """Ask the server to store the body; return False when it misses parts.

        Raises
        ------
        SessionGone, DestinationError
        """
        request = self._post(f"{url}/complete", encode_complete(checksum))
        return self._expect(request, 409).status != 409

    def state(self, url: str) -> SessionStatus:
        """Return where the session stands.

        Raises
        ------
        SessionGone, DestinationError
        """
        response = self._expect(self._get(url))
        try:
            return decode_status(response.body)
        except MalformedDocument:
            raise SessionGone("The session's state cannot be read.") from None

    def answer(self, url: str, status: SessionStatus) -> Response:
        """Return the final answer, as the Store request would have got it.

        Raises
        ------
        SessionGone, DestinationError
        """

        def is_answer(response: Response) -> bool:
            """Tell the session's own 503, which lists instances, from one of the gateway."""
            return response.status == status.status and module_of(response) is not None

        if status.response_url:
            return self._kept(url, status)
        response = self._ask(self._get(f"{url}/response"), is_answer)
        if response.status == 303:
            return self._kept(url, status, response.headers.get("Location") or "")
        if response.status != status.status:
            self._refuse(response)
        return response

    def _kept(self, url: str, status: SessionStatus, where: str = "") -> Response:
        """Return an answer too large for the service, from where it keeps it."""
        for _ in range(_FRESH_URLS):
            request = OutgoingRequest("GET", urljoin(url, where or status.response_url))
            found = self._ask(request, send=self._elsewhere)
            if found.status == 200:
                return Response(status.status, found.headers, found.body, found.url)
            status, where = self.state(url), ""  # a URL lives for minutes
            if not status.response_url:
                break
        raise SessionGone("The session's answer is not where the server keeps it.")

    def cancel(self, url: str) -> None:
        """Let the server forget a session; if that cannot be said, it expires by itself."""
        try:
            self.exchange.send(OutgoingRequest("DELETE", url))
        except (TransportError, DestinationError):
            return

    # ------------------------------------------------------------------ one request

    @property
    def _sessions(self) -> str:
        return f"{self.base_url.rstrip('/')}/sessions"

    def _get(self, url: str) -> OutgoingRequest:
        return OutgoingRequest("GET", url, (("Accept", f"{_JSON}, */*;q=0.1"),))

    def _post(self, url: str, document: str) -> OutgoingRequest:
        fields = (("Accept", f"{_JSON}, */*;q=0.1"), ("Content-Type", _JSON))
        return OutgoingRequest("POST", url, fields, BytesContent(document.encode()))

    def _elsewhere(self, request: OutgoingRequest) -> Response:
        """Send without credentials, and not from TLS into the clear."""
        scheme = urlsplit(request.url).scheme
        if scheme != "https" and (scheme != "http" or self.base_url.startswith("https:")):
            raise DestinationError("The server names a URL that TLS does not protect; not used.")
        return Exchange(self.exchange.transport).send(request)

    def _expect(self, request: OutgoingRequest, *others: int) -> Response:
        response = self._ask(request)
        if not 200 <= response.status < 300 and response.status not in others:
            self._refuse(response)
        return response

    def _refuse(self, response: Response) -> NoReturn:
        if response.status in _REFUSED or 300 <= response.status < 400:
            raise DestinationError(destination_words(response), response.status)
        raise SessionGone(f"The session has ended (status {response.status}).")

    def _ask(
        self,
        request: OutgoingRequest,
        is_answer: Callable[[Response], bool] = lambda response: False,
        send: Callable[[OutgoingRequest], Response] | None = None,
    ) -> Response:
        """Return the answer, once it is none that can pass."""
        send = send or self.exchange.send
        for attempt in count(1):
            response = None
            try:
                with self.gate.slot():
                    response = send(request)
            except TransportError as error:
                if error.is_permanent:
                    raise DestinationError(error.detail) from None
                why = error.detail
            else:
                if response.status not in RETRIED_STATUSES or is_answer(response):
                    return response
                why = f"The server keeps answering with status {response.status}."
            self.wait(attempt, response, why)
        raise AssertionError("counting does not end")

    def wait(self, attempt: int, response: Response | None, why: str) -> None:
        """Wait after an attempt that failed.

        Raises
        ------
        DestinationError
            It was the last.
        """
        status = response.status if response is not None else None
        if status in THROTTLING_STATUSES:
            self.gate.throttled()
        if attempt >= self.policy.attempts:
            raise DestinationError(why, status)
        seconds = self.policy.wait(
            attempt, self.clock, response.headers if response is not None else None
        )
        self.waiting(seconds, f"status {status}" if status is not None else why)
        self.clock.sleep(seconds)
