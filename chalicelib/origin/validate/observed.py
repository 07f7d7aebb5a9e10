"""Findings of what intake saw and no look at the bytes can show.

They are no part of a Verdict, which is a function of the bytes alone: VerdictStore keeps the
observations beside it, and who shows an instance puts both together.
"""

from collections.abc import Iterable

from chalicelib.origin.model import Finding, Severity
from chalicelib.standard.observations import OBSERVATIONS
from chalicelib.standard.validation_rules import RULES, SEEN_AT_INTAKE


def findings_of(observations: Iterable[str]) -> tuple[Finding, ...]:
    """Return a finding for each observation that validation cannot make itself."""
    rows = [RULES[name] for name in sorted(SEEN_AT_INTAKE.intersection(observations))]
    return tuple(
        Finding(row.id, Severity(row.severity), "", OBSERVATIONS[row.id], row.section)
        for row in rows
    )
