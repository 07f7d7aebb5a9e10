"""``stowage rules test`` says where a file would go, and no value of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.useragent.cli.operations import resend, rules
from tests.builders_dicom import Uids, make_file
from tests.unit.forwarding.building import make_document


def run(folder: Path, document: Any, *options: str) -> tuple[int, str]:
    rules_file, instance = folder / "rules.json", folder / "ct.dcm"
    rules_file.write_text(json.dumps(document))
    instance.write_bytes(make_file(Uids.of(1)).encode())
    arguments = ["test", "--rules", str(rules_file), "--instance", str(instance), *options]
    result = CliRunner().invoke(rules, arguments)
    return result.exit_code, result.output


def test_a_rule_that_matches(tmp_path: Path) -> None:
    code, output = run(tmp_path, make_document(rule={"match": {"Modality": ["CT", "MR"]}}))

    assert code == 0
    assert output.splitlines() == [
        "rule all: matches, to there",
        "  Modality in [CT, MR]: met",
        "to there: would be sent",
    ]


def test_a_rule_that_does_not_match_says_why_without_values(tmp_path: Path) -> None:
    match = {"Modality": "CT", "StationName": {"glob": "MR*"}, "PatientID": "X"}
    code, output = run(tmp_path, make_document(rule={"match": match}))

    assert code == 0
    assert output.splitlines() == [
        "rule all: does not match",
        "  Modality equals CT: met",
        "  StationName glob MR*: not met (the file does not have it)",
        "  PatientID equals X: not met",
        "to no destination",
    ]
    assert "PID-1" not in output


def test_what_never_goes_back(tmp_path: Path) -> None:
    document = make_document({"subjects": ["gateway"]})
    _, output = run(tmp_path, document, "--source", "gateway")

    assert output.splitlines()[-1] == "to there: not sent, it came from there"


def test_a_disabled_rule(tmp_path: Path) -> None:
    _, output = run(tmp_path, make_document(rule={"enabled": False}))

    assert output.splitlines() == ["rule all: disabled", "to no destination"]


def test_a_wrong_document_is_said_by_its_path(tmp_path: Path) -> None:
    code, output = run(tmp_path, make_document({"url": "http://there"}))

    assert code == 2
    assert "destinations[0].url" in output


@pytest.mark.parametrize(
    "arguments",
    [[], ["--study", "1.2"], ["--to", "there"], ["--changed-rules", "--study", "1", "--to", "x"]],
)
def test_resend_wants_one_of_two_things(arguments: list[str]) -> None:
    assert CliRunner().invoke(resend, arguments).exit_code == 2
