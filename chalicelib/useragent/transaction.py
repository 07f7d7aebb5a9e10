"""One batch until every instance of it is settled: repeated, halved, sent again, searched for.

Nothing is assumed (U-09 to U-12): stored is what the server lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.useragent.batch_queue import Batch, BatchQueue, Pending, instances_of
from chalicelib.useragent.context import Context
from chalicelib.useragent.destination import Observer
from chalicelib.useragent.dispatch import Dispatch, Reply
from chalicelib.useragent.doors import Door
from chalicelib.useragent.errors import (
    DestinationError,
    SourceError,
    Stopped,
    TransportError,
)
from chalicelib.useragent.model import Cause, Instance, Outcome, State
from chalicelib.useragent.open_session import Ledger, OpenSession
from chalicelib.useragent.payloads import Piece, can_rewrite
from chalicelib.useragent.receipts import (
    Receipt,
    Verdict,
    coerced,
    module_of,
    receipts_of,
    said_by,
)
from chalicelib.useragent.refusals import REFUSED_BY_DESTINATION, destination_words
from chalicelib.useragent.retry import RETRIED_STATUSES, THROTTLING_STATUSES
from chalicelib.useragent.search import Sought
from chalicelib.useragent.sessions import NotOffered
from chalicelib.useragent.transport import Response

_SYSTEMATIC = 3
"""Single instances refused in a row, with nothing ever accepted, until none is tried alone."""


@dataclass(slots=True)
class Transaction:
    """One call of ``store``."""

    context: Context
    observer: Observer
    instances: Sequence[Instance]
    ledger: Ledger
    dispatch: Dispatch = field(init=False)
    queue: BatchQueue = field(init=False)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    uncertain: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dispatch = Dispatch(self.context, self.observer, self.ledger)
        self.queue = BatchQueue(self.context)

    def run(self, kept: OpenSession | None = None) -> list[Outcome]:
        """Work until everything is settled; first on a session that an earlier process left."""
        whole = [Pending(one, one.is_uncertain) for one in self.instances]
        try:
            self.queue.put_last(whole)
            while self.queue:
                self._attempt(self.queue.take(), kept)
                kept = None
        finally:
            left = [one for one in self.instances if one.sop_instance not in self.outcomes]
            if left:
                self.observer.abandoned([self._as_left(one) for one in left])
        return [self.outcomes[one.sop_instance] for one in self.instances]

    def _as_left(self, instance: Instance) -> Instance:
        uncertain = self.uncertain.get(instance.sop_instance, instance.is_uncertain)
        return instance._replace(is_uncertain=uncertain)

    # ------------------------------------------------------------------ one request

    def _attempt(self, batch: Batch, kept: OpenSession | None = None) -> None:
        try:
            reply = self._send(batch) if kept is None else self._resume(batch, kept)
        except SourceError as error:
            self._without(batch, error)
        except TransportError as error:
            self._lost(batch, error)
        except NotOffered as error:
            self._by_small_door(batch, error)
        except (DestinationError, Stopped):
            if self.dispatch.was_completed:
                self._mark_uncertain(batch)
            raise
        else:
            self.context.known.has_answered = True
            self.context.known.losses_in_a_row = 0
            try:
                self._answered(batch, reply)
            finally:
                self.dispatch.close()

    def _send(self, batch: Batch) -> Reply:
        return self.dispatch.send([Piece(one.instance, one.must_rewrite) for one in batch])

    def _resume(self, batch: Batch, kept: OpenSession) -> Reply:
        for one, member in zip(batch, kept.members, strict=True):
            one.must_rewrite = member.is_rewritten
        pieces = [Piece(one.instance, one.must_rewrite) for one in batch]
        return self.dispatch.resume(kept, pieces)

    def _by_small_door(self, batch: Batch, error: NotOffered) -> None:
        """Send in requests what no session takes."""
        doors = self.context.doors
        if doors.choice is Door.SESSION:
            raise DestinationError(str(error))
        doors.withdraw()
        self.queue.cut(batch)

    def _goes_smaller(self, batch: Batch) -> bool:
        """Queue a batch in smaller requests where it may be its size that gets no answer."""
        return self.dispatch.session is None and self.queue.cut_smaller(batch)

    def _without(self, batch: Batch, error: SourceError) -> None:
        """Settle the instance that cannot be read; its neighbours go again in a whole body."""
        broken = next((one for one in batch if one.instance.source.label == error.label), batch[0])
        self._settle([self._failure(broken, Cause.SOURCE, detail=error.detail)])
        rest = [one for one in batch if one is not broken]
        self.queue.spare(rest)
        if rest:
            self.queue.put_first(rest)

    def _lost(self, batch: Batch, error: TransportError) -> None:
        """No answer: send again; in the end tell a bad connection from a bad instance."""
        if error.may_have_arrived:
            self._mark_uncertain(batch)
        if error.is_permanent:
            raise DestinationError(error.detail)
        if error.may_have_arrived and self._goes_smaller(batch):
            return
        if self._wait_and_repeat(batch, None, error.detail):
            return
        known = self.context.known
        if not known.has_answered or not error.may_have_arrived:
            raise DestinationError(error.detail)
        if self.queue.split(batch):
            return
        known.losses_in_a_row += 1
        if known.losses_in_a_row >= _SYSTEMATIC:
            raise DestinationError(error.detail)
        self._verify(batch[0], Cause.NO_ANSWER)

    # ------------------------------------------------------------------ answers

    def _answered(self, batch: Batch, reply: Reply) -> None:
        response = reply.response
        status = response.status
        if status in THROTTLING_STATUSES:
            self.context.gate.throttled()
        module = None if status in (401, 403, 413) else module_of(response)
        if module is not None and not module.is_empty:
            if not reply.is_by_session:
                self.context.limits.answered(self.queue.cost(batch), reply.seconds)
            self._receive(batch, response, receipts_of(instances_of(batch), module, status))
        elif 200 <= status < 300:
            self._settle(
                [self._failure(one, Cause.NOTHING_LISTED, status) for one in batch],
            )
        elif status == 413:
            self._too_large(batch, reply)
        elif self._retries_unquoted(status):
            self.queue.put_first(batch)
        elif status in RETRIED_STATUSES:
            self._passing_fault(batch, response)
        elif self._goes_smaller(batch):  # not every gateway says 413
            return
        elif status in REFUSED_BY_DESTINATION or 300 <= status < 400:
            raise DestinationError(destination_words(response), status)
        else:
            self._refused(batch, response)

    def _receive(self, batch: Batch, response: Response, receipts: tuple[Receipt, ...]) -> None:
        """Take the receipts of an answer that lists instances."""
        settled: list[Outcome] = []
        retried: Batch = []
        rewritten: Batch = []
        missing: Batch = []
        for one, (verdict, outcome) in zip(batch, receipts, strict=True):
            if verdict is Verdict.RETRY:
                retried.append(one)
            elif verdict is Verdict.MISSING:
                missing.append(one)
            elif verdict is Verdict.REWRITE and self._can_help(one):
                rewritten.append(one)
            else:
                if verdict is Verdict.EXISTS and one.is_uncertain:
                    outcome = outcome._replace(state=State.REFERENCED, cause=Cause.ALREADY_THERE)
                if self._is_rewritten(one):
                    outcome = outcome._replace(is_rewritten=True)
                settled.append(outcome)
        if any(one.state.is_stored for one in settled):
            self.context.known.has_stored = True
            self.context.known.refusals_in_a_row = 0
            self.context.gate.accepted()
        self._settle(settled)
        for one in rewritten:
            one.must_rewrite = True
        if rewritten:
            self.queue.put_first(rewritten)
        for one in missing:
            self._unlisted(one, response)
        self._receive_transient(retried, response, receipts)

    def _receive_transient(
        self, batch: Batch, response: Response, receipts: tuple[Receipt, ...]
    ) -> None:
        if not batch or self._wait_and_repeat(batch, response, "the server is out of resources"):
            return
        found = {one.outcome.instance.sop_instance: one.outcome for one in receipts}
        self._settle([found[one.instance.sop_instance] for one in batch])

    def _can_help(self, one: Pending) -> bool:
        """Return whether Explicit VR Little Endian may be stored where C122H was the answer."""
        return not self._is_rewritten(one) and can_rewrite(one.instance)

    def _is_rewritten(self, one: Pending) -> bool:
        return self.context.encoder.is_rewritten(Piece(one.instance, one.must_rewrite))

    def _unlisted(self, one: Pending, response: Response) -> None:
        """Neither stored nor failed: once more, alone; then a search; then it stays unverified."""
        self._mark_uncertain([one])
        if not one.was_resent:
            one.was_resent = one.is_alone = True
            self.queue.put_last([one])
            return
        other = coerced(one.instance, response) if one.is_alone else None
        if other is not None:
            self._settle([other._replace(is_rewritten=self._is_rewritten(one))])
        else:
            self._verify(one, Cause.NOT_LISTED, response.status)

    def _verify(self, one: Pending, cause: Cause, status: int | None = None) -> None:
        """Ask a search for what no answer told."""
        if not one.is_uncertain:
            self._settle([self._failure(one, cause, status)])
            return
        sought = Sought.NOT_OFFERED
        if self.context.options.can_search:
            sought = self.context.search.look_for(one.instance)
        state, cause = {
            Sought.FOUND: (State.REFERENCED, Cause.FOUND_BY_SEARCH),
            Sought.ABSENT: (State.FAILED, Cause.NOT_FOUND_BY_SEARCH),
            Sought.NOT_OFFERED: (State.UNVERIFIED, cause),
        }[sought]
        outcome = self._failure(one, cause, status)
        self._settle([outcome._replace(state=state)])

    def _too_large(self, batch: Batch, reply: Reply) -> None:
        client = self.context
        if reply.is_by_session:
            client.doors.refused_session(reply.size)
        elif client.doors.refused(reply.response, reply.size):
            self.queue.put_first(batch)  # by session
            return
        else:
            client.limits.refused(self.queue.cost(batch), len(batch))
        if not self.queue.split(batch, attempts=0):
            self._settle([self._failure(batch[0], Cause.TOO_LARGE, 413)])

    def _retries_unquoted(self, status: int) -> bool:
        known = self.context.known
        if status not in (400, 415) or known.has_stored or known.was_unquoted_tried:
            return False
        if not self.context.options.retries_unquoted:
            return False
        known.was_unquoted_tried = True
        known.is_quoted = False
        return True

    def _passing_fault(self, batch: Batch, response: Response) -> None:
        """408, 429 and 5xx without a module."""
        if response.status not in THROTTLING_STATUSES:  # those refuse; others may have stored
            self._mark_uncertain(batch)
            if self._goes_smaller(batch):
                return
        words = f"status {response.status}"
        if self._wait_and_repeat(batch, response, words):
            return
        if response.status in THROTTLING_STATUSES or not self.context.known.has_stored:
            raise DestinationError(
                f"The server keeps answering with status {response.status}.", response.status
            )
        self._refused(batch, response)

    def _refused(self, batch: Batch, response: Response) -> None:
        """Refuse a request as a whole: one bad instance may be why, so look for it by halves."""
        known = self.context.known
        if known.refusals_in_a_row < _SYSTEMATIC and self.queue.split(batch):
            return
        if len(batch) == 1 and not known.has_stored:
            known.refusals_in_a_row += 1
        said = said_by(response)
        for one in batch:
            if response.status == 409 and len(batch) == 1 and "exist" in said.lower():
                self._exists(one, said)
            elif one.is_uncertain:
                self._verify(one, Cause.STATUS, response.status)
            else:
                outcome = self._failure(one, Cause.STATUS, response.status)
                self._settle([outcome._replace(said=said)])

    def _exists(self, one: Pending, said: str) -> None:
        outcome = self._failure(one, Cause.EXISTS, 409)._replace(said=said)
        if one.is_uncertain:
            outcome = outcome._replace(state=State.REFERENCED, cause=Cause.ALREADY_THERE)
        self._settle([outcome])

    # ------------------------------------------------------------------ again

    def _wait_and_repeat(self, batch: Batch, response: Response | None, why: str) -> bool:
        policy = self.context.policy
        attempt = max(one.attempts for one in batch)
        if attempt >= policy.attempts:
            return False
        headers = response.headers if response is not None else None
        seconds = policy.wait(attempt, self.context.clock, headers)
        self.observer.waiting(seconds, why)
        self.context.clock.sleep(seconds)
        self.queue.put_last(batch)
        return True

    def _mark_uncertain(self, batch: Batch) -> None:
        for one in batch:
            one.is_uncertain = True
            self.uncertain[one.instance.sop_instance] = True

    def _failure(
        self, one: Pending, cause: Cause, status: int | None = None, detail: str = ""
    ) -> Outcome:
        return Outcome(
            one.instance,
            State.FAILED,
            cause,
            status=status,
            detail=detail,
            is_rewritten=cause is not Cause.SOURCE and self._is_rewritten(one),
        )

    def _settle(self, outcomes: list[Outcome]) -> None:
        if outcomes:
            self.outcomes.update((one.instance.sop_instance, one) for one in outcomes)
            self.observer.settled(outcomes)
