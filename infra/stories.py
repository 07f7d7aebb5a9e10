"""What is known of a study or an instance, and the lines that show it.

No value of a patient's is in a line unless ``names`` asks for them: a terminal is a log too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from chalicelib.origin.aggregates import Distinct, SeriesAggregate, StudyAggregate
from chalicelib.origin.model import (
    Finding,
    InstanceKey,
    InstanceRecord,
    Severity,
    StoredObject,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A study with the number of its verdicts, and their findings by severity."""

    study: StudyAggregate
    verdicts: int
    findings: Mapping[Severity, int]


@dataclass(frozen=True, slots=True)
class InstanceStory:
    """All that is known of one instance; None is what is not there (yet)."""

    key: InstanceKey
    stored: StoredObject
    record: InstanceRecord | None
    observations: frozenset[str]
    verdict: Verdict | None
    series: SeriesAggregate | None
    study: StudyAggregate | None


def render_summary(summary: StudySummary, *, names: bool = False) -> Iterator[str]:
    """Yield the lines that show a study."""
    study = summary.study
    yield f"study {study.study}"
    yield f"  instances   {study.instance_count} in {study.series_count} series"
    yield f"  modalities  {_text(study.modalities)}"
    yield f"  arrived     {study.first_arrival} to {study.last_arrival}"
    yield f"  source      {_text(study.sources, empty='anyone')}"
    yield f"  validated   {summary.verdicts} of {study.instance_count}"
    yield f"  findings    {_counts(summary.findings)}"
    yield f"  conflicts   {', '.join(study.conflicts) or 'none'}"
    if names:
        for keyword, distinct in study.values.items():
            yield f"    {keyword}: {_text(distinct)}"


def render_series(series: Iterable[SeriesAggregate], *, names: bool = False) -> Iterator[str]:
    """Yield the lines that show the series of a study."""
    for one in series:
        modality = _text(one.values.get("Modality", Distinct()))
        yield f"  series {one.key.series}"
        yield f"    {one.count} instances, {modality}, {one.first_arrival} to {one.last_arrival}"
        if one.spans.values:
            yield f"    also in {_text(one.spans)}"
        if names:
            for keyword, distinct in one.values.items():
                yield f"      {keyword}: {_text(distinct)}"


def render_instance(story: InstanceStory, *, names: bool = False) -> Iterator[str]:
    """Yield the lines that show one instance's whole story."""
    facts = story.stored.facts
    yield f"instance {story.key.sop_instance}"
    yield f"  series      {story.key.series}"
    yield f"  study       {story.key.study}"
    yield f"  object      {story.stored.size} bytes, SHA-256 {facts.sha256}"
    yield f"  received    {facts.received} as {facts.source_form.value}"
    yield f"  request     {facts.request_id} from {facts.subject or 'anyone'}"
    yield from _render_record(story.record, names)
    yield f"  intake saw  {', '.join(sorted(story.observations)) or 'nothing unusual'}"
    yield from _render_verdict(story.verdict)
    if story.series is None or story.study is None:
        yield "  index       not yet"
    else:
        yield f"  index       one of {story.series.count} in its series"
        yield f"              one of {story.study.instance_count} in its study"
        yield f"              conflicts of the study: {', '.join(story.study.conflicts) or 'none'}"


def _render_record(record: InstanceRecord | None, names: bool) -> Iterator[str]:
    if record is None:
        yield "  record      missing: reconcile writes it"
        return
    yield f"  record      {record.state.value}, schema {record.schema_version}"
    yield f"              SOP class {record.sop_class}"
    yield f"              transfer syntax {record.transfer_syntax}"
    if record.undecoded:
        yield f"              undecoded: {', '.join(sorted(record.undecoded))}"
    if names:
        for keyword, value in record.attributes.items():
            yield f"    {keyword}: {value}"


def _render_verdict(verdict: Verdict | None) -> Iterator[str]:
    if verdict is None:
        yield "  verdict     not yet"
        return
    worst = verdict.worst
    total = len(verdict.findings) + verdict.omitted
    yield f"  verdict     {total} findings, worst: {worst.value if worst else 'none'}"
    for finding in verdict.findings:
        yield f"    {_line(finding)}"
    if verdict.omitted:
        yield f"    and {verdict.omitted} more"


def _line(finding: Finding) -> str:
    where = f" {finding.tag_path}" if finding.tag_path else ""
    return f"{finding.severity.value} {finding.rule}{where}: {finding.detail} ({finding.section})"


def _text(distinct: Distinct, empty: str = "(empty)") -> str:
    shown = [value or empty for value in distinct.values]
    return ", ".join(shown + ["…"] * distinct.more) or "none"


def _counts(findings: Mapping[Severity, int]) -> str:
    return (
        ", ".join(f"{findings[one]} {one.value}" for one in Severity if findings.get(one)) or "none"
    )
