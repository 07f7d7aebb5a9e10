"""The VerdictStore on DynamoDB, and the count of findings that operators ask for."""

from collections import Counter
from collections.abc import Iterable, Mapping

from chalicelib.adapters.dynamodb.records import instance_key
from chalicelib.adapters.dynamodb.table import Item, Key, Table, study_pk
from chalicelib.origin.model import Finding, InstanceKey, Severity, Verdict


class DynamoDbVerdictStore:
    """Implements `origin.ports.VerdictStore`.

    Parameters
    ----------
    table : Table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(self, verdict: Verdict) -> None:
        """Write the verdict in place of an earlier one. Raises Unavailable."""
        self._table.put(encode_verdict(verdict))

    def read(self, key: InstanceKey) -> Verdict | None:
        """Return the verdict, None when there is none yet. Raises Unavailable."""
        item = self._table.get(_key("verdict", key))
        return decode_verdict(item) if item else None

    def observe(self, key: InstanceKey, observations: Iterable[str]) -> None:
        """Add to the set of what intake observed of this instance. Raises Unavailable."""
        names = sorted(set(observations))
        if names:
            self._table.add_to_set(_key("observed", key), "observations", names)

    def observations(self, key: InstanceKey) -> frozenset[str]:
        """Return the set of what intake observed. Raises Unavailable."""
        item = self._table.get(_key("observed", key))
        return frozenset(item["observations"]["SS"] if item else ())

    def findings_of(self, partition: str, study: str) -> tuple[int, Mapping[Severity, int]]:
        """Return how many verdicts a study has, and their findings kept by severity.

        Raises Unavailable.
        """
        verdicts, findings = 0, Counter[Severity]()
        for item in self._table.query(study_pk(partition, study), "verdict/", only="severities"):
            verdicts += 1
            for severity, count in item["severities"]["M"].items():
                findings[Severity(severity)] += int(count["N"])
        return verdicts, dict(findings)


def _key(kind: str, key: InstanceKey) -> Key:
    return study_pk(key.partition, key.study), f"{kind}/{key.series}/{key.sop_instance}"


def encode_verdict(verdict: Verdict) -> Item:
    """Return the verdict as an item; ``severities`` counts its findings, for operators."""
    pk, sk = _key("verdict", verdict.key)
    severities = Counter(finding.severity.value for finding in verdict.findings)
    return {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "sha256": {"S": verdict.sha256},
        "rules_version": {"N": str(verdict.rules_version)},
        "omitted": {"N": str(verdict.omitted)},
        "severities": {"M": {name: {"N": str(count)} for name, count in severities.items()}},
        "findings": {"L": [{"M": _encode_finding(finding)} for finding in verdict.findings]},
    }


def _encode_finding(finding: Finding) -> Item:
    return {
        "rule": {"S": finding.rule},
        "severity": {"S": finding.severity.value},
        "tag_path": {"S": finding.tag_path},
        "detail": {"S": finding.detail},
        "section": {"S": finding.section},
    }


def decode_verdict(item: Item) -> Verdict:
    """Return the verdict of an item made by :func:`encode_verdict`."""
    return Verdict(
        key=instance_key(item),
        sha256=item["sha256"]["S"],
        rules_version=int(item["rules_version"]["N"]),
        findings=tuple(_decode_finding(found["M"]) for found in item["findings"]["L"]),
        omitted=int(item["omitted"]["N"]),
    )


def _decode_finding(found: Item) -> Finding:
    return Finding(
        rule=found["rule"]["S"],
        severity=Severity(found["severity"]["S"]),
        tag_path=found["tag_path"]["S"],
        detail=found["detail"]["S"],
        section=found["section"]["S"],
    )
