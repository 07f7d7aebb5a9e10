"""What the rules would do with a DICOM file, and why. Nothing is sent.

No value of the file's is shown: conditions are the operator's own words.
"""

from collections.abc import Iterator

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.forwarding.configuration import Configuration
from chalicelib.forwarding.matching import Condition
from chalicelib.forwarding.rules import destinations_of, judge, refusal
from chalicelib.origin.model import InstanceRecord, ObjectFacts
from chalicelib.origin.record import record_of


def record_of_file(content: bytes, partition: str, source: str, via: str = "") -> InstanceRecord:
    """Return the record that a file would have here.

    Raises
    ------
    InstanceError
        It could not be stored.
    """
    memory = MemorySource(content)
    file = read_dicom_file(memory, read_file_meta(memory))
    facts = ObjectFacts("", file.study, file.series, "", "", subject=source, via=via)
    return record_of(file, partition, facts, len(content))


def explain(configuration: Configuration, record: InstanceRecord, home: str = "") -> Iterator[str]:
    """Yield lines: each rule with why it matches or not, then where the file would go."""
    for outcome in judge(configuration, record):
        name = f"rule {outcome.rule.name}"
        targets = ", ".join(outcome.rule.destinations)
        if not outcome.rule.is_enabled:
            yield f"{name}: disabled"
        elif outcome.is_matched:
            yield f"{name}: matches, to {targets}"
        else:
            yield f"{name}: does not match"
        for condition in outcome.rule.conditions:
            met = "not met" if condition in outcome.unmet else "met"
            yield f"  {shown(condition)}: {met}{_because(condition, record)}"
    plans = destinations_of(configuration, record)
    for plan in plans:
        why = refusal(record, plan, home)
        yield f"to {plan.name}: " + ("would be sent" if why is None else f"not sent, {why.value}")
    if not plans:
        yield "to no destination"


def shown(condition: Condition) -> str:
    """Return a condition as the document states it."""
    operands = ", ".join(condition.operands)
    if len(condition.operands) != 1:
        operands = f"[{operands}]"
    return f"{condition.name} {condition.operator.value} {operands}"


def _because(condition: Condition, record: InstanceRecord) -> str:
    if condition.name in record.undecoded:
        return " (its character set is wrong or undeclared)"
    if condition.name in {"partition", "source", "SOPClassUID", "TransferSyntaxUID"}:
        return ""
    return "" if condition.name in record.attributes else " (the file does not have it)"
