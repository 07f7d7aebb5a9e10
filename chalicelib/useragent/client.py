"""The Store Transaction as a user agent performs it (PS3.18 10.5, requirements U-01 to U-15).

``StoreClient.store`` takes a batch and ends with an outcome for every instance of it: it repeats
what passes, halves what is too large, sends again what an answer left out, and asks a search where
even that does not tell.
"""

from collections.abc import Sequence

from chalicelib.useragent.clock import Clock, SystemClock
from chalicelib.useragent.context import Context
from chalicelib.useragent.destination import (
    ClientOptions,
    Destination,
    Gate,
    Observer,
    OpenGate,
    SilentObserver,
)
from chalicelib.useragent.dispatch import Dispatch
from chalicelib.useragent.doors import Door, Doors, can_go_by_session
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.model import Instance, Outcome
from chalicelib.useragent.open_session import Ledger, NoLedger, OpenSession
from chalicelib.useragent.payloads import DicomEncoder, Encoder
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.search import Search
from chalicelib.useragent.transaction import Transaction
from chalicelib.useragent.transport import origin_of

__all__ = ["ClientOptions", "Destination", "Gate", "Observer", "SilentObserver", "StoreClient"]


class StoreClient:
    """Stores instances at one destination; may be used from several threads.

    Parameters
    ----------
    destination : Destination
    exchange : Exchange
        Sends requests.
    encoder : Encoder
        Makes payloads; PS3.10 instances by default.
    limits : BatchLimits
        Taught by refusals.
    doors : Doors
        Where the server offers store sessions; taught by capabilities and refusals.
    """

    def __init__(
        self,
        destination: Destination,
        exchange: Exchange,
        *,
        encoder: Encoder | None = None,
        limits: BatchLimits | None = None,
        policy: RetryPolicy | None = None,
        options: ClientOptions | None = None,
        clock: Clock | None = None,
        gate: Gate | None = None,
        doors: Doors | None = None,
    ) -> None:
        clock = clock or SystemClock()
        encoder = encoder or DicomEncoder()
        limits = limits or (doors.limits if doors is not None else BatchLimits())
        doors = doors or Doors(limits)
        if not can_go_by_session(encoder):
            doors.choice = Door.SMALL
        self._context = Context(
            destination,
            exchange,
            encoder,
            limits,
            policy or RetryPolicy(),
            options or ClientOptions(),
            clock,
            gate or OpenGate(),
            Search(exchange, destination.base_url, clock),
            doors,
        )

    @property
    def encoder(self) -> Encoder:
        """What makes payloads."""
        return self._context.encoder

    @property
    def limits(self) -> BatchLimits:
        """What a request may hold, as far as is known."""
        return self._context.limits

    @property
    def doors(self) -> Doors:
        """Which ways there are to the destination, as far as is known."""
        return self._context.doors

    @property
    def is_plain(self) -> bool:
        """Whether files go out as they are and in the clear: nothing is encrypted or compressed."""
        is_clear = origin_of(self._context.destination.base_url)[0] == "http"
        return is_clear and can_go_by_session(self.encoder)

    def store(
        self,
        instances: Sequence[Instance],
        observer: Observer | None = None,
        ledger: Ledger | None = None,
    ) -> list[Outcome]:
        """Send a batch and return what became of each instance, in the order given.

        Parameters
        ----------
        instances : sequence of Instance
            As many as a request, or a session where the server offers them, may hold; with UIDs
            that differ.
        observer : Observer, optional
            Told before anything leaves and as soon as anything is known.
        ledger : Ledger, optional
            Told of store sessions.

        Raises
        ------
        DestinationError
            Nothing can be sent there; what was not settled until then is abandoned.
        """
        if len({one.sop_instance for one in instances}) != len(instances):
            raise ValueError("a SOP Instance UID stands twice in a batch")
        return self._transaction(instances, observer, ledger).run()

    def resume(
        self,
        session: OpenSession,
        instances: Sequence[Instance],
        observer: Observer | None = None,
        ledger: Ledger | None = None,
    ) -> list[Outcome]:
        """Go on with a session that another process has left; else as ``store``.

        Parameters
        ----------
        session : OpenSession
            As the ledger kept it.
        instances : sequence of Instance
            Its members, in order.
        """
        return self._transaction(instances, observer, ledger).run(session)

    def cancel(self, session: OpenSession, ledger: Ledger | None = None) -> None:
        """End a session that another process has left, without an answer."""
        Dispatch(self._context, SilentObserver(), ledger or NoLedger()).sessions.cancel(session)

    def _transaction(
        self, instances: Sequence[Instance], observer: Observer | None, ledger: Ledger | None
    ) -> Transaction:
        observer = observer or SilentObserver()
        return Transaction(self._context, observer, instances, ledger or NoLedger())
