"""A batch on its way through one of two doors: the payload is the same, and so is the answer.

What belongs here: which door, and what is sent through it. What must not: what an answer means for
the instances (``transaction``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.dicomweb.multipart_writer import MultipartBody
from chalicelib.dicomweb.sessions import OpenRequest
from chalicelib.useragent.body_view import BodyView
from chalicelib.useragent.context import Context
from chalicelib.useragent.destination import Observer
from chalicelib.useragent.open_session import Ledger, Member, OpenSession
from chalicelib.useragent.payloads import Payload, Piece
from chalicelib.useragent.session_post import SessionPost
from chalicelib.useragent.sessions import SessionGone, SessionRequests
from chalicelib.useragent.transport import OutgoingRequest, Response


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, the bytes of the body that got it, the door they went through, and how long."""

    response: Response
    size: int
    is_by_session: bool = False
    seconds: float = 0.0


@dataclass(slots=True)
class Dispatch:
    """Sends batches, one at a time.

    Attributes
    ----------
    session : OpenSession or None
        That which the batch went by, until it is closed.
    """

    context: Context
    observer: Observer
    ledger: Ledger
    session: OpenSession | None = None

    @property
    def was_completed(self) -> bool:
        """Whether the batch went by a session that the server was asked to store."""
        return self.session is not None and self.session.was_completed

    @property
    def sessions(self) -> SessionPost:
        """How payloads are sent by session."""
        client = self.context
        requests = SessionRequests(
            client.exchange,
            client.destination.base_url,
            client.clock,
            client.policy,
            client.gate,
            self.observer.waiting,
        )
        return SessionPost(requests, self.ledger, client.options.connections)

    def send(self, pieces: Sequence[Piece]) -> Reply:
        """Send a batch and return the answer.

        Raises
        ------
        SourceError, TransportError, DestinationError, Stopped
        NotOffered
            The server opens no sessions.
        """
        client = self.context
        self.session = None
        payload = self._payload(pieces, client.clock.boundary())
        body = payload.body
        if isinstance(body, MultipartBody) and client.doors.by_session(body.length or 0):
            return self._send_by_session(pieces, payload, body)
        self.observer.sending([piece.instance for piece in pieces])
        request = OutgoingRequest(
            "POST",
            client.destination.store_url,
            (("Accept", client.options.accept), *payload.headers),
            body,
            client.options.expects_continue,
            self.observer.idle,
        )
        with client.gate.slot():
            began = client.clock.monotonic()
            response = client.exchange.send(request)
            seconds = client.clock.monotonic() - began
        self.observer.idle()  # not every transport waits
        return Reply(response, body.length or 0, seconds=seconds)

    def resume(self, session: OpenSession, pieces: Sequence[Piece]) -> Reply:
        """Go on with a session that an earlier process left; else as ``send``."""
        self.session = session

        def view() -> BodyView:
            return self._same_body(session, pieces)

        response = self.sessions.carry(session, view, is_resumed=True)
        return Reply(response, session.plan.size, is_by_session=True)

    def close(self) -> None:
        """Take note that the answer was taken."""
        if self.session is not None:
            self.observer.idle()
            self.ledger.closed(self.session)
            self.session = None

    def _send_by_session(
        self, pieces: Sequence[Piece], payload: Payload, body: MultipartBody
    ) -> Reply:
        client, view = self.context, BodyView(body)
        members = [
            Member(piece.instance.key, offset, client.encoder.is_rewritten(piece))
            for piece, offset in zip(pieces, view.offsets, strict=True)
        ]
        headers = {"Accept": client.options.accept, **dict(payload.headers)}
        request = OpenRequest(client.destination.resource, headers, view.length)
        opened = self.sessions.open(request, body.boundary, members)
        if isinstance(opened, Response):
            return Reply(opened, view.length, is_by_session=True)
        self.session = opened
        self.observer.sending([piece.instance for piece in pieces])
        response = self.sessions.carry(opened, lambda: view)
        return Reply(response, view.length, is_by_session=True)

    def _same_body(self, session: OpenSession, pieces: Sequence[Piece]) -> BodyView:
        """Make a session's body again.

        Raises
        ------
        SessionGone
            It would be another: options have changed.
        """
        body = self._payload(pieces, session.boundary).body
        if isinstance(body, MultipartBody):
            view = BodyView(body)
            is_rewritten = self.context.encoder.is_rewritten
            if all(
                (offset, is_rewritten(piece)) == (member.offset, member.is_rewritten)
                for piece, member, offset in zip(pieces, session.members, view.offsets, strict=True)
            ):
                return view
        raise SessionGone("What was half uploaded would now be sent otherwise.")

    def _payload(self, pieces: Sequence[Piece], boundary: str) -> Payload:
        client = self.context
        return client.encoder.encode(pieces, boundary, is_quoted=client.known.is_quoted)
