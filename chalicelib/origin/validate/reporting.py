"""What operators hear of each judged instance: one line, and counts. UIDs and rule names only."""

from chalicelib.origin import metrics
from chalicelib.origin.model import InstanceKey, Severity, Verdict
from chalicelib.origin.ports import Telemetry
from chalicelib.origin.validate.validator import Outcome

_LOUD = (Severity.UNSAFE, Severity.ERROR)


def report_verdict(
    telemetry: Telemetry, key: InstanceKey, outcome: Outcome, verdict: Verdict | None
) -> None:
    """Count an instance, and write a line when its verdict is one to look at."""
    if outcome is Outcome.JUDGED:
        telemetry.count(metrics.INSTANCES_VALIDATED)
    if verdict is None or outcome is not Outcome.JUDGED:
        return
    telemetry.count(metrics.FINDINGS, len(verdict.findings) + verdict.omitted)
    loud = sorted({f.rule for f in verdict.findings if f.severity in _LOUD})
    if loud:
        telemetry.event(
            "findings",
            partition=key.partition,
            study=key.study,
            sop_instance=key.sop_instance,
            rules=loud,
        )
