"""Delivering: records of one study to one destination, each claimed before it is sent.

A claim is a conditional write of the delivery record with a lease. Of two who deliver the same
instance at once one loses the write, and comes again when the lease is over; who dies with a
claim leaves it to lapse. What was sent and not written down is sent again as *uncertain*, and
"exists already" then is the answer that was hoped for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.forwarding.configuration import DestinationPlan
from chalicelib.forwarding.deadline import Deadline
from chalicelib.forwarding.destinations import Destinations
from chalicelib.forwarding.model import Delivery, DeliveryState, Hold
from chalicelib.forwarding.ports import DeliveryStore
from chalicelib.forwarding.settling import held, settled
from chalicelib.forwarding.sources import instance_of
from chalicelib.origin.hop_mark import mark_of, read_marks
from chalicelib.origin.model import InstanceKey, InstanceRecord
from chalicelib.origin.ports import Clock, Conflict, InstanceStore, PortError, Remaining
from chalicelib.useragent.client import SilentObserver
from chalicelib.useragent.errors import DestinationError, UserAgentError
from chalicelib.useragent.model import Instance, Outcome
from chalicelib.useragent.plan import batches

SLOT_SECONDS = 20
RACE_SECONDS = 60
LONGEST_DELAY = 900
"""What SQS allows a message to be delayed."""


@dataclass(frozen=True, slots=True)
class DeliverPolicy:
    """Seconds.

    Parameters
    ----------
    lease : float
        How long a claim holds: no less than a call can last.
    reserve : float
        No batch is begun with less time left.
    margin : float
        Nothing is waited for that would leave less: what became of a batch is to be written down.
    patience : int
        Attempts that end with the instance held; after them it counts as failed for the moment
        and the queue's own repetitions, and dead letters, decide.
    """

    lease: float = 330.0
    reserve: float = 120.0
    margin: float = 60.0
    first_delay: int = 30
    patience: int = 100

    def delay(self, attempts: int) -> int:
        """Return how long to wait after so many attempts."""
        return int(min(LONGEST_DELAY, self.first_delay * 2 ** min(attempts - 1, 10)))


@dataclass(slots=True)
class Rest:
    """What became of a delivery: seconds until the rest comes again, what failed, what settled."""

    later: dict[InstanceKey, int] = field(default_factory=dict)
    failed: set[InstanceKey] = field(default_factory=set)
    settled: list[Delivery] = field(default_factory=list)

    def postpone(self, key: InstanceKey, seconds: float) -> None:
        """Have an instance come again."""
        self.later[key] = max(1, min(int(seconds), LONGEST_DELAY))


@dataclass(frozen=True, slots=True)
class Task:
    """One record on its way, with what was last written of its delivery."""

    record: InstanceRecord
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Delivers to destinations; who calls has judged that the records may go there."""

    instances: InstanceStore
    deliveries: DeliveryStore
    destinations: Destinations
    clock: Clock
    policy: DeliverPolicy = DeliverPolicy()

    def tasks(self, plan: DestinationPlan, records: Sequence[InstanceRecord]) -> list[Task]:
        """Return the records with their deliveries. Raises Unavailable."""
        known = self.deliveries.read(plan.name, [record.key for record in records])
        return [Task(one, known.get(one.key) or _blank(one.key, plan)) for one in records]

    def hold(self, tasks: Sequence[Task], why: Hold, rest: Rest) -> None:
        """Write down that they wait, unless that is what stands there."""
        at = timestamp(self.clock())
        for task in tasks:
            delivery = task.delivery
            if (delivery.state, delivery.why) == (DeliveryState.HELD, why.value):
                continue
            self._settle(held(delivery, at, why), rest)

    def deliver(
        self, plan: DestinationPlan, tasks: Sequence[Task], home: str, remaining: Remaining
    ) -> Rest:
        """Send what is not claimed by another.

        Parameters
        ----------
        home : str
            Base URI of the service that holds the instances.
        remaining : callable
            Seconds left of the call.
        """
        rest = Rest()
        free = [task for task in tasks if not self._waits_for_another(task, rest)]
        with self._slot(plan) as has_slot:
            if not has_slot:
                for task in free:
                    rest.postpone(task.record.key, SLOT_SECONDS)
                return rest
            for marks, group in _by_marks(free).items():
                self._deliver_marked(plan, group, (*marks, mark_of(home)), remaining, rest)
        return rest

    def _waits_for_another(self, task: Task, rest: Rest) -> bool:
        now = self.clock()
        if not task.delivery.is_claimed(timestamp(now)):
            return False
        until = datetime.fromisoformat(task.delivery.lease_until)
        rest.postpone(task.record.key, (until - now).total_seconds() + 1)
        return True

    @contextmanager
    def _slot(self, plan: DestinationPlan) -> Iterator[bool]:
        now = self.clock()
        slot = self.deliveries.take_slot(
            plan.name, plan.max_concurrency, timestamp(now), timestamp(self._lease_end(now))
        )
        try:
            yield slot is not None
        finally:
            if slot is not None:
                self.deliveries.release_slot(slot)

    def _lease_end(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.policy.lease)

    def _deliver_marked(
        self,
        plan: DestinationPlan,
        tasks: Sequence[Task],
        marks: tuple[str, ...],
        remaining: Remaining,
        rest: Rest,
    ) -> None:
        by_uid = {task.record.key.sop_instance: task for task in tasks}
        try:
            limits = self.destinations.limits_of(plan)
        except UserAgentError as error:
            self._unavailable(tasks, error, {}, rest)
            return
        sources = [
            instance_of(one.record, self.instances, is_uncertain=_is_uncertain(one.delivery))
            for one in tasks
        ]
        for batch in batches(sources, limits):
            group = [by_uid[one.sop_instance] for one in batch]
            if remaining() < self.policy.reserve:
                for task in group:
                    rest.postpone(task.record.key, 1)
            else:
                self._send(plan, batch, group, marks, remaining, rest)

    def _send(
        self,
        plan: DestinationPlan,
        batch: Sequence[Instance],
        tasks: Sequence[Task],
        marks: tuple[str, ...],
        remaining: Remaining,
        rest: Rest,
    ) -> None:
        """Claim a batch, send what was claimed, write down what became of it."""
        claims = {
            task.record.key.sop_instance: task
            for task in (self._claim(one, rest) for one in tasks)
            if task is not None
        }
        mine = [one for one in batch if one.sop_instance in claims]
        if not mine:
            return
        notes = _Notes()
        trouble: UserAgentError | None = None
        try:
            size = sum(one.source.size for one in mine)
            clock = Deadline(self.destinations.clock, remaining, self.policy.margin)
            self.destinations.client(plan, marks, size=size, clock=clock).store(mine, notes)
        except UserAgentError as error:
            trouble = error
        at = timestamp(self.clock())
        for uid, outcome in notes.outcomes.items():
            self._finish(settled(claims[uid].delivery, outcome, at), rest)
        left = [task for uid, task in claims.items() if uid not in notes.outcomes]
        if left:
            self._unavailable(left, trouble, notes.uncertain, rest)

    def _claim(self, task: Task, rest: Rest) -> Task | None:
        now = self.clock()
        claim = replace(
            task.delivery,
            state=DeliveryState.SENDING,
            at=timestamp(now),
            attempts=task.delivery.attempts + 1,
            lease_until=timestamp(self._lease_end(now)),
            is_uncertain=_is_uncertain(task.delivery),
        )
        try:
            return Task(task.record, self.deliveries.write(claim))
        except Conflict:
            rest.postpone(task.record.key, RACE_SECONDS)
        except PortError:
            rest.failed.add(task.record.key)
        return None

    def _unavailable(
        self,
        tasks: Sequence[Task],
        error: UserAgentError | None,
        uncertain: dict[str, bool],
        rest: Rest,
    ) -> None:
        """Hold what the destination as a whole did not take."""
        at = timestamp(self.clock())
        status = error.status if isinstance(error, DestinationError) else None
        for task in tasks:
            delivery = task.delivery
            if delivery.state is not DeliveryState.SENDING:
                delivery = replace(delivery, attempts=delivery.attempts + 1)
            may_be_there = uncertain.get(task.record.key.sop_instance, False)
            self._finish(held(delivery, at, status=status, is_uncertain=may_be_there), rest)

    def _finish(self, delivery: Delivery, rest: Rest) -> None:
        """Write the end of an attempt, and have what is held come again."""
        self._settle(delivery, rest)
        if delivery.state is DeliveryState.HELD:
            if delivery.attempts >= self.policy.patience:
                rest.failed.add(delivery.key)
            else:
                rest.postpone(delivery.key, self.policy.delay(delivery.attempts))

    def _settle(self, delivery: Delivery, rest: Rest) -> None:
        try:
            rest.settled.append(self.deliveries.write(delivery))
        except Conflict:  # the lease lapsed, and who took it over writes what became of it
            rest.postpone(delivery.key, RACE_SECONDS)
        except PortError:
            rest.failed.add(delivery.key)


class _Notes(SilentObserver):
    """Keeps outcomes as they come: a destination that fails midway has settled some."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.uncertain: dict[str, bool] = {}

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Keep them."""
        self.outcomes.update((one.instance.sop_instance, one) for one in outcomes)

    def abandoned(self, instances: Sequence[Instance]) -> None:
        """Keep whether they may have arrived."""
        self.uncertain.update((one.sop_instance, one.is_uncertain) for one in instances)


def timestamp(moment: datetime) -> str:
    """Return a moment as records have it; later ones sort behind."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _blank(key: InstanceKey, plan: DestinationPlan) -> Delivery:
    return Delivery(key, plan.name, DeliveryState.HELD, at="")


def _is_uncertain(delivery: Delivery) -> bool:
    """Return whether it may be there: a claim that lapsed had an end that nobody wrote down."""
    return delivery.is_uncertain or delivery.state is DeliveryState.SENDING


def _by_marks(tasks: Sequence[Task]) -> dict[tuple[str, ...], list[Task]]:
    groups: dict[tuple[str, ...], list[Task]] = {}
    for task in tasks:
        groups.setdefault(read_marks(task.record.facts.via), []).append(task)
    return groups
