"""Requests, answers and failures as the services of the stand-in see them; no I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# The far side of the adapters: AWS's documents are as loose here as they are there.
Document = dict[str, Any]


class Sink(Protocol):
    """Takes a body that is too large to be held, as it arrives."""

    def write(self, piece: memoryview) -> None:
        """Take the next bytes; they are overwritten once this returns."""


class Piece(Protocol):
    """A run of bytes to be sent."""

    @property
    def length(self) -> int:
        """Return how many."""

    @property
    def offset(self) -> int:
        """Return where they begin in the file that `fileno` names."""

    def fileno(self) -> int | None:
        """Return the descriptor of the file they are in, None if they are in none."""

    def read(self) -> bytes:
        """Return them."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes
    ----------
    headers : mapping
        Names are lower case.
    body : bytes
        Free of transfer-coding; empty where a sink took it.
    sink : Sink or None
        What took the body.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    sink: Sink | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer.

    Attributes
    ----------
    pieces : sequence of Piece
        Follow the body.
    declared_length : int or None
        What a HEAD answer says it would have carried.
    again : callable or None
        There is no answer yet: the connection asks this for one a little later.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    declared_length: int | None = None
    pieces: Sequence[Piece] = ()
    again: "Callable[[], Response] | None" = None


class AwsError(Exception):
    """A refusal with AWS's own status and code.

    Parameters
    ----------
    status : int
        The HTTP status.
    code : str
        The name that ``ClientError.response["Error"]["Code"]`` will carry.
    message : str
        One sentence.
    members : mapping, optional
        Further members of a JSON error document, such as ``Item``.
    """

    def __init__(
        self, status: int, code: str, message: str, members: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.members = dict(members or {})
