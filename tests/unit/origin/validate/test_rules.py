"""Every rule is raised by its sample, says the truth, and gives no value away."""

import ast
import re
from pathlib import Path

import pytest

from chalicelib.origin.model import Severity
from chalicelib.origin.validate import findings_of
from chalicelib.standard.observations import OBSERVATIONS
from chalicelib.standard.validation_rules import RULES, SEEN_AT_INTAKE
from tests.builders_dicom import element, item
from tests.unit.origin.validate.rule_samples import SAMPLES
from tests.unit.origin.validate.samples import CANARY, Sample, good

VALIDATION = Path(__file__).parents[4] / "chalicelib" / "origin" / "validate"
KEBAB_CASE = re.compile(r"[a-z]+(?:-[a-z]+)*")
ALSO_TRUE = {
    "file-meta-unreadable": {"file-meta-incomplete"},
    "uid-repeated": {"element-repeated"},
    "not-a-storage-class": {"file-meta-another-class"},
    "transfer-syntax-tolerated": {"attribute-missing"},
    "inflates-too-large": {"transfer-syntax-tolerated"},
}
"""What a sample cannot help being as well."""


def test_a_good_instance_has_no_finding() -> None:
    assert Sample(good().encode()).verdict().findings == ()


def test_every_rule_has_a_sample() -> None:
    assert SAMPLES.keys() == RULES.keys() - SEEN_AT_INTAKE


@pytest.mark.parametrize("rule", SAMPLES)
def test_a_sample_raises_its_rule_and_no_other(rule: str) -> None:
    assert SAMPLES[rule]().rules() == {rule} | ALSO_TRUE.get(rule, set())


@pytest.mark.parametrize("rule", SAMPLES)
def test_no_finding_holds_a_value(rule: str) -> None:
    said = repr(SAMPLES[rule]().verdict().findings)
    assert CANARY.decode() not in said
    assert CANARY.hex() not in said


@pytest.mark.parametrize("rule", SAMPLES)
def test_a_finding_is_as_severe_as_its_rule(rule: str) -> None:
    for finding in SAMPLES[rule]().verdict().findings:
        row = RULES[finding.rule]
        assert finding.severity is Severity(row.severity)
        assert finding.section == row.section
        assert finding.detail.endswith(".")
        assert re.fullmatch(r"(?:\([0-9A-F]{4},[0-9A-F]{4}\)(?:\[\d+\]\.)?)*", finding.tag_path)


def test_every_rule_is_cited_by_a_check() -> None:
    text = "".join(path.read_text() for path in VALIDATION.glob("*.py"))
    uncited = {rule for rule in RULES.keys() - SEEN_AT_INTAKE if f'"{rule}"' not in text}
    assert uncited == set()


@pytest.mark.parametrize("path", sorted(VALIDATION.glob("*.py")), ids=lambda path: path.stem)
def test_no_check_cites_a_rule_that_is_not_in_the_table(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        is_add = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_add and node.func.attr.endswith("add") and isinstance(node.args[0], ast.Constant):
            assert node.args[0].value in RULES


@pytest.mark.parametrize("rule", RULES)
def test_a_row_is_complete(rule: str) -> None:
    row = RULES[rule]
    assert row.id == rule
    assert KEBAB_CASE.fullmatch(rule)
    assert row.severity in {severity.value for severity in Severity}
    assert row.section
    assert row.sentence.endswith(".")


def test_a_sequence_in_file_meta_is_judged_like_any_element() -> None:
    sequence_in_meta = element(0x00020100, "SQ", item(element(0x00081155, "UI", b"no uid")))
    assert "value-grammar" in Sample(good().with_meta(sequence_in_meta).encode()).rules()
    broken = element(0x00020100, "SQ", b"no item!")
    assert "file-meta-unreadable" in Sample(good().with_meta(broken).encode()).rules()


def test_what_only_intake_saw_becomes_findings_of_its_own() -> None:
    seen = findings_of({*SEEN_AT_INTAKE, "odd-length", "unheard-of"})
    assert {finding.rule for finding in seen} == SEEN_AT_INTAKE
    assert OBSERVATIONS.keys() >= SEEN_AT_INTAKE
