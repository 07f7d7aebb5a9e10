"""A service of store sessions in memory, and the bucket that parts go to: the server's side of
``docs/sessions.md``, as a transport.

::

    service = SessionService(max_body_bytes=1000, part_bytes=300)
    service.meet("PUT", answer(403), LOST)          # the first two PUTs; then it works again
"""

import copy
import json
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.sessions import (
    RELATION,
    OpenRequest,
    PartPlan,
    PartUrl,
    Progress,
    SessionState,
    SessionStatus,
    composite_checksum,
    decode_complete,
    decode_open,
    decode_wanted,
    encode_status,
    encode_urls,
)
from chalicelib.useragent.errors import Stopped, TransportError
from chalicelib.useragent.transport import OutgoingRequest, Response
from tests.unit.useragent.fakes import BASE, FakeClock, Sent, answer, sent_of, stores_all

STAGING = "https://staging.example/bucket"
AT_WORK = (SessionState.QUEUED, SessionState.FRAMING, SessionState.PLACING)


class Before:
    """The request never arrives."""


class After:
    """The request arrives, its answer does not."""


Fault = Response | type[Before] | type[After] | Callable[["SessionService", Sent], Response]


@dataclass
class Session:
    """One session, as the service knows it."""

    request: OpenRequest
    plan: PartPlan
    state: SessionState = SessionState.OPEN
    parts: dict[int, bytes] = field(default_factory=dict)
    polls: list[SessionState] = field(default_factory=list)
    final: Response | None = None
    response_url: str = ""
    is_stalled: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts[number] for number in sorted(self.parts))


class SessionService:
    """The transport.

    Parameters
    ----------
    max_body_bytes : int
        Of the small door; beyond it answers 413 with a link to sessions.
    part_bytes : int
        Of sessions.
    answers : callable
        Gives what is answered to a body, by both doors.
    """

    def __init__(
        self,
        max_body_bytes: int = 1_000,
        part_bytes: int = 300,
        answers: Callable[[Sent], Response] = stores_all,
        names_limit: bool = True,
    ) -> None:
        self.max_body_bytes = max_body_bytes
        self.part_bytes = part_bytes
        self.answers = answers
        self.names_limit = names_limit
        self.sessions: dict[str, Session] = {}
        self.log: list[Sent] = []
        self.stored: Counter[str] = Counter()
        self.cancelled: list[str] = []
        self.keeps_answers_elsewhere = False
        self.steps = AT_WORK
        self.retry_after = 2
        self.watch: Callable[[str], None] = lambda moment: None
        self._faults: dict[str, list[Fault | None]] = {}
        self._signed = 0
        self._lock = threading.RLock()

    def meet(self, kind: str, *faults: Fault | None) -> None:
        """Let the next requests of a kind fail: ``PUT``, ``open``, ``urls``, ``complete`` …"""
        self._faults.setdefault(kind, []).extend(faults)

    def remains(self) -> "SessionService":
        """Return the service as another process would meet it: as it is, without faults to come."""
        with self._lock:
            other = SessionService(self.max_body_bytes, self.part_bytes, self.answers)
            other.sessions = copy.deepcopy(self.sessions)
            other.stored = Counter(self.stored)
            other.keeps_answers_elsewhere = self.keeps_answers_elsewhere
            other._signed = self._signed
            return other

    def kinds(self) -> list[str]:
        """Return the requests that came, in order, by kind."""
        return [kind_of(one) for one in self.log]

    def put_parts(self) -> list[int]:
        """Return the numbers of the parts that were sent, in order."""
        return [int(one.url.split("/")[-1].split("?")[0]) for one in self.of("PUT")]

    def of(self, kind: str) -> list[Sent]:
        return [one for one in self.log if kind_of(one) == kind]

    # ------------------------------------------------------------------ the transport

    def send(self, request: OutgoingRequest) -> Response:
        sent = sent_of(request)
        with self._lock:
            kind = kind_of(sent)
            self.watch(f"before {kind}")
            self.log.append(sent)
            waiting = self._faults.get(kind)
            fault = waiting.pop(0) if waiting else None
            if fault is Before:
                raise TransportError("The connection broke.", may_have_arrived=True)
            if isinstance(fault, Response):
                return fault
            if fault is not None and fault is not After:
                return fault(self, sent)  # type: ignore[operator]
            response = getattr(self, f"_{kind.lower()}")(sent)
            self.watch(f"after {kind}")
            if fault is After:
                raise TransportError("The connection broke.", may_have_arrived=True)
            return response

    def _store(self, sent: Sent) -> Response:
        if len(sent.body) > self.max_body_bytes:
            limit = {"name": "max_body_bytes", "value": self.max_body_bytes}
            problem = {"status": 413, **({"limit": limit} if self.names_limit else {})}
            return answer(413, problem, "application/problem+json",
                          Link=f'<{BASE}/sessions>; rel="{RELATION}"')  # fmt: skip
        self.stored.update(sent.uids)
        return self.answers(sent)

    def _search(self, sent: Sent) -> Response:
        return answer(404)

    def _open(self, sent: Sent) -> Response:
        request = decode_open(sent.body)
        identity = f"s{len(self.sessions) + 1}"
        self.sessions[identity] = Session(request, PartPlan(request.size, self.part_bytes))
        return self._told(identity, 201)

    def _urls(self, sent: Sent) -> Response:
        identity = self._identity(sent)
        session = self.sessions.get(identity)
        if session is None or session.state is not SessionState.OPEN:
            return answer(404)
        given = []
        for part in decode_wanted(sent.body):
            self._signed += 1
            size = session.plan.size_of(part.number)
            headers = {"Content-Length": str(size), "x-amz-checksum-sha256": part.sha256}
            url = f"{STAGING}/{identity}/{part.number}?signature={self._signed}"
            given.append(PartUrl(part.number, url, headers, "2026-01-05T10:15:00Z"))
        return Response(200, body=encode_urls(given).encode())

    def _put(self, sent: Sent) -> Response:
        assert sent.headers.get("Authorization") is None
        _, _, identity, number = urlsplit(sent.url).path.split("/")
        session = self.sessions.get(identity)
        if session is None or session.state is not SessionState.OPEN:
            return answer(404, b"<Error><Code>NoSuchUpload</Code></Error>", "application/xml")
        digest = b64encode(sha256(sent.body).digest()).decode()
        if digest != sent.headers.get("x-amz-checksum-sha256"):
            return answer(400, b"<Error><Code>BadDigest</Code></Error>", "application/xml")
        assert len(sent.body) == sent.length == session.plan.size_of(int(number))
        session.parts[int(number)] = sent.body
        return Response(200)

    def _complete(self, sent: Sent) -> Response:
        session = self.sessions.get(self._identity(sent))
        if session is None:
            return answer(404)
        if session.state is SessionState.OPEN:
            numbers = range(1, session.plan.count + 1)
            missing = [number for number in numbers if number not in session.parts]
            if missing:
                return answer(409, {"missing": missing}, "application/problem+json")
            digests = (sha256(session.parts[number]).digest() for number in numbers)
            if decode_complete(sent.body) != composite_checksum(digests):
                return answer(400, {}, "application/problem+json")
            session.polls = list(self.steps)
            session.state = SessionState.QUEUED
        session.is_stalled = False
        return Response(202)

    def _state(self, sent: Sent) -> Response:
        identity = self._identity(sent)
        session = self.sessions.get(identity)
        if session is None:
            return answer(404)
        told = self._told(identity, 200)
        if session.state in AT_WORK and not session.is_stalled:
            session.polls.pop(0)
            session.state = session.polls[0] if session.polls else self._finish(session)
        return told

    def _finish(self, session: Session) -> SessionState:
        headers = Headers(session.request.headers.items())
        sent = Sent("POST", f"{BASE}{session.request.resource}", headers, session.body, None)
        self.stored.update(sent.uids)
        session.final = self.answers(sent)
        if self.keeps_answers_elsewhere:
            session.response_url = f"{STAGING}/answer/{id(session)}"
        return SessionState.FINAL

    def _response(self, sent: Sent) -> Response:
        session = self.sessions.get(self._identity(sent))
        if session is None or session.final is None:
            return answer(404)
        return session.final

    def _answer(self, sent: Sent) -> Response:
        assert sent.headers.get("Authorization") is None
        [session] = [one for one in self.sessions.values() if one.response_url]
        assert session.final is not None
        return Response(200, session.final.headers, session.final.body)

    def _cancel(self, sent: Sent) -> Response:
        identity = self._identity(sent)
        self.cancelled.append(identity)
        self.sessions.pop(identity, None)
        return Response(204)

    def _identity(self, sent: Sent) -> str:
        return urlsplit(sent.url).path.split("/sessions/")[1].split("/")[0]

    def _told(self, identity: str, status: int) -> Response:
        session = self.sessions[identity]
        known: dict[str, Any] = {}
        if session.state is SessionState.FINAL and session.final is not None:
            known = {
                "status": session.final.status,
                "response": f"{BASE}/sessions/{identity}/response",
                "response_url": session.response_url,
            }
        told = SessionStatus(
            identity, session.state, session.request.resource, session.plan, "", "",
            tuple(sorted(session.parts)), self.retry_after, session.is_stalled,
            Progress(len(session.parts)), **known,
        )  # fmt: skip
        return Response(status, body=encode_status(told).encode())


def kind_of(sent: Sent) -> str:
    """Return which request of the protocol it is."""
    path = urlsplit(sent.url).path
    if sent.url.startswith(STAGING):
        return "answer" if "/answer/" in path else "PUT"
    _, _, rest = path.partition("/sessions")
    if "/sessions" not in path:
        return "store" if sent.method == "POST" else "search"
    if not rest:
        return "open"
    last = rest.rpartition("/")[2]
    named = {"urls": "urls", "complete": "complete", "response": "response"}
    return named.get(last, "cancel" if sent.method == "DELETE" else "state")


class StoppableClock(FakeClock):
    """A clock that can be stopped, and whose boundaries differ from those of other processes."""

    _processes = count(1)

    def __init__(self) -> None:
        super().__init__()
        self._process = next(self._processes)
        self._is_stopped = False

    def boundary(self) -> str:
        return f"{super().boundary()}-of-{self._process}"

    def sleep(self, seconds: float) -> None:
        if self._is_stopped:
            raise Stopped("Stopped.")
        super().sleep(seconds)

    def stop(self) -> None:
        self._is_stopped = True


def loads(sent: Sent) -> Any:
    return json.loads(sent.body)
