"""What the transactions of a client share."""

from dataclasses import dataclass, field

from chalicelib.useragent.clock import Clock
from chalicelib.useragent.destination import ClientOptions, Destination, Gate
from chalicelib.useragent.doors import Doors
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.payloads import Encoder
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.search import Search


@dataclass(slots=True)
class Knowledge:
    """What the client has learnt of the destination; shared by threads, harmless when stale."""

    is_quoted: bool = True
    was_unquoted_tried: bool = False
    has_answered: bool = False
    has_stored: bool = False
    refusals_in_a_row: int = 0
    losses_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What the transactions of a client share."""

    destination: Destination
    exchange: Exchange
    encoder: Encoder
    limits: BatchLimits
    policy: RetryPolicy
    options: ClientOptions
    clock: Clock
    gate: Gate
    search: Search
    doors: Doors
    known: Knowledge = field(default_factory=Knowledge)
