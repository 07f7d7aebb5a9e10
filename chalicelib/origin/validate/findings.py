"""Collects findings, bounded: the worst are kept, the rest is counted."""

from collections import Counter

from chalicelib.dicomweb.errors import InstanceError
from chalicelib.origin.model import Finding, Severity
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.validation_rules import RULES

MAX_FINDINGS = 200
MAX_FINDINGS_OF_A_RULE = 25
"""So that one habit of a sender, repeated in every item, leaves room for what else is wrong."""
MAX_DETAIL_CHARACTERS = 300

_RULE_OF_REASON = {
    FailureReason.NOT_DICOM_FILE: "not-a-dicom-file",
    FailureReason.FILE_META_UNREADABLE: "file-meta-unreadable",
    FailureReason.TRUNCATED: "truncated",
    FailureReason.TOO_DEEP: "nested-too-deep",
    FailureReason.TOO_MANY_ELEMENTS: "too-many-elements",
    FailureReason.INFLATES_TOO_LARGE: "inflates-too-large",
}


class Findings:
    """Findings in the order they are made: that of the data set, then those about the whole."""

    def __init__(self) -> None:
        self._kept: dict[Severity, list[Finding]] = {severity: [] for severity in Severity}
        self._of_rule: Counter[str] = Counter()

    def add(self, rule: str, tag_path: str, detail: str) -> None:
        """Add a finding.

        Parameters
        ----------
        rule : str
            A key of ``RULES``.
        tag_path : str
            Where in the data set, "" for the file as a whole.
        detail : str
            One sentence with tags, UIDs, lengths and counts; never a value.
        """
        row = RULES[rule]
        severity = Severity(row.severity)
        self._of_rule[rule] += 1
        kept = self._kept[severity]
        if self._of_rule[rule] <= MAX_FINDINGS_OF_A_RULE and len(kept) < MAX_FINDINGS:
            detail = detail[:MAX_DETAIL_CHARACTERS]
            kept.append(Finding(rule, severity, tag_path, detail, row.section))

    def refuse(self, error: InstanceError) -> None:
        """Add what stopped reading."""
        rule = _RULE_OF_REASON.get(error.reason, "malformed-structure")
        self.add(rule, error.tag_path or "", error.detail)

    def worst_first(self) -> tuple[tuple[Finding, ...], int]:
        """Return the findings to keep, worst first and in order within, and the number omitted."""
        ordered = [finding for severity in Severity for finding in self._kept[severity]]
        kept = tuple(ordered[:MAX_FINDINGS])
        return kept, self._of_rule.total() - len(kept)
