"""Findings of checkov are answered one by one."""

import yaml

from infra.audit import JUSTIFICATIONS, compare, findings_of, justified

REPORT = {
    "results": {
        "failed_checks": [
            {"check_id": "CKV_1", "resource": "AWS::S3::Bucket.Bucket", "check_name": "Ensure it"}
        ]
    }
}


def test_a_finding_without_a_reason_is_told() -> None:
    assert compare(findings_of(REPORT), set()) == ["CKV_1 Bucket: Ensure it"]


def test_a_reason_answers_for_the_resources_that_it_names() -> None:
    answered = {"CKV_1": {"because": "so", "resources": ["Bucket"]}}

    assert compare(findings_of([REPORT]), justified(answered)) == []


def test_an_empty_reason_is_none() -> None:
    empty = {"CKV_1": {"because": " ", "resources": ["Bucket"]}}

    assert compare(findings_of(REPORT), justified(empty)) == ["CKV_1 Bucket: Ensure it"]


def test_a_reason_that_nothing_needs_is_told() -> None:
    assert compare({}, {("CKV_1", "Bucket")}) == ["CKV_1 Bucket: justified, but not found"]


def test_every_reason_of_ours_names_what_it_is_for() -> None:
    for entry in yaml.safe_load(JUSTIFICATIONS.read_text(encoding="utf-8")).values():
        assert set(entry) == {"asks", "because", "resources"}
        assert entry["resources"] == sorted(set(entry["resources"]))
