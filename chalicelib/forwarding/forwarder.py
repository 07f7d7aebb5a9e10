"""Forwarding what events announce: rules, refusals, holds, deliveries, in this order.

An instance is done when each of its destinations has it, will never take it, or must not get it.
What has to wait is announced to this consumer again, later; what cannot even be written down
fails, and its message comes again by the queue's own rules.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.dicomweb.resources import service_url
from chalicelib.forwarding.configuration import Configuration, DestinationPlan
from chalicelib.forwarding.deliver import Deliverer, Rest, Task
from chalicelib.forwarding.holds import Standing, standing_of
from chalicelib.forwarding.model import Delivery, DeliveryState, Hold
from chalicelib.forwarding.ports import Postpone, ReadConfiguration
from chalicelib.forwarding.rules import destinations_of, refusal
from chalicelib.origin import metrics
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import InstanceKey, InstanceRecord
from chalicelib.origin.ports import (
    Clock,
    IndexStore,
    PortError,
    RecordStore,
    Remaining,
    Telemetry,
)


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """How long holds last.

    Parameters
    ----------
    look_again : int
        Seconds between two looks at what is held.
    conflict : timedelta
        Since receipt: a study in conflict is looked at for so long, then only `stowage resend`
        sends it.
    index_delay : int
        Seconds until what the index has not seen is looked at again.
    index : timedelta
        Since receipt: so long the index may take.
    """

    look_again: int = 900
    conflict: timedelta = timedelta(days=3)
    index_delay: int = 15
    index: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ForwardPorts:
    """What forwarding reads and tells."""

    configuration: ReadConfiguration
    records: RecordStore
    index: IndexStore
    telemetry: Telemetry
    clock: Clock


@dataclass(slots=True)
class _Study:
    """Records of one study at hand, with the event that announced each."""

    partition: str
    study: str
    events: dict[InstanceKey, InstancesStored] = field(default_factory=dict)
    records: dict[InstanceKey, InstanceRecord] = field(default_factory=dict)
    standing: Standing | None = None
    later: dict[InstanceKey, int] = field(default_factory=dict)
    failed: set[InstanceKey] = field(default_factory=set)

    def take(self, rest: Rest) -> None:
        """Take over what is left: the soonest moment counts."""
        self.failed |= rest.failed
        for key, seconds in rest.later.items():
            self.later[key] = min(seconds, self.later.get(key, seconds))


class Forwarder:
    """Forwards announced instances.

    Parameters
    ----------
    base_uri : str
        Of this service.
    """

    def __init__(
        self,
        ports: ForwardPorts,
        deliverer: Deliverer,
        base_uri: str,
        holds: HoldPolicy | None = None,
    ) -> None:
        self._ports = ports
        self._deliverer = deliverer
        self._base_uri = base_uri
        self._holds = holds or HoldPolicy()

    def forward(
        self, events: Sequence[InstancesStored], remaining: Remaining, postpone: Postpone
    ) -> frozenset[InstanceKey]:
        """Forward what these events announce; return the instances that failed.

        Raises
        ------
        ConfigurationError
            The configuration document is wrong: every message comes again until it is right.
        """
        configuration = self._ports.configuration()
        failed: set[InstanceKey] = set()
        for study in _studies_of(events) if configuration.rules else ():
            try:
                self._forward_study(study, configuration, remaining)
                self._postpone(study, postpone)
            except PortError:
                study.failed |= study.events.keys()
            failed |= study.failed
        return frozenset(failed)

    def _forward_study(
        self, study: _Study, configuration: Configuration, remaining: Remaining
    ) -> None:
        study.records = self._ports.records.read(study.events)
        # One without a record: reconcile may write it, and announces it then.
        study.failed |= study.events.keys() - study.records.keys()
        home = service_url(self._base_uri, study.partition)
        for plan, records in _by_destination(configuration, study.records.values()):
            allowed = [one for one in records if self._may_go(one, plan, home)]
            if allowed:
                study.take(self._deliver(study, plan, allowed, home, remaining))

    def _may_go(self, record: InstanceRecord, plan: DestinationPlan, home: str) -> bool:
        why = refusal(record, plan, home)
        if why is not None:
            self._ports.telemetry.event(
                "not forwarded",
                destination=plan.name,
                sop_instance=record.key.sop_instance,
                why=why.name.lower(),
            )
        return why is None

    def _deliver(
        self,
        study: _Study,
        plan: DestinationPlan,
        records: Sequence[InstanceRecord],
        home: str,
        remaining: Remaining,
    ) -> Rest:
        tasks = self._deliverer.tasks(plan, records)
        tasks = [task for task in tasks if not task.delivery.state.is_final]
        if not tasks:
            return Rest()
        rest = self._held(study, plan, tasks)
        if rest is None:
            rest = self._deliverer.deliver(plan, tasks, home, remaining)
        report(self._ports.telemetry, plan, study.study, rest)
        return rest

    def _held(self, study: _Study, plan: DestinationPlan, tasks: Sequence[Task]) -> Rest | None:
        """Return what waits for the study or the hour, None when nothing has to."""
        if study.standing is None:
            study.standing = standing_of(
                self._ports.index, study.partition, study.study, study.records.values()
            )
        if study.standing is Standing.NOT_INDEXED:
            return self._until_indexed(tasks)
        seconds = plan.hours.seconds_until_open(self._ports.clock())
        if study.standing is not Standing.IN_CONFLICT and not seconds:
            return None
        rest = Rest()
        in_conflict = study.standing is Standing.IN_CONFLICT
        unclaimed = [one for one in tasks if one.delivery.state is not DeliveryState.SENDING]
        self._deliverer.hold(unclaimed, Hold.CONFLICT if in_conflict else Hold.HOURS, rest)
        for task in tasks:
            if not in_conflict:
                rest.postpone(task.record.key, seconds)
            elif self._age(task.record) < self._holds.conflict:
                rest.postpone(task.record.key, self._holds.look_again)
        return rest

    def _until_indexed(self, tasks: Iterable[Task]) -> Rest:
        rest = Rest()
        for task in tasks:
            if self._age(task.record) < self._holds.index:
                rest.postpone(task.record.key, self._holds.index_delay)
            else:
                rest.failed.add(task.record.key)
        return rest

    def _age(self, record: InstanceRecord) -> timedelta:
        return self._ports.clock() - datetime.fromisoformat(record.facts.received)

    def _postpone(self, study: _Study, postpone: Postpone) -> None:
        """Announce again what waits, in as few events as there are moments."""
        waiting = {key: s for key, s in study.later.items() if key not in study.failed}
        groups: dict[tuple[int, InstancesStored], list[InstanceKey]] = {}
        for key, seconds in waiting.items():
            groups.setdefault((seconds, study.events[key]), []).append(key)
        for (seconds, event), keys in groups.items():
            wanted = set(keys)
            instances = tuple(one for one in event.instances if event.key_of(one) in wanted)
            postpone(replace(event, instances=instances), seconds)


def report(telemetry: Telemetry, plan: DestinationPlan, study: str, rest: Rest) -> None:
    """Count and log what became of a study's instances at a destination."""
    by_state: dict[DeliveryState, list[Delivery]] = {}
    for delivery in rest.settled:
        by_state.setdefault(delivery.state, []).append(delivery)
    counts = {state: len(found) for state, found in by_state.items()}
    delivered = sum(counts.get(state, 0) for state in DeliveryState if state.is_delivered)
    telemetry.count(metrics.INSTANCES_FORWARDED, delivered)
    telemetry.count(metrics.FORWARDS_FAILED, counts.get(DeliveryState.FAILED, 0))
    telemetry.count(metrics.FORWARDS_HELD, counts.get(DeliveryState.HELD, 0))
    for one in by_state.get(DeliveryState.FAILED, ()):
        telemetry.event(
            "forward failed",
            destination=plan.name,
            sop_instance=one.key.sop_instance,
            status=one.status,
            reason=None if one.reason is None else f"{one.reason:04X}",
            why=one.why,
        )
    telemetry.event(
        "study forwarded",
        destination=plan.name,
        study=study,
        later=len(rest.later),
        lost=len(rest.failed),
        **{state.value: count for state, count in counts.items()},
    )


def _studies_of(events: Iterable[InstancesStored]) -> Iterable[_Study]:
    studies: dict[tuple[str, str], _Study] = {}
    for event in events:
        key = (event.partition, event.study)
        study = studies.setdefault(key, _Study(*key))
        for one in event.instances:
            study.events.setdefault(event.key_of(one), event)
    return studies.values()


def _by_destination(
    configuration: Configuration, records: Iterable[InstanceRecord]
) -> Iterable[tuple[DestinationPlan, Sequence[InstanceRecord]]]:
    found: dict[str, list[InstanceRecord]] = {}
    plans: Mapping[str, DestinationPlan] = configuration.destinations
    for record in records:
        for plan in destinations_of(configuration, record):
            found.setdefault(plan.name, []).append(record)
    return [(plans[name], members) for name, members in found.items()]
