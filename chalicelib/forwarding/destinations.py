"""From a destination's plan to what stores there: credentials, transport, encoder.

Connections, tokens and limits learnt from refusals are kept for as long as the plan stays what
it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib.forwarding.configuration import AuthKind, AuthPlan, DestinationPlan, Representation
from chalicelib.forwarding.ports import ReadSecret
from chalicelib.origin import hop_mark
from chalicelib.origin.ports import Unavailable
from chalicelib.useragent.auth import (
    Auth,
    BearerAuth,
    ClientCredentialsAuth,
    HeaderAuth,
    NoAuth,
    Secret,
    basic,
)
from chalicelib.useragent.capabilities import read_limits
from chalicelib.useragent.client import ClientOptions, Destination, StoreClient
from chalicelib.useragent.clock import Clock
from chalicelib.useragent.doors import Door, Doors
from chalicelib.useragent.errors import DestinationError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.payloads import DicomEncoder, Encoder, WireOptions
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.transport import OutgoingRequest, Response, Transport

QUICK = RetryPolicy(attempts=3, first_wait=0.5, longest_wait=2.0, longest_retry_after=5.0)
"""Repeated at once only as often as a function can wait; the queue has the patience."""

MakeTransport = Callable[[str], Transport]
"""Returns the transport to the origin of a URL."""


@dataclass(slots=True)
class _Line:
    """What is kept of a destination between two batches."""

    plan: DestinationPlan
    transport: Transport
    auth: Auth
    doors: Doors
    was_asked: bool = False


@dataclass(slots=True)
class Destinations:
    """Makes clients for destinations."""

    make_transport: MakeTransport
    read_secret: ReadSecret = field(repr=False)
    clock: Clock
    policy: RetryPolicy = QUICK
    _lines: dict[str, _Line] = field(default_factory=dict)

    def limits_of(self, plan: DestinationPlan) -> BatchLimits:
        """Return what a request to the destination may hold. Raises as ``client`` does."""
        return self._line(plan).doors.limits

    def client(
        self,
        plan: DestinationPlan,
        marks: tuple[str, ...],
        *,
        size: int = 0,
        clock: Clock | None = None,
    ) -> StoreClient:
        """Return a client whose requests carry a hop mark.

        Parameters
        ----------
        size : int
            Bytes to be sent. Of what a request may not hold, the destination is asked once whether
            it offers store sessions.
        clock : Clock, optional
            Instead of the one for all.

        Raises
        ------
        DestinationError
            No credentials can be had.
        """
        line = self._line(plan)
        destination = Destination(plan.url)
        exchange = Exchange(_Marked(line.transport, hop_mark.write_marks(marks)), line.auth)
        client = StoreClient(
            destination,
            exchange,
            encoder=encoder_of(plan.representation),
            limits=line.doors.limits,
            doors=line.doors,
            policy=self.policy,
            options=ClientOptions(retries_unquoted=plan.representation.retries_unquoted),
            clock=clock or self.clock,
        )
        may_ask = line.doors.choice is not Door.SMALL and not line.was_asked
        if may_ask and size > line.doors.limits.max_bytes:
            line.was_asked = True
            line.doors.learn(read_limits(exchange, destination))
        return client

    def _line(self, plan: DestinationPlan) -> _Line:
        line = self._lines.get(plan.name)
        if line is None or line.plan != plan:
            shape = plan.representation
            line = _Line(
                plan,
                self.make_transport(plan.url),
                self._auth(plan.auth),
                Doors(BatchLimits(shape.max_bytes, shape.max_instances)),
            )
            self._lines[plan.name] = line
        return line

    def _auth(self, plan: AuthPlan) -> Auth:
        settings = plan.settings
        match plan.kind:
            case AuthKind.NONE:
                return NoAuth()
            case AuthKind.BASIC:
                reference = plan.secrets["password"]
                return _Fresh(lambda: basic(settings["user"], self._secret(reference)))
            case AuthKind.BEARER:
                return BearerAuth(lambda: self._secret(plan.secrets["token"]))
            case AuthKind.HEADERS:
                return _Fresh(lambda: self._header_auth(plan))
            case AuthKind.CLIENT_CREDENTIALS:
                return _Fresh(lambda: self._client_credentials(plan))
            case AuthKind.SIGV4:
                from chalicelib.useragent.sigv4 import SigV4Auth

                return SigV4Auth(settings["region"], settings["service"])

    def _header_auth(self, plan: AuthPlan) -> HeaderAuth:
        return HeaderAuth(tuple((name, self._secret(one)) for name, one in plan.secrets.items()))

    def _client_credentials(self, plan: AuthPlan) -> ClientCredentialsAuth:
        settings = plan.settings
        return ClientCredentialsAuth(
            self.make_transport(settings["token_url"]),
            settings["token_url"],
            settings["client_id"],
            self._secret(plan.secrets["secret"]),
            self.clock,
            scope=settings["scope"],
        )

    def _secret(self, reference: str) -> Secret:
        try:
            return self.read_secret(reference)
        except KeyError:
            raise DestinationError("A secret of the destination is not there.") from None
        except Unavailable:
            raise DestinationError("A secret of the destination cannot be read now.") from None


class _Fresh:
    """Credentials made of secrets, made anew when the destination no longer takes them."""

    def __init__(self, make: Callable[[], Auth]) -> None:
        self._make = make
        self._made = make()

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        return self._made.authenticate(request)

    def refresh(self) -> bool:
        """Read the secrets again; the one retry after a 401 is worth it."""
        self._made = self._make()
        return True


@dataclass(frozen=True, slots=True)
class _Marked:
    """A transport that adds the hop mark to what stores.

    It comes after the credentials: a signature covers only the fields that it names.
    """

    transport: Transport
    marks: str

    def send(self, request: OutgoingRequest) -> Response:
        if request.method == "POST":
            headers = (*request.headers, (hop_mark.FIELD, self.marks))
            request = replace(request, headers=headers)
        return self.transport.send(request)


def encoder_of(shape: Representation) -> Encoder:
    """Return the encoder that a destination's representation asks for."""
    wire = WireOptions(is_gzipped=shape.is_gzipped, is_chunked=shape.is_chunked)
    if shape.form == "dicom":
        return DicomEncoder(wire, names_syntax=shape.names_syntax, is_raw=shape.is_raw)
    from chalicelib.useragent.representations import JsonEncoder, XmlEncoder

    return JsonEncoder(wire) if shape.form == "json" else XmlEncoder(wire)
