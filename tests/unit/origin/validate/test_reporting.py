"""What operators hear of a verdict."""

from chalicelib.origin.model import Finding, InstanceKey, Severity, Verdict
from chalicelib.origin.validate.reporting import report_verdict
from chalicelib.origin.validate.validator import Outcome
from tests.fakes.telemetry import MemoryTelemetry

KEY = InstanceKey("default", "1.2", "1.2.1", "1.2.1.1")
ERROR = Finding("pixel-data-short", Severity.ERROR, "(7FE0,0010)", "Too short.", "PS3.5 8.1.1")
NOTE = Finding("group-length", Severity.INFORMATION, "(0008,0000)", "There.", "PS3.5 7.2")


def report(outcome: Outcome, *findings: Finding) -> MemoryTelemetry:
    telemetry = MemoryTelemetry()
    verdict = Verdict(KEY, "ab", 1, findings)
    report_verdict(telemetry, KEY, outcome, None if outcome is Outcome.ABSENT else verdict)
    return telemetry


def test_errors_are_named_by_rule() -> None:
    telemetry = report(Outcome.JUDGED, ERROR, NOTE)
    assert telemetry.counts == {"InstancesValidated": 1, "Findings": 2}
    [line] = telemetry.lines
    assert "pixel-data-short" in str(line)
    assert "group-length" not in str(line)


def test_information_is_counted_quietly() -> None:
    telemetry = report(Outcome.JUDGED, NOTE)
    assert telemetry.counts["Findings"] == 1
    assert not telemetry.lines


def test_what_was_judged_before_is_not_counted_again() -> None:
    for outcome in (Outcome.KNOWN, Outcome.ABSENT, Outcome.FAILED):
        assert not report(outcome, ERROR).counts
