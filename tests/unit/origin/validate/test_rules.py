"""Every rule is raised by its sample, says the truth, and gives no value away."""

import re
from pathlib import Path

import pytest

from chalicelib.origin.model import Severity
from chalicelib.origin.validate import findings_of
from chalicelib.standard.observations import OBSERVATIONS
from chalicelib.standard.validation_rules import RULES, SEEN_AT_INTAKE
from tests.unit.origin.validate.samples import CANARY, SAMPLES, Sample, good

VALIDATION = Path(__file__).parents[4] / "chalicelib" / "origin" / "validate"
CITED = re.compile(r'"([a-z]+(?:-[a-z0-9]+)+)"')
COMPANIONS = {
    "attribute-missing",
    "transfer-syntax-tolerated",
    "transfer-syntax-refused",
    "file-meta-incomplete",
    "element-odd",
    "value-grammar",
}
"""What samples cannot help raising beside their own rule."""


def test_a_good_instance_has_no_finding() -> None:
    assert Sample(good().bytes()).verdict().findings == ()


@pytest.mark.parametrize("rule", sorted(RULES.keys() - SEEN_AT_INTAKE))
def test_a_rule_is_raised_by_its_sample(rule: str) -> None:
    assert rule in SAMPLES[rule]().rules()


@pytest.mark.parametrize("rule", sorted(SAMPLES))
def test_a_sample_raises_hardly_anything_else(rule: str) -> None:
    others = SAMPLES[rule]().rules() - {rule} - COMPANIONS
    assert others <= ALSO_TRUE.get(rule, set())


ALSO_TRUE: dict[str, set[str]] = {}


@pytest.mark.parametrize("rule", sorted(SAMPLES))
def test_no_finding_holds_a_value(rule: str) -> None:
    said = repr(SAMPLES[rule]().verdict().findings)
    assert CANARY.decode() not in said
    assert CANARY.hex() not in said


@pytest.mark.parametrize("rule", sorted(SAMPLES))
def test_a_finding_says_what_its_rule_says(rule: str) -> None:
    for finding in SAMPLES[rule]().verdict().findings:
        row = RULES[finding.rule]
        assert finding.severity is Severity(row.severity)
        assert finding.section == row.section
        assert finding.detail.endswith(".")
        assert re.fullmatch(r"(?:\([0-9A-F]{4},[0-9A-F]{4}\)(?:\[\d+\]\.)?)*", finding.tag_path)


def test_no_check_cites_a_rule_that_is_not_in_the_table() -> None:
    text = "".join(path.read_text() for path in VALIDATION.glob("*.py"))
    cited = set(CITED.findall(text)) - OBSERVATIONS.keys()
    assert cited <= RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_a_row_is_complete(rule: str) -> None:
    row = RULES[rule]
    assert row.id == rule
    assert CITED.fullmatch(f'"{rule}"') or rule in ("truncated", "rewrapped")
    assert row.severity in {severity.value for severity in Severity}
    assert row.section
    assert row.sentence.endswith(".")


def test_what_only_intake_saw_becomes_findings_of_its_own() -> None:
    seen = findings_of({*SEEN_AT_INTAKE, "odd-length", "unheard-of"})
    assert {finding.rule for finding in seen} == SEEN_AT_INTAKE
    assert OBSERVATIONS.keys() >= SEEN_AT_INTAKE
