"""Every hostile case: its whole answer, what it left behind, and that the canary stayed unseen."""

from hashlib import sha256

import pytest

from tests.hostile.answers import EXPLANATION, PART, SOP_INSTANCE, items, module_of, told, value
from tests.hostile.canary import WORDS, find_canary
from tests.hostile.cases import Case, Sequence
from tests.hostile.conftest import Evidence
from tests.hostile.corpus import CASES
from tests.hostile.door import Door

PROBLEM = "application/problem+json"
MODULE = "application/dicom+json"
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


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


@every_case
def test_failures_are_explained_by_part(case: Case, evidence: Evidence) -> None:
    if case.refusal is not None:
        return
    module = module_of(evidence.answers[case.name])
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
    if case.refusal is None:
        module = module_of(evidence.answers[case.name])
        said = {value(item, SOP_INSTANCE) for item in items(module, Sequence.REFERENCED)}
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
    assert find_canary(repr(evidence.objects)) is None


def test_the_canary_is_in_no_message_and_no_function_s_output(
    evidence: Evidence, door: Door
) -> None:
    assert "InstancesStored" in door.messages()
    assert find_canary(door.messages()) is None
    assert find_canary(door.output()) is None


def test_no_stored_instance_is_poison_to_a_function(evidence: Evidence) -> None:
    assert not any(evidence.dead_letters.values()), evidence.dead_letters
