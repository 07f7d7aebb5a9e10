"""The values that travel through a user agent: instances, and what became of them.

Tuples, because there is one of each for every file, and they are made in a fifth of the time.
"""

from enum import StrEnum
from typing import NamedTuple

from chalicelib.useragent.sources import Source


class State(StrEnum):
    """What is known of an instance at a destination.

    ``sent``: on its way, or the process died before an answer was written down. ``unknown``: no
    answer said what became of it. ``unverified``: that could not be found out either.
    """

    FOUND = "found"
    SENT = "sent"
    REFERENCED = "referenced"
    WARNED = "warned"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNVERIFIED = "unverified"

    @property
    def is_stored(self) -> bool:
        """Whether the server said that it holds the instance."""
        return self in (State.REFERENCED, State.WARNED)


class Cause(StrEnum):
    """How an outcome is known."""

    LISTED = "listed"
    ALREADY_THERE = "already-there"
    FOUND_BY_SEARCH = "found-by-search"
    COERCED = "coerced-instance-uid"
    EXISTS = "exists"
    REASON = "reason"
    OTHER_FAILURE = "other-failure"
    NOTHING_LISTED = "nothing-listed"
    NOT_LISTED = "not-listed"
    STATUS = "status"
    TOO_LARGE = "too-large"
    NO_ANSWER = "no-answer"
    NOT_FOUND_BY_SEARCH = "not-found-by-search"
    SOURCE = "source"
    ENCODING = "encoding"
    OTHER_STUDY = "other-study"
    TWIN = "twin"


class Instance(NamedTuple):
    """A composite SOP Instance that can be sent.

    ``key`` is the caller's own, given back with the outcome.
    """

    sop_class: str
    sop_instance: str
    study: str
    series: str
    transfer_syntax: str
    source: Source
    key: int = 0
    is_uncertain: bool = False
    """Whether an earlier attempt ended without an answer."""


class Outcome(NamedTuple):
    """What became of one instance.

    Attributes
    ----------
    reason : int or None
        Failure or Warning Reason (PS3.18 Annex I.2).
    status : int or None
        HTTP status of the answer that settled it.
    detail : str
        Our own sentence; it may be written to a journal.
    said : str
        The server's own words, for a person to read; never written to a journal.
    is_rewritten : bool
        Whether it was sent as Explicit VR Little Endian although its file is not (U-04).
    """

    instance: Instance
    state: State
    cause: Cause = Cause.LISTED
    reason: int | None = None
    status: int | None = None
    detail: str = ""
    said: str = ""
    retrieve_url: str = ""
    is_rewritten: bool = False
