"""Each hostile case: its answer, what was stored, and that the canary stayed unseen."""

from typing import Any

import pytest

from tests.hostile.canary import find_canary
from tests.hostile_metadata.conftest import Evidence, case_of
from tests.hostile_metadata.corpus import CASES
from tests.hostile_metadata.hostile import Hostile
from tests.read_back import FAILED, OTHER, REASON, REFERENCED

every_case = pytest.mark.parametrize("hostile", CASES.values(), ids=list(CASES))


def reasons(module: dict[str, Any]) -> list[int]:
    """The failure reasons of instances and parts, bulkdata left over apart."""
    return [
        item[REASON]["Value"][0]
        for sequence in (FAILED, OTHER)
        for item in module.get(sequence, {}).get("Value", [])
    ]


@every_case
def test_the_answer_is_the_one_that_is_due(hostile: Hostile, evidence: Evidence) -> None:
    answer = evidence.answers[hostile.name]

    assert answer.status == hostile.status, answer.body.decode()[:600]
    if hostile.status == 400:
        assert answer.header("Content-Type") == "application/problem+json"
        return
    module = answer.json()
    assert reasons(module)[:1] == ([hostile.reason.code] if hostile.reason else []), module
    assert (REFERENCED in module) == (hostile.reason is None)


@every_case
def test_only_what_was_said_to_be_is_stored(hostile: Hostile, evidence: Evidence) -> None:
    prefix = f"{case_of(hostile).partition}/instances/"
    stored = {key.removeprefix(prefix) for key in evidence.objects if key.startswith(prefix)}

    assert stored == ({f"{hostile.uids.instance}.dcm"} if hostile.status == 200 else set())


@every_case
def test_the_canary_is_in_no_answer(hostile: Hostile, evidence: Evidence) -> None:
    answer = evidence.answers[hostile.name]

    assert find_canary(answer.body) is None
    assert find_canary(repr(answer.headers)) is None


def test_the_canary_is_in_no_log_and_no_message(evidence: Evidence) -> None:
    assert evidence.output
    assert find_canary(evidence.output) is None
    assert "InstancesStored" in evidence.messages
    assert find_canary(evidence.messages) is None


def test_the_canary_is_in_no_key_and_no_object_metadata(evidence: Evidence) -> None:
    assert (
        find_canary(repr([(key, dict(kept.metadata)) for key, kept in evidence.objects.items()]))
        is None
    )


def test_no_stored_instance_is_poison_to_a_function(evidence: Evidence) -> None:
    assert not any(evidence.dead_letters.values())
