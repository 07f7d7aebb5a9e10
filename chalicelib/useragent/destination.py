"""Where instances go, how the client behaves there, and who watches and paces it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from chalicelib.useragent.model import Instance, Outcome

ACCEPT = "application/dicom+json, application/dicom+xml;q=0.9, */*;q=0.1"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where instances go.

    Parameters
    ----------
    base_url : str
        Of the DICOMweb service, without ``/studies``.
    study : str
        Store to this Study resource (Table 10.5.1-1); "" stores to Studies.
    """

    base_url: str
    study: str = ""

    @property
    def store_url(self) -> str:
        """The target resource."""
        base = self.base_url.rstrip("/")
        return f"{base}{self.resource}"

    @property
    def resource(self) -> str:
        """Its path below the service."""
        return f"/studies/{self.study}" if self.study else "/studies"


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a client behaves.

    Parameters
    ----------
    retries_unquoted : bool
        On 400 and 415 send once more with ``type`` unquoted (8.7.1 note, U-03); it doubles what
        is sent to a server that refuses for another reason.
    expects_continue : bool
        Ask for leave before bodies (U-15).
    can_search : bool
        Ask a search what became of instances that no answer lists.
    connections : int
        Parts of a store session under way at once; the gate may let out fewer.
    """

    retries_unquoted: bool = False
    expects_continue: bool = False
    can_search: bool = True
    accept: str = ACCEPT
    connections: int = 4


class Observer(Protocol):
    """Who wants to know; a journal as a rule. Called from the thread that stores."""

    def sending(self, instances: Sequence[Instance]) -> None:
        """These leave now; called before the first byte does."""
        ...

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """This became of them."""
        ...

    def idle(self) -> None:
        """There is time: a request has gone out as far as the server takes it for now.

        Called at least once for each request that is answered, and before a session is forgotten.
        """
        ...

    def abandoned(self, instances: Sequence[Instance]) -> None:
        """Nothing more will be tried; ``is_uncertain`` says whether they may have arrived."""
        ...

    def waiting(self, seconds: float, why: str) -> None:
        """The next attempt waits."""
        ...


class Gate(Protocol):
    """How many requests may be under way; see ``concurrency``."""

    def slot(self) -> AbstractContextManager[object]:
        """Wait for leave to send one request."""
        ...

    def throttled(self) -> None:
        """The server asked for less."""
        ...

    def accepted(self) -> None:
        """The server took a request."""
        ...


class OpenGate:
    """A gate that is always open."""

    def slot(self) -> AbstractContextManager[object]:
        """Wait for nothing."""
        return nullcontext()

    def throttled(self) -> None:
        """Nothing changes."""

    def accepted(self) -> None:
        """Nothing changes."""


class SilentObserver:
    """An observer that does nothing."""

    def sending(self, instances: Sequence[Instance]) -> None:
        """Nothing is written down."""

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Nothing is written down."""

    def idle(self) -> None:
        """There is nothing to do."""

    def abandoned(self, instances: Sequence[Instance]) -> None:
        """Nothing is written down."""

    def waiting(self, seconds: float, why: str) -> None:
        """Nobody is told."""
