"""Every hostile case: its whole answer, what it left behind, and that the canary stayed unseen."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from tests.hostile.canary import WORDS, find_canary
from tests.hostile.cases import Case, Outcome, Sequence
from tests.hostile.conftest import Evidence
from tests.hostile.corpus import CASES
from tests.hostile.door import Answer, Door

PROBLEM = "application/problem+json"
MODULE = "application/dicom+json"
RETRIEVE_URL = "00081190"
FAILURE_REASON = "00081197"
EXPLANATION, PART, TAG_PATH = "00091001", "00091002", "00091003"

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def items(module: dict[str, Any], sequence: Sequence) -> list[dict[str, Any]]:
    """The items of one of the module's sequences."""
    found: list[dict[str, Any]] = module.get(sequence.value, {}).get("Value", [])
    return found


def value(item: dict[str, Any], tag: str) -> Any:
    """The only value of an attribute, None when it has none."""
    return next(iter(item.get(tag, {}).get("Value", [])), None)


@every_case
def test_the_answer_is_the_one_that_is_due(case: Case, evidence: Evidence) -> None:
    answer = evidence.answers[case.name]

    assert answer.status == case.status, answer.body.decode()
    if case.refusal is None:
        assert answer.header("Content-Type") == MODULE
        assert list(told(answer)) == [
            (part, outcome) for part, outcome in enumerate(case.outcomes, start=1)
        ]
    else:
        assert answer.header("Content-Type") == PROBLEM
        problem = answer.json()
        assert problem["status"] == case.status
        assert problem["detail"]
        assert problem.get("part") == case.refusal.part
        limit = case.refusal.limit
        assert problem.get("limit") == (limit and {"name": limit[0], "value": limit[1]})


def told(answer: Answer) -> Iterator[tuple[int, Outcome]]:
    """What a module says of each part, by the part's number.

    An item of success tells no part; those that are left over are theirs, in order.
    """
    module = answer.json()
    failures = {
        value(item, PART): Outcome(sequence, _reason(item), value(item, TAG_PATH))
        for sequence in (Sequence.FAILED, Sequence.OTHER)
        for item in items(module, sequence)
    }
    stored = items(module, Sequence.REFERENCED)
    for part in range(1, len(failures) + len(stored) + 1):
        yield part, failures.get(part, Outcome(Sequence.REFERENCED))


def _reason(item: dict[str, Any]) -> Any:
    from chalicelib.standard.reasons import FailureReason

    return {reason.code: reason for reason in FailureReason}[value(item, FAILURE_REASON)]


@every_case
def test_failures_are_explained_by_part(case: Case, evidence: Evidence) -> None:
    if case.refusal is not None:
        return
    module = evidence.answers[case.name].json()
    for sequence in (Sequence.FAILED, Sequence.OTHER):
        for item in items(module, sequence):
            assert value(item, EXPLANATION).startswith(f"Part {value(item, PART)}: ")


@every_case
def test_stored_is_what_was_said_and_nothing_else(case: Case, evidence: Evidence) -> None:
    prefix = f"{case.partition}/instances/"
    kept = {
        key.removeprefix(prefix).removesuffix(".dcm"): stored.sha256
        for key, stored in evidence.objects.items()
        if key.startswith(prefix)
    }

    assert kept == {uid: sha256(body).hexdigest() for uid, body in case.stored.items()}
    module = evidence.answers[case.name]
    if case.refusal is None:
        said = {value(item, "00081155") for item in items(module.json(), Sequence.REFERENCED)}
        assert said == set(case.stored)


@every_case
def test_the_canary_is_in_no_answer_and_in_no_log(case: Case, evidence: Evidence) -> None:
    answer = evidence.answers[case.name]

    assert find_canary(answer.body) is None
    assert find_canary(repr(answer.headers)) is None
    assert find_canary(answer.printed) is None
    assert answer.printed, "an answer nobody logged"


@every_case
def test_the_answer_names_the_request_that_the_log_names(case: Case, evidence: Evidence) -> None:
    answer = evidence.answers[case.name]
    request_id = answer.header("X-Request-Id")

    assert request_id
    assert request_id.encode() in answer.printed


def test_the_canary_was_there_to_be_found(evidence: Evidence) -> None:
    for word in WORDS:
        assert find_canary(evidence.items), word


def test_the_canary_is_in_no_object_key_and_no_metadata(evidence: Evidence) -> None:
    assert find_canary(json.dumps({k: dict(o.metadata) for k, o in evidence.objects.items()})) is None


def test_the_canary_is_in_no_message_and_no_function_s_output(
    evidence: Evidence, door: Door
) -> None:
    assert "InstancesStored" in door.messages()
    assert find_canary(door.messages()) is None
    assert find_canary(door.output()) is None


def test_no_stored_instance_is_poison_to_a_function(evidence: Evidence) -> None:
    assert evidence.dead_letters == dict.fromkeys(evidence.dead_letters, [])
