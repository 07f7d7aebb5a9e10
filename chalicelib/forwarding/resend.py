"""What an operator has sent: a study to a destination, or what changed rules now match."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.dicomweb.resources import service_url
from chalicelib.forwarding.configuration import Configuration, DestinationPlan
from chalicelib.forwarding.deliver import Deliverer, Rest
from chalicelib.forwarding.holds import Standing, standing_of
from chalicelib.forwarding.model import DeliveryState
from chalicelib.forwarding.ports import StudyRecords
from chalicelib.forwarding.rules import destinations_of, refusal
from chalicelib.origin.model import InstanceRecord
from chalicelib.origin.ports import IndexStore


class NothingToSend(Exception):  # noqa: N818 - reads as the fact it is
    """What was asked for is not there; the message says what."""


@dataclass(frozen=True, slots=True)
class ResendReport:
    """What became of a study at a destination.

    Attributes
    ----------
    states : mapping of DeliveryState to int
        Of what was sent now.
    skipped : int
        Final before: delivered, or refused for good.
    refused : int
        Not sent, because they came from there or have been there.
    is_in_conflict : bool
        Nothing was sent, because the study disagrees with itself.
    waiting : int
        Left for another time: the destination is busy, or did not take them.
    """

    study: str
    destination: str
    states: Mapping[DeliveryState, int] = field(default_factory=dict)
    skipped: int = 0
    refused: int = 0
    waiting: int = 0
    is_in_conflict: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed or is left."""
        failed = self.states.get(DeliveryState.FAILED, 0)
        return not (failed or self.waiting or self.is_in_conflict)


@dataclass(frozen=True, slots=True)
class Resender:
    """Sends what is stored, beside and beyond the rules' events.

    Neither looks at hours: who gives the command chooses the hour.
    """

    configuration: Configuration
    records: StudyRecords
    index: IndexStore
    deliverer: Deliverer
    base_uri: str

    def study(
        self, partition: str, study: str, destination: str, *, again: bool = False
    ) -> ResendReport:
        """Send a study whatever rules and holds say; what failed before is tried again.

        Parameters
        ----------
        again : bool
            Send what was delivered too.

        Raises
        ------
        NothingToSend
            No such destination or study.
        """
        plan = self.configuration.destinations.get(destination)
        if plan is None:
            raise NothingToSend("the configuration has no destination of this name")
        records = list(self.records.of_study(partition, study))
        if not records:
            raise NothingToSend("no such study is stored in this partition")
        sent = set(DeliveryState) if again else set(DeliveryState) - _DELIVERED
        return self._send(plan, partition, study, records, sent)

    def changed_rules(
        self, partition: str, studies: Iterator[str], only_rule: str = ""
    ) -> Iterator[ResendReport]:
        """Send what the rules match and no destination has, study by study.

        What was delivered, or refused for good, is left alone, and so is a study in conflict.
        """
        for study in studies:
            records = list(self.records.of_study(partition, study))
            for plan in self.configuration.destinations.values():
                matched = [
                    one
                    for one in records
                    if plan in destinations_of(self.configuration, one, only_rule)
                ]
                if not matched:
                    continue
                standing = standing_of(self.index, partition, study, records)
                if standing is Standing.IN_CONFLICT:
                    yield ResendReport(study, plan.name, is_in_conflict=True)
                else:
                    sent = {DeliveryState.HELD, DeliveryState.SENDING}
                    yield self._send(plan, partition, study, matched, sent)

    def _send(
        self,
        plan: DestinationPlan,
        partition: str,
        study: str,
        records: Sequence[InstanceRecord],
        sent: set[DeliveryState],
    ) -> ResendReport:
        home = service_url(self.base_uri, partition)
        allowed = [one for one in records if refusal(one, plan, home) is None]
        tasks = self.deliverer.tasks(plan, allowed)
        wanted = [task for task in tasks if task.delivery.state in sent]
        rest = Rest()
        if wanted:
            rest = self.deliverer.deliver(plan, wanted, home, lambda: float("inf"))
        return ResendReport(
            study,
            plan.name,
            Counter(one.state for one in rest.settled),
            skipped=len(tasks) - len(wanted),
            refused=len(records) - len(allowed),
            waiting=len(rest.later.keys() | rest.failed),
        )


_DELIVERED = {state for state in DeliveryState if state.is_delivered}
