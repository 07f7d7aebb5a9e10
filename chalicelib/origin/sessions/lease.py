"""Who works on a session: one worker at a time, and what it knows is what is written down.

Every write is the next version of the record that was read, so that of two workers one fails at
its next write. A lease lapses a while after its last write; whoever takes it over raises its
number. What the first worker still does then harms nothing: instances, framing pages and outcomes
are created once.
"""

from dataclasses import replace
from typing import Any

from chalicelib.dicomweb.sessions import SessionState
from chalicelib.origin.ports import Clock, Conflict
from chalicelib.origin.sessions.model import Session, SessionName
from chalicelib.origin.sessions.ports import SessionStore
from chalicelib.origin.times import later, timestamp

LEASE_SECONDS = 90.0
RENEWED_AFTER = 5.0
"""Seconds: often enough for who watches the progress."""


class LeaseLost(Exception):  # noqa: N818 - reads as the fact it is
    """Another worker has the session, or nobody has to have it any more."""


class Lease:
    """A session held by this worker. ``session`` is what is written down of it."""

    def __init__(self, session: Session, sessions: SessionStore, clock: Clock) -> None:
        self.session = session
        self._sessions = sessions
        self._clock = clock
        self._renewed = clock()

    def write(self, **changes: Any) -> Session:
        """Write the session with these changes. Raises LeaseLost, Unavailable."""
        return self._write(lease_until=later(self._clock(), LEASE_SECONDS), **changes)

    def keep(self, **changes: Any) -> None:
        """Renew the lease, with these changes, if it is time to. Raises LeaseLost, Unavailable."""
        if (self._clock() - self._renewed).total_seconds() >= RENEWED_AFTER:
            self.write(**changes)

    def release(self, **changes: Any) -> Session:
        """Write the session as nobody's. Raises LeaseLost, Unavailable."""
        return self._write(lease_until="", **changes)

    def _write(self, **changes: Any) -> Session:
        now = self._clock()
        try:
            self.session = self._sessions.write(replace(self.session, **changes))
        except Conflict:
            raise LeaseLost from None
        self._renewed = now
        return self.session


def take_lease(name: SessionName, sessions: SessionStore, clock: Clock) -> Lease | None:
    """Return the session held by this worker; None when there is nothing to do.

    Raises
    ------
    LeaseLost
        Another worker holds it.
    Unavailable
    """
    session = sessions.read(name)
    if session is None or not session.state.is_at_work:
        return None
    if session.lease_until > timestamp(clock()):
        raise LeaseLost
    lease = Lease(session, sessions, clock)
    lease.write(fence=session.fence + 1, attempts=session.attempts + 1)
    return lease


def is_stalled(session: Session, now: str) -> bool:
    """Return whether a worker held the session and does not any more."""
    at_work = session.state in (SessionState.FRAMING, SessionState.PLACING)
    return at_work and session.lease_until <= now
