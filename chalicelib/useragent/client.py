"""The Store Transaction as a user agent performs it (PS3.18 10.5, requirements U-01 to U-15).

``StoreClient.store`` takes a batch and ends with an outcome for every instance of it: it repeats
what passes, halves what is too large, sends again what an answer left out, and asks a search where
even that does not tell.
"""

from collections.abc import Sequence

from chalicelib.useragent.clock import Clock, SystemClock
from chalicelib.useragent.destination import (
    ClientOptions,
    Destination,
    Gate,
    Observer,
    OpenGate,
    SilentObserver,
)
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.model import Instance, Outcome
from chalicelib.useragent.payloads import DicomEncoder, Encoder
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.search import Search
from chalicelib.useragent.transaction import Context, Transaction

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
    ) -> None:
        clock = clock or SystemClock()
        self._context = Context(
            destination,
            exchange,
            encoder or DicomEncoder(),
            limits or BatchLimits(),
            policy or RetryPolicy(),
            options or ClientOptions(),
            clock,
            gate or OpenGate(),
            Search(exchange, destination.base_url, clock),
        )

    @property
    def encoder(self) -> Encoder:
        """What makes payloads."""
        return self._context.encoder

    @property
    def limits(self) -> BatchLimits:
        """What a request may hold, as far as is known."""
        return self._context.limits

    def store(
        self, instances: Sequence[Instance], observer: Observer | None = None
    ) -> list[Outcome]:
        """Send a batch and return what became of each instance, in the order given.

        Parameters
        ----------
        instances : sequence of Instance
            As many as a request may hold, with UIDs that differ.
        observer : Observer, optional
            Told before anything leaves and as soon as anything is known.

        Raises
        ------
        DestinationError
            Nothing can be sent there; what was not settled until then is abandoned.
        """
        if len({one.sop_instance for one in instances}) != len(instances):
            raise ValueError("a SOP Instance UID stands twice in a batch")
        transaction = Transaction(self._context, observer or SilentObserver(), instances)
        return transaction.run()
