"""The worker: takes a session's lease and brings the session as far as its time allows.

queued -> (upload joined) -> framing -> placing -> final. Every step can be done twice. What stops a
worker leads to another one: the end of its time and what passes by a message of its own, a crash by
the message that woke it, which the queue delivers again. A session that keeps killing its workers
ends with an answer too: the page, or the body, that no worker gets past is given up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.resources import Target, parse_target
from chalicelib.dicomweb.sessions import SessionState
from chalicelib.dicomweb.store_instances import Explanation, OtherFailure, tally_of
from chalicelib.origin import metrics
from chalicelib.origin.answering import report_answer, report_outcomes
from chalicelib.origin.intake import IntakePolicy
from chalicelib.origin.ports import Clock, Remaining, Telemetry, Unavailable
from chalicelib.origin.sessions.answer import write_module, write_problem
from chalicelib.origin.sessions.framing import FramingPorts, OutOfTime, frame, read_framing
from chalicelib.origin.sessions.lease import Lease, LeaseLost, take_lease
from chalicelib.origin.sessions.model import Placed, Session, SessionName
from chalicelib.origin.sessions.placing import PlacedPage, PlacingPorts, place_page
from chalicelib.origin.sessions.ports import IngestQueue, SessionStore
from chalicelib.origin.sessions.tables import FramedPart, decode_outcomes, encode_outcomes
from chalicelib.origin.store import StoreRequest
from chalicelib.standard.reasons import FailureReason

MAX_ATTEMPTS = 3
"""Leases without any progress, after which what stands in the way is given up: at the latest by
the worker that the fifth delivery wakes, which is the last before the dead letters."""
FRAMING_SECONDS = 20.0
"""Left of the worker's time: no further stretch is read with less."""
PLACING_SECONDS = 60.0
"""Left of the worker's time: no further page is begun with less. Of a worker with little time, half
of it counts: the next one has no more."""
RETRY_SECONDS = 5
LONGEST_RETRY = 900
"""Until another worker tries what failed for a cause that may pass: doubled with each attempt."""


@dataclass(frozen=True, slots=True)
class IngestPorts:
    """What a worker needs of the world."""

    sessions: SessionStore
    queue: IngestQueue
    framing: FramingPorts
    placing: PlacingPorts
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True)
class IngestPolicy:
    """What the deployment decides; ``part_limits`` are those of ``MultipartParser``."""

    base_uri: str
    explain: bool
    part_limits: Mapping[str, int]
    intake: IntakePolicy


class Ingest:
    """Works on sessions."""

    def __init__(self, ports: IngestPorts, policy: IngestPolicy) -> None:
        self._ports = ports
        self._policy = policy

    def work(self, name: SessionName, remaining: Remaining) -> bool:
        """Bring a session on; return whether the message that woke this worker is done with.

        Parameters
        ----------
        name : SessionName
        remaining : callable
            Seconds left of the function's time.
        """
        try:
            lease = take_lease(name, self._ports.sessions, self._ports.clock)
        except LeaseLost:
            # Not done with: should the other worker die, this message is what wakes the next.
            return False
        except Exception as error:  # noqa: BLE001 - the message comes again
            self._trouble(name, error)
            return False
        if lease is None:
            return True
        half = remaining() / 2
        try:
            self._bring_on(lease, remaining, half)
        except OutOfTime:
            return self._leave(lease, delay=0)
        except LeaseLost:
            return False
        except Exception as error:  # noqa: BLE001 - what it is, another worker may outlive it
            self._trouble(name, error)
            delay = RETRY_SECONDS * 2 ** min(lease.session.attempts - 1, 8)
            return self._leave(lease, min(delay, LONGEST_RETRY))
        return True

    def _trouble(self, name: SessionName, error: Exception) -> None:
        self._ports.telemetry.trouble("session interrupted", error, request_id=name.identity)

    def _leave(self, lease: Lease, delay: int) -> bool:
        """Give the lease back and wake another worker; False leaves that to the message."""
        try:
            lease.release()
            self._ports.queue.wake(lease.session.name, delay)
        except (LeaseLost, Unavailable):
            return False
        return True

    def _bring_on(self, lease: Lease, remaining: Remaining, half: float) -> None:
        try:
            if lease.session.state is not SessionState.PLACING:
                self._frame(lease, lambda: remaining() >= min(FRAMING_SECONDS, half))
        except RequestError as error:
            self._refuse(lease, error)
            return
        target = _target_of(lease.session)
        while lease.session.placed.pages < lease.session.framed.pages:
            if remaining() < min(PLACING_SECONDS, half):
                raise OutOfTime
            self._place_page(lease, target, remaining)
        self._finish(lease)

    # ------------------------------------------------------------------ framing

    def _frame(self, lease: Lease, has_time: Callable[[], bool]) -> None:
        session = lease.session
        self._give_up_framing(session)
        if session.state is SessionState.QUEUED:
            staging = self._ports.framing.staging
            if not staging.join(session.name.body_key, session.upload_id):
                raise RequestError(HTTPStatus.BAD_REQUEST, _GONE)
            lease.write(state=SessionState.FRAMING)
        try:
            frame(lease, self._ports.framing, self._policy.part_limits, has_time)
        except KeyError:
            raise RequestError(HTTPStatus.BAD_REQUEST, _GONE) from None

    def _give_up_framing(self, session: Session) -> None:
        if session.attempts > MAX_ATTEMPTS:
            raise RequestError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"Reading the body failed {MAX_ATTEMPTS} times behind part "
                f"{session.framed.parts}. Nothing was stored; send it again, and if that part is "
                "larger than one worker can read, in another way.",
                part=session.framed.parts + 1,
                retryable=True,
            )

    def _refuse(self, lease: Lease, error: RequestError) -> None:
        if error.limit and error.limit[0] == "max_parts":
            error.limit = ("max_session_parts", error.limit[1])  # the parser knows no sessions
        answer = write_problem(lease.session, self._ports.framing.staging, error)
        lease.release(state=SessionState.FINAL, answer=answer)
        self._ports.telemetry.count(metrics.REQUESTS_REFUSED)
        self._ports.telemetry.event(
            "session refused",
            request_id=lease.session.name.identity,
            status=int(error.status),
            part=error.part,
            detail=error.detail,
        )
        self._clean(lease.session)

    # ------------------------------------------------------------------ placing

    def _place_page(self, lease: Lease, target: Target, remaining: Remaining) -> None:
        session, staging = lease.session, self._ports.framing.staging
        number = session.placed.pages
        parts = read_framing(staging, session, number).parts
        key = session.name.outcomes_key(number)
        written = staging.get(key)
        if written is None:
            page = self._place(lease, parts, target, remaining)
            staging.create(key, encode_outcomes(page.outcomes, page.studies))
            # Whoever was first is right, be it a worker whose lease had lapsed.
            written = staging.get(key) or encode_outcomes(page.outcomes, page.studies)
        outcomes, studies = decode_outcomes(written)
        placed = session.placed
        lease.write(
            placed=Placed(
                placed.pages + 1,
                placed.parts + len(parts),
                placed.tally + tally_of(outcomes),
                tuple(sorted({*placed.studies, *studies}))[:2],
            ),
            attempts=0,
            under_way=0,
        )
        report_outcomes(self._ports.telemetry, session.name.identity, outcomes)

    def _place(
        self, lease: Lease, parts: tuple[FramedPart, ...], target: Target, remaining: Remaining
    ) -> PlacedPage:
        session = lease.session
        if session.attempts > MAX_ATTEMPTS:
            return _given_up(parts)
        request = StoreRequest(
            session.name.partition,
            session.name.identity,
            session.subject,
            remaining,
            via=session.via,
        )
        page = place_page(parts, lease, self._ports.placing, self._policy.intake, target, request)
        if not page.is_settled and session.attempts < MAX_ATTEMPTS:
            raise Unavailable("some parts cannot be stored now")
        return page

    def _finish(self, lease: Lease) -> None:
        session = lease.session
        answer = write_module(
            session,
            self._ports.framing.staging,
            base_uri=self._policy.base_uri,
            explain=self._policy.explain,
        )
        lease.release(state=SessionState.FINAL, answer=answer)
        report_answer(
            self._ports.telemetry,
            request_id=session.name.identity,
            partition=session.name.partition,
            tally=session.placed.tally,
            studies=session.placed.studies,
        )
        self._clean(session)

    def _clean(self, session: Session) -> None:
        """Delete what nobody needs any more; what is left the bucket's lifecycle deletes."""
        name, framed = session.name, session.framed
        keys = [name.body_key]
        keys += [name.framing_key(framed.writer_of(n), n) for n in range(framed.pages)]
        keys += [name.outcomes_key(n) for n in range(framed.pages)]
        try:
            self._ports.framing.staging.delete(keys)
        except Unavailable as error:
            self._ports.telemetry.trouble("session not cleaned", error, request_id=name.identity)


_GONE = "The parts of the body are gone: they were not completed in time. Nothing was stored."


def _target_of(session: Session) -> Target:
    return parse_target(f"/partitions/{session.name.partition}{session.resource}")


def _given_up(parts: tuple[FramedPart, ...]) -> PlacedPage:
    """Return the outcomes of a page that no worker survives: nobody knows what is stored of it."""
    reason = FailureReason.PROCESSING_FAILURE
    detail = f"Storing this part, or one near it, failed {MAX_ATTEMPTS} times; the log has why."
    outcomes = (
        OtherFailure(reason, Explanation(f"Part {part.number}: {detail}", part.number))
        for part in parts
    )
    return PlacedPage(tuple(outcomes), frozenset())
