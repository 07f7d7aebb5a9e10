"""An operator's act: a study whatever rules say, or what changed rules now match."""

import pytest

from chalicelib.forwarding.model import DeliveryState
from chalicelib.forwarding.resend import NothingToSend
from chalicelib.origin.hop_mark import mark_of
from tests.builders_dicom import Patient
from tests.unit.forwarding.building import STUDY, THERE, World, configured, make_document
from tests.unit.useragent.fakes import answer, module, stores_all


@pytest.fixture
def world() -> World:
    return World()


def test_a_study_is_sent_without_a_rule_and_out_of_a_hold(world: World) -> None:
    world.configuration = configured(
        make_document({"hours": {"windows": [{"time": "20:00-21:00"}]}}, {"enabled": False})
    )
    world.store(1)
    world.store(2, patient=Patient(patient_id=b"OTHER"))
    report = world.resender.study("default", STUDY, "there")

    assert report.states == {DeliveryState.DELIVERED: 2}
    assert report.is_clean


def test_what_failed_is_tried_again_and_what_was_delivered_is_not(world: World) -> None:
    world.answering(lambda sent: answer(202, module(sent.uids[1:], [(sent.uids[0], 0xC000)])))
    keys = world.store(1, 2)
    world.forward(keys)
    world.answering(stores_all)
    report = world.resender.study("default", STUDY, "there")

    assert (report.states, report.skipped) == ({DeliveryState.DELIVERED: 1}, 1)
    assert world.resender.study("default", STUDY, "there", again=True).skipped == 0
    assert len(world.transport.posts[-1].uids) == 2


def test_what_a_changed_rule_matches_is_sent_once(world: World) -> None:
    world.configuration = configured(make_document(rule={"match": {"Modality": "MR"}}))
    keys = world.store(1, 2)
    world.forward(keys)
    assert list(world.resender.changed_rules("default", iter([STUDY]))) == []

    world.configuration = configured(make_document(rule={"match": {"Modality": "CT"}}))
    [report] = world.resender.changed_rules("default", iter([STUDY]))
    assert report.states == {DeliveryState.DELIVERED: 2}
    [report] = world.resender.changed_rules("default", iter([STUDY]))
    assert (report.states, report.skipped) == ({}, 2)
    assert list(world.resender.changed_rules("default", iter([STUDY]), "another")) == []


def test_changed_rules_leave_a_study_in_conflict_alone(world: World) -> None:
    world.store(1)
    world.store(2, patient=Patient(patient_id=b"OTHER"))
    [report] = world.resender.changed_rules("default", iter([STUDY]))

    assert report.is_in_conflict
    assert not report.is_clean
    assert world.transport.sent == []


def test_nothing_goes_back_even_for_an_operator(world: World) -> None:
    world.store(1, via=mark_of(THERE))
    report = world.resender.study("default", STUDY, "there")

    assert (report.refused, report.states) == (1, {})


def test_a_destination_that_is_down_leaves_the_study(world: World) -> None:
    world.answering(answer(503, b"", "text/plain")).store(1)
    report = world.resender.study("default", STUDY, "there")

    assert (report.waiting, report.is_clean) == (1, False)


@pytest.mark.parametrize(("study", "destination"), [("1.2.3", "there"), (STUDY, "nowhere")])
def test_what_is_not_there_cannot_be_sent(world: World, study: str, destination: str) -> None:
    world.store(1)
    with pytest.raises(NothingToSend):
        world.resender.study("default", study, destination)
