"""One SOP Instance UID twice in a request: settled in request order, before any second put."""

from collections.abc import Iterator

import pytest
from pydicom.uid import ImplicitVRLittleEndian

from chalicelib.dicomweb.store_instances import Failed
from chalicelib.origin.ports import Unavailable
from chalicelib.standard.reasons import FailureReason
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset
from tests.unit.origin.storing import (
    UID,
    World,
    arrive,
    fail,
    make_file,
    make_world,
    only_event,
    reasons,
)

FIRST = make_file()
OTHER = make_file(PatientID="P2")
REWRAP = encode_file(make_dataset(SOPInstanceUID=UID), ImplicitVRLittleEndian)
ORIGINAL = encode_file(make_dataset(SOPInstanceUID=UID))
DUPLICATE = FailureReason.DUPLICATE_SOP_INSTANCE


@pytest.fixture
def world() -> Iterator[World]:
    with make_world() as world:
        yield world


def test_identical_parts_are_both_stored_by_one_put(world: World) -> None:
    assert reasons(world.store(FIRST, FIRST, FIRST)) == [None, None, None]
    assert world.calls == [("create", UID)]
    assert len(world.announced()) == 1


def test_a_rewrapped_repeat_is_stored_too_and_the_first_bytes_are_kept(world: World) -> None:
    assert reasons(world.store(ORIGINAL, REWRAP)) == [None, None]
    assert world.content() == ORIGINAL
    assert world.calls == [("create", UID)]
    [instance] = only_event(world).instances
    assert "rewrapped" in instance.observations


def test_of_different_repeats_the_first_wins(world: World) -> None:
    outcomes = world.store(FIRST, OTHER, FIRST)
    assert reasons(outcomes) == [None, DUPLICATE, None]
    assert world.content() == FIRST
    assert isinstance(outcomes[1], Failed)
    assert "is in part 1 with other content: (0010,0020) differ" in outcomes[1].explanation.detail


def test_the_order_is_that_of_the_request_whatever_lies_between(world: World) -> None:
    others = [make_file(f"1.2.3.9.{n}") for n in range(20)]
    outcomes = world.store(*others[:10], OTHER, *others[10:], FIRST)
    assert reasons(outcomes) == [None] * 21 + [DUPLICATE]
    assert world.content() == OTHER


def test_when_the_first_is_a_duplicate_of_what_is_stored_the_next_may_be_a_resend(
    world: World,
) -> None:
    world.store(FIRST)
    assert reasons(world.store(OTHER, FIRST, OTHER)) == [DUPLICATE, None, DUPLICATE]
    assert world.content() == FIRST


def test_when_the_first_fails_for_now_its_repeats_do_too_and_none_is_put_before_it(
    world: World,
) -> None:
    world.at["create", UID] = fail(Unavailable())
    unavailable = FailureReason.STORE_UNAVAILABLE
    assert reasons(world.store(FIRST, OTHER, FIRST)) == [unavailable] * 3
    assert world.calls == [("create", UID)]
    world.at.clear()
    assert reasons(world.store(FIRST, OTHER, FIRST)) == [None, DUPLICATE, None]


def test_a_fault_while_comparing_a_repeat_costs_the_first_nothing(world: World) -> None:
    first, second, third = arrive(FIRST, OTHER, FIRST)
    assert isinstance(second.content, memoryview)
    second.content.release()
    assert reasons(world.store_arrivals([first, second, third])) == [
        None,
        FailureReason.PROCESSING_FAILURE,
        None,
    ]
    assert [fields["error"] for _, fields in world.telemetry.lines if "error" in fields] == [
        "ValueError"
    ]


def test_one_uid_in_two_studies_of_a_request_is_stored_once(world: World) -> None:
    elsewhere = make_file(StudyInstanceUID="1.2.99")
    assert reasons(world.store(FIRST, elsewhere)) == [None, DUPLICATE]
    assert [key.study for key in world.records.records] == ["1.2.3"]
