"""What ``POST`` is to the small door: a payload goes out by a store session, its answer comes back.

::

    open ──> parts ──> complete ──> wait ──> answer
               ^           │          │
               └─ missing ─┴─ stalled ┘

A session that fails before it was completed has stored nothing, and is cancelled. One that the run
cannot go on with, because the server is down or the user stops, stays open for the next run where
a ledger keeps it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.dicomweb.sessions import (
    OpenRequest,
    SessionState,
    SessionStatus,
    composite_checksum,
)
from chalicelib.useragent.body_view import BodyView
from chalicelib.useragent.errors import (
    DestinationError,
    SourceError,
    Stopped,
    TransportError,
)
from chalicelib.useragent.open_session import Ledger, Member, OpenSession
from chalicelib.useragent.session_parts import PartUploads
from chalicelib.useragent.sessions import SessionGone, SessionRequests
from chalicelib.useragent.transport import Response

_ROUNDS = 3
"""Of uploading what the server misses."""
_LONGEST_WAIT = 60.0
_PATIENCE = 900.0
"""Seconds of waiting without progress: a worker's time at the server, once over."""


@dataclass(frozen=True, slots=True)
class SessionPost:
    """Sends payloads by session.

    Parameters
    ----------
    requests : SessionRequests
    ledger : Ledger
    connections : int
        Parts under way at once.
    """

    requests: SessionRequests
    ledger: Ledger
    connections: int = 4

    def open(
        self, request: OpenRequest, boundary: str, members: Sequence[Member]
    ) -> OpenSession | Response:
        """Open a session and write it down; return the answer where its body is refused.

        Raises
        ------
        NotOffered, DestinationError
        """
        status = self.requests.open(request)
        if isinstance(status, Response):
            return status
        url = self.requests.url_of(status.identity)
        session = OpenSession(url, boundary, status.plan, tuple(members))
        self.ledger.opened(session)
        return session

    def carry(
        self, session: OpenSession, view: Callable[[], BodyView], *, is_resumed: bool = False
    ) -> Response:
        """Bring a session to its end and return the answer; the caller closes it then.

        Parameters
        ----------
        view : callable
            Gives the body when parts are to be sent; not called when all have arrived.
        is_resumed : bool
            Ask first where the session stands.

        Raises
        ------
        SourceError
            An instance cannot be read. The session is cancelled.
        TransportError
            The session is gone; ``may_have_arrived`` says whether it was completed.
        DestinationError, Stopped
            The session is kept, or cancelled if it can be and nobody keeps it.
        """
        try:
            return self._carried(session, view, is_resumed)
        except SourceError:
            self.cancel(session)
            raise
        except SessionGone as error:
            self.cancel(session)
            raise TransportError(str(error), may_have_arrived=session.was_completed) from None
        except (DestinationError, Stopped):
            if not self.ledger.keeps and not session.was_completed:
                self.cancel(session)
            raise

    def cancel(self, session: OpenSession) -> None:
        """End a session without an answer; what was completed goes on at the server."""
        if not session.was_completed:
            self.requests.cancel(session.url)
        self.ledger.closed(session)

    def _carried(
        self, session: OpenSession, view: Callable[[], BodyView], is_resumed: bool
    ) -> Response:
        status = self.requests.state(session.url) if is_resumed else None
        for _ in range(_ROUNDS):
            if status is None or status.state is SessionState.OPEN:
                self._upload(session, view, status.received if status is not None else ())
                self._complete(session)
                status = self.requests.state(session.url)
            status = self._waited(session, status)
            if status.state is SessionState.FINAL:
                return self.requests.answer(session.url, status)
        raise SessionGone("The server does not find the body whole.")

    def _upload(
        self, session: OpenSession, view: Callable[[], BodyView], received: Sequence[int]
    ) -> None:
        """Send what has not arrived, as both sides know it."""
        arrived = session.digests.keys() & set(received)
        missing = [n for n in range(1, session.plan.count + 1) if n not in arrived]
        if not missing:
            return
        body = view()
        if body.length != session.plan.size:
            raise SessionGone("The body is not what it was when the session was opened.")
        uploads = PartUploads(self.requests, session, body, self.ledger, self.connections)
        uploads.run(missing)

    def _complete(self, session: OpenSession) -> None:
        if not session.was_completed:
            self.ledger.completing(session)
            session.was_completed = True
        session.was_completed = self.requests.complete(session.url, _checksum(session))

    def _waited(self, session: OpenSession, status: SessionStatus) -> SessionStatus:
        """Return the state that a session is in when no worker has anything to do with it."""
        quiet, seen = 0.0, None
        while status.state.is_at_work:
            if status.is_stalled:
                self.requests.complete(session.url, _checksum(session))
            if quiet > _PATIENCE:
                raise DestinationError("The server does not get on with a store session.")
            clock = self.requests.clock
            seconds = min(max(float(status.retry_after), 1.0), _LONGEST_WAIT)
            seconds += clock.uniform(0.0, min(1.0, seconds / 4))
            self.requests.waiting(seconds, _words(status))
            clock.sleep(seconds)
            told = (status.state, status.progress)
            quiet, seen = (quiet + seconds if told == seen else 0.0), told
            status = self.requests.state(session.url)
        if status.state in (SessionState.CANCELLED, SessionState.EXPIRED):
            raise SessionGone(f"The session is {status.state}.")
        return status


def _checksum(session: OpenSession) -> str:
    """Return what the session is completed with; "" when not all digests are known any more."""
    numbers = range(1, session.plan.count + 1)
    if not all(number in session.digests for number in numbers):
        return ""
    return composite_checksum(session.digests[number] for number in numbers)


def _words(status: SessionStatus) -> str:
    progress = status.progress
    if status.state is SessionState.PLACING:
        return f"the server has stored {progress.placed_parts} of {progress.framed_parts}"
    return "for the server to store what was uploaded"
