"""What the rules say of a record: which destinations, and for each rule why or why not."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.forwarding.configuration import Configuration, DestinationPlan, Rule
from chalicelib.forwarding.matching import Condition
from chalicelib.origin.hop_mark import MAX_HOPS, mark_of, read_marks
from chalicelib.origin.model import InstanceRecord


class Refusal(StrEnum):
    """Why what a rule matches does not go to its destination."""

    SOURCE = "it came from there"
    HOPS = "it has been there, or is from here and back"
    TOO_MANY_HOPS = "it has come through too many services"


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """One rule and one record: matched unless disabled or a condition is not met."""

    rule: Rule
    unmet: tuple[Condition, ...]

    @property
    def is_matched(self) -> bool:
        """Whether the rule sends the record on."""
        return self.rule.is_enabled and not self.unmet


def judge(configuration: Configuration, record: InstanceRecord) -> tuple[RuleOutcome, ...]:
    """Return the outcome of every rule, in the document's order."""
    return tuple(
        RuleOutcome(rule, tuple(one for one in rule.conditions if not one.is_met(record)))
        for rule in configuration.rules
    )


def destinations_of(
    configuration: Configuration, record: InstanceRecord, only_rule: str = ""
) -> tuple[DestinationPlan, ...]:
    """Return the destinations that rules name for a record, each once."""
    names = {
        name: None
        for outcome in judge(configuration, record)
        if outcome.is_matched and only_rule in ("", outcome.rule.name)
        for name in outcome.rule.destinations
    }
    return tuple(configuration.destinations[name] for name in names)


def marks_are_new(marks: tuple[str, ...], *services: str) -> bool:
    """Return whether an instance has come through none of the services."""
    return not set(marks).intersection(services)


def refusal(record: InstanceRecord, plan: DestinationPlan, home: str) -> Refusal | None:
    """Return why a record must not go to a destination, None when it may.

    Parameters
    ----------
    home : str
        Base URI of the partition's own service.
    """
    marks = read_marks(record.facts.via)
    there = mark_of(plan.url)
    if record.facts.subject and record.facts.subject in plan.subjects:
        return Refusal.SOURCE
    here = mark_of(home)
    if there == here or not marks_are_new(marks, here, there):
        return Refusal.HOPS
    if len(marks) >= MAX_HOPS:
        return Refusal.TOO_MANY_HOPS
    return None
