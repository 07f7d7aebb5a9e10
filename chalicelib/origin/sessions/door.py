"""The session resources: open, URLs of parts, complete, state, response, cancel.

Nothing is stored here: completing records it and wakes a worker. What can be refused before a body
is there is refused when the session is opened (``opening``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from chalicelib.dicomweb.capabilities import allowed_methods
from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.messages import HttpRequest, HttpResponse
from chalicelib.dicomweb.resources import (
    SessionResource,
    StoreSession,
    StoreSessions,
    sessions_url,
)
from chalicelib.dicomweb.sessions import (
    MalformedDocument,
    Progress,
    SessionState,
    SessionStatus,
    decode_complete,
    decode_open,
    decode_wanted,
    encode_status,
    encode_urls,
)
from chalicelib.origin import hop_mark
from chalicelib.origin.answering import RETRY_AFTER_SECONDS
from chalicelib.origin.ports import Clock, Conflict, Telemetry, Unavailable
from chalicelib.origin.sessions.lease import is_stalled
from chalicelib.origin.sessions.model import Session, SessionName
from chalicelib.origin.sessions.opening import Opening, check_checksum, check_opening
from chalicelib.origin.sessions.ports import IngestQueue, SessionStore, Staging
from chalicelib.origin.times import later, timestamp

OPEN_SECONDS = 24 * 3600.0
"""How long parts may be uploaded; the staging bucket forgets them a day later."""
MAX_ANSWER_BYTES = 3_000_000
"""Of an answer that passes Lambda and the gateway, escaped once more as JSON."""
_MISSING_NAMED = 20
_JSON = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class DoorPorts:
    """What the session resources need of the world; ``make_identity`` returns 32 hex digits."""

    sessions: SessionStore
    staging: Staging
    queue: IngestQueue
    telemetry: Telemetry
    clock: Clock
    make_identity: Callable[[], str]


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """What the deployment decides."""

    base_uri: str
    strict: bool = False
    max_bytes: int = 1 << 40


class SessionDoor:
    """Answers requests of the session resources."""

    def __init__(self, ports: DoorPorts, policy: DoorPolicy) -> None:
        self._ports = ports
        self._policy = policy

    def answer(self, request: HttpRequest, resource: SessionResource) -> HttpResponse:
        """Return the answer to a request.

        Raises
        ------
        RequestError
        """
        try:
            return self._answer(request, resource)
        except MalformedDocument as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, f"The body is refused: {error}.") from None
        except Conflict:
            raise _not_now("The session was changed by another request; ask again.") from None
        except Unavailable:
            raise _not_now("The session cannot be looked after now; ask again.") from None

    def _answer(self, request: HttpRequest, resource: SessionResource) -> HttpResponse:
        if isinstance(resource, StoreSessions):
            if request.method == "POST":
                return self._open(request, resource)
            raise _not_allowed(resource)
        match request.method, resource.aspect:
            case "GET", "":
                return self._state(self._find(request, resource))
            case "DELETE", "":
                return self._state(self._cancel(self._find(request, resource)))
            case "POST", "urls":
                return self._urls(request, self._find(request, resource))
            case "POST", "complete":
                return self._complete(request, self._find(request, resource))
            case "GET", "response":
                return self._response(self._find(request, resource))
        raise _not_allowed(resource)

    def _find(self, request: HttpRequest, resource: StoreSession) -> Session:
        """Return the session if it is the sender's: of another's nothing is told."""
        name = SessionName(resource.partition, resource.identity)
        session = self._ports.sessions.read(name)
        if session is None or session.subject != (request.subject or ""):
            raise RequestError(HTTPStatus.NOT_FOUND, "There is no such session, or it is over.")
        return session

    # ------------------------------------------------------------------ open

    def _open(self, request: HttpRequest, resource: StoreSessions) -> HttpResponse:
        opening = check_opening(
            decode_open(request.body),
            resource.partition,
            strict=self._policy.strict,
            max_bytes=self._policy.max_bytes,
            mark=request.headers.get(hop_mark.FIELD),
        )
        session = self._begin(opening, resource.partition, request.subject or "")
        self._ports.telemetry.event(
            "session opened",
            request_id=request.request_id,
            session=session.name.identity,
            partition=session.name.partition,
            size=session.plan.size,
        )
        response = self._state(session, is_new=True)
        return replace(
            response,
            status=int(HTTPStatus.CREATED),
            headers=(*response.headers, ("Location", self._url(session))),
        )

    def _begin(self, opening: Opening, partition: str, subject: str) -> Session:
        ports, now = self._ports, self._ports.clock()
        name = SessionName(partition, ports.make_identity())
        session = Session(
            name=name,
            subject=subject,
            resource=opening.resource,
            content_type=opening.content_type,
            form=opening.form,
            plan=opening.plan,
            upload_id=ports.staging.begin(name.body_key),
            opened=timestamp(now),
            expires=later(now, OPEN_SECONDS),
            via=opening.via,
            checksum=opening.checksum,
        )
        return ports.sessions.write(session)

    # ------------------------------------------------------------------ upload

    def _urls(self, request: HttpRequest, session: Session) -> HttpResponse:
        self._check_open(session)
        wanted = decode_wanted(request.body)
        plan = session.plan
        if any(not 1 <= part.number <= plan.count for part in wanted):
            raise RequestError(
                HTTPStatus.BAD_REQUEST, f"Parts of this session are numbered 1 to {plan.count}."
            )
        key, upload = session.name.body_key, session.upload_id
        urls = [
            self._ports.staging.part_url(key, upload, part, plan.size_of(part.number))
            for part in wanted
        ]
        return HttpResponse(int(HTTPStatus.OK), _JSON, encode_urls(urls))

    def _check_open(self, session: Session) -> None:
        state = self._state_of(session)
        if state is not SessionState.OPEN:
            raise RequestError(HTTPStatus.CONFLICT, f"The session is not open: it is {state}.")

    def _state_of(self, session: Session) -> SessionState:
        is_late = session.expires <= timestamp(self._ports.clock())
        if session.state is SessionState.OPEN and is_late:
            return SessionState.EXPIRED
        return session.state

    # ------------------------------------------------------------------ complete

    def _complete(self, request: HttpRequest, session: Session) -> HttpResponse:
        told = decode_complete(request.body)
        if session.state.is_at_work or session.state is SessionState.FINAL:
            self._wake_again(session)
            return self._accepted(session)
        self._check_open(session)
        checksum = self._checksum(told, session)
        self._check_received(session)
        session = self._ports.sessions.write(
            replace(session, state=SessionState.QUEUED, checksum=checksum)
        )
        self._ports.queue.wake(session.name)
        self._ports.telemetry.event(
            "session completed", request_id=request.request_id, session=session.name.identity
        )
        return self._accepted(session)

    def _accepted(self, session: Session) -> HttpResponse:
        is_final = session.state is SessionState.FINAL
        status = HTTPStatus.OK if is_final else HTTPStatus.ACCEPTED
        return replace(self._state(session), status=int(status))

    def _wake_again(self, session: Session) -> None:
        """Wake a worker where none seems to be: the message of the first may be lost or late."""
        now = timestamp(self._ports.clock())
        if session.state is SessionState.QUEUED or is_stalled(session, now):
            self._ports.queue.wake(session.name)

    def _checksum(self, told: str, session: Session) -> str:
        checksum = told or session.checksum
        check_checksum(checksum, session.plan)
        if session.checksum and checksum != session.checksum:
            raise RequestError(
                HTTPStatus.BAD_REQUEST,
                "The checksum is not the one that the session was opened with.",
            )
        return checksum

    def _check_received(self, session: Session) -> None:
        """Refuse to complete what is incomplete; the session stays open for the rest."""
        received = self._ports.staging.received(session.name.body_key, session.upload_id)
        if received is None:
            raise RequestError(
                HTTPStatus.CONFLICT, "The session's upload is gone: open another session."
            )
        plan = session.plan
        missing = [n for n in range(1, plan.count + 1) if received.get(n) != plan.size_of(n)]
        if missing:
            named = ", ".join(map(str, missing[:_MISSING_NAMED]))
            more = len(missing) - _MISSING_NAMED
            raise RequestError(
                HTTPStatus.CONFLICT,
                f"{len(missing)} of {plan.count} parts of the upload are missing: {named}"
                f"{f' and {more} more' if more > 0 else ''}. Upload them and complete again.",
            )

    # ------------------------------------------------------------------ state and answer

    def _state(self, session: Session, *, is_new: bool = False) -> HttpResponse:
        state, placed = self._state_of(session), session.placed
        answer_url = f"{self._url(session)}/response" if session.answer else ""
        framed_bytes = session.framed.offset
        if state in (SessionState.PLACING, SessionState.FINAL):
            framed_bytes = session.plan.size
        status = SessionStatus(
            identity=session.name.identity,
            state=state,
            resource=session.resource,
            plan=session.plan,
            opened=session.opened,
            expires=session.expires,
            received=() if is_new else self._received(session, state),
            retry_after=_patience(session.plan.size),
            is_stalled=is_stalled(session, timestamp(self._ports.clock())),
            progress=Progress(
                framed_bytes,
                session.framed.parts,
                placed.parts + session.under_way,
                placed.tally.stored,
                placed.tally.failed,
            ),
            status=session.answer.status if session.answer else 0,
            response=answer_url,
            response_url=self._large_answer_url(session),
        )
        return HttpResponse(int(HTTPStatus.OK), _JSON, encode_status(status))

    def _received(self, session: Session, state: SessionState) -> tuple[int, ...]:
        """Return the parts that are there, of an open session that may have some."""
        if state is not SessionState.OPEN:
            return ()
        received = self._ports.staging.received(session.name.body_key, session.upload_id) or {}
        return tuple(n for n in sorted(received) if received[n] == session.plan.size_of(n))

    def _large_answer_url(self, session: Session) -> str:
        if session.answer is None or session.answer.size <= MAX_ANSWER_BYTES:
            return ""
        return self._ports.staging.link(session.answer_key)

    def _response(self, session: Session) -> HttpResponse:
        answer = session.answer
        if answer is None:
            raise RequestError(
                HTTPStatus.NOT_FOUND,
                "The session has no response yet.",
                retryable=session.state.is_at_work,
            )
        if answer.size > MAX_ANSWER_BYTES:
            url = self._large_answer_url(session)
            return HttpResponse(int(HTTPStatus.SEE_OTHER), (("Location", url),))
        content = self._ports.staging.get(session.answer_key)
        if content is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "The session's response is no longer kept.")
        return HttpResponse(answer.status, answer.headers, content.decode())

    def _cancel(self, session: Session) -> Session:
        """Forget the session's parts; asked again, try again what may have failed."""
        if session.state not in (SessionState.OPEN, SessionState.CANCELLED):
            raise RequestError(
                HTTPStatus.CONFLICT, f"The session cannot be cancelled: it is {session.state}."
            )
        if session.state is SessionState.OPEN:
            session = self._ports.sessions.write(replace(session, state=SessionState.CANCELLED))
        self._ports.staging.abort(session.name.body_key, session.upload_id)
        return session

    def _url(self, session: Session) -> str:
        base = sessions_url(self._policy.base_uri, session.name.partition)
        return f"{base}/{session.name.identity}"


def _patience(size: int) -> int:
    """Return after how many seconds to ask again: a hundredth of what a slow worker may need."""
    return min(max(size >> 28, 1), 10)


def _not_now(detail: str) -> RequestError:
    return RequestError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        detail,
        retryable=True,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _not_allowed(resource: SessionResource) -> RequestError:
    allow = allowed_methods(resource)
    return RequestError(
        HTTPStatus.METHOD_NOT_ALLOWED, f"This resource takes {allow}.", headers={"Allow": allow}
    )
