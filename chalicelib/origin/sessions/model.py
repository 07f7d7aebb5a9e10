"""What is kept of a session, and where its objects are in the staging bucket.

What belongs here: values. What must not: how a store spells them.
"""

from dataclasses import dataclass, field

from chalicelib.dicomweb.negotiation import ResponseFormat
from chalicelib.dicomweb.sessions import PartPlan, SessionState
from chalicelib.dicomweb.store_instances import Tally


@dataclass(frozen=True, slots=True, order=True)
class SessionName:
    """What names a session."""

    partition: str
    identity: str

    @property
    def body_key(self) -> str:
        """Where the body is, or is going to be."""
        return f"{self._folder}/body"

    def answer_key(self, fence: int) -> str:
        """Where the answer's body is that the lease of this number wrote."""
        return f"{self._folder}/answer/{fence:04d}"

    def framing_key(self, fence: int, page: int) -> str:
        """Where a page of the framing table is that the lease of this number wrote."""
        return f"{self._folder}/framing/{fence:04d}/{page:05d}"

    def outcomes_key(self, page: int) -> str:
        """Where the outcomes of the parts of a framing page are."""
        return f"{self._folder}/outcomes/{page:05d}"

    @property
    def _folder(self) -> str:
        return f"{self.partition}/sessions/{self.identity}"


@dataclass(frozen=True, slots=True)
class Framed:
    """How far framing has come, always between two parts.

    ``parts`` were found in ``pages`` pages, which count from 0; ``offset`` is where the delimiter
    behind the last of them begins. ``writers`` tells who wrote them: the number of a lease and its
    first page. Where two workers would cut pages differs, so each writes in a folder of its own.
    """

    pages: int = 0
    parts: int = 0
    offset: int = 0
    writers: tuple[tuple[int, int], ...] = ()

    def writer_of(self, page: int) -> int:
        """Return the number of the lease that wrote a page."""
        return max((first, fence) for fence, first in self.writers if first <= page)[1]

    def followed(self, fence: int, parts: int, offset: int) -> "Framed":
        """Return the state after one more page, written under this lease."""
        writers = self.writers
        if not writers or writers[-1][0] != fence:
            writers = (*writers, (fence, self.pages))
        return Framed(self.pages + 1, parts, offset, writers)


@dataclass(frozen=True, slots=True)
class Placed:
    """How far placing has come: whole pages. ``studies`` are those of stored instances, at most
    two: one is named in the answer, of more none is (PS3.18 Table 10.5.3-2)."""

    pages: int = 0
    parts: int = 0
    tally: Tally = field(default_factory=Tally)
    studies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The final answer: ``size`` is of its body, in bytes of UTF-8."""

    status: int
    headers: tuple[tuple[str, str], ...]
    size: int


@dataclass(frozen=True, slots=True)
class Session:
    """The record of a session: the only thing of it that changes.

    Attributes
    ----------
    resource : str
        Path of the target resource below the service.
    content_type : str
        Of the Store request.
    form : ResponseFormat
        Negotiated when the session was opened.
    via : str
        The hop mark that came with it (``origin.hop_mark``).
    checksum : str
        S3's composite SHA-256, "" until it is told.
    opened, expires, lease_until : str
        ISO 8601 times, UTC, with milliseconds and ``Z``: they compare as text.
    fence : int
        Number of the lease: each that is taken has a larger one.
    attempts : int
        Leases taken since the last progress.
    under_way : int
        Parts stored of the page that is being placed: for who watches, not for who goes on.
    version : int
        Of the record; 0 is that of none.
    """

    name: SessionName
    subject: str
    resource: str
    content_type: str
    form: ResponseFormat
    plan: PartPlan
    upload_id: str
    opened: str
    expires: str
    via: str = ""
    checksum: str = ""
    state: SessionState = SessionState.OPEN
    fence: int = 0
    lease_until: str = ""
    attempts: int = 0
    under_way: int = 0
    framed: Framed = field(default_factory=Framed)
    placed: Placed = field(default_factory=Placed)
    answer: Answer | None = None
    version: int = 0

    @property
    def answer_key(self) -> str:
        """Where this lease writes the answer's body, or the last one has written it."""
        return self.name.answer_key(self.fence)
