"""A store session under way, as a value; and who writes it down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.dicomweb.sessions import PartPlan


@dataclass(frozen=True, slots=True)
class Member:
    """An instance of a session's body.

    Attributes
    ----------
    key : int
        The instance's own.
    offset : int
        Where its bytes begin in the body.
    is_rewritten : bool
        Whether it is in the body as Explicit VR Little Endian although its file is not.
    """

    key: int
    offset: int
    is_rewritten: bool


@dataclass(slots=True)
class OpenSession:
    """As much of a session as another process needs to go on with it.

    Attributes
    ----------
    url : str
    boundary : str
        Of the body: with the members in order it makes the same body again.
    plan : PartPlan
    members : sequence of Member
        In the order of the body.
    digests : dict of int to bytes
        SHA-256 of the parts that have arrived, by number.
    was_completed : bool
        Whether the server was asked to complete it; before, it has stored nothing.
    key : int
        The ledger's own.
    """

    url: str
    boundary: str
    plan: PartPlan
    members: Sequence[Member]
    digests: dict[int, bytes] = field(default_factory=dict)
    was_completed: bool = False
    key: int = 0


class Ledger(Protocol):
    """Who writes sessions down; called from several threads, each time before anything leaves."""

    @property
    def keeps(self) -> bool:
        """Whether what was written down outlives the process; else unfinished sessions end."""
        ...

    def opened(self, session: OpenSession) -> None:
        """It was opened; nothing of the body has left."""
        ...

    def uploaded(self, session: OpenSession, number: int) -> None:
        """A part of it has arrived."""
        ...

    def completing(self, session: OpenSession) -> None:
        """The server is about to be asked to store it."""
        ...

    def closed(self, session: OpenSession) -> None:
        """Its answer was taken, or there will be none."""
        ...


class NoLedger:
    """Writes nothing down."""

    keeps = False

    def opened(self, session: OpenSession) -> None:
        """Nothing is written down."""

    def uploaded(self, session: OpenSession, number: int) -> None:
        """Nothing is written down."""

    def completing(self, session: OpenSession) -> None:
        """Nothing is written down."""

    def closed(self, session: OpenSession) -> None:
        """Nothing is written down."""
