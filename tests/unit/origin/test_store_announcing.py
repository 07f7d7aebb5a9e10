"""What the bus is told of a request, and that its outage costs no success."""

from collections.abc import Iterator

import pytest

from chalicelib.dicomweb.store_instances import Failed
from chalicelib.origin import metrics
from chalicelib.origin.events import MAX_INSTANCES_PER_EVENT, Cause
from tests.unit.origin.storing import CANARY, World, fail, make_file, make_world, reasons


@pytest.fixture
def world() -> Iterator[World]:
    with make_world() as world:
        yield world


def files(count: int, study: str = "1.2.3") -> list[bytes]:
    return [
        make_file(f"{study}.{n}", StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1")
        for n in range(1, count + 1)
    ]


def test_a_request_is_one_event_per_study(world: World) -> None:
    one, other = files(3), files(2, "1.2.4")
    world.store(one[0], other[0], one[1], other[1], one[2])
    told = {e.study: [i.sop_instance for i in e.instances] for e in world.announcer.sent}
    assert told == {"1.2.3": ["1.2.3.1", "1.2.3.2", "1.2.3.3"], "1.2.4": ["1.2.4.1", "1.2.4.2"]}
    assert len(world.announcer.sent) == 2


def test_a_large_study_is_split(world: World) -> None:
    world.store(*files(120))
    assert [len(event.instances) for event in world.announcer.sent] == [
        MAX_INSTANCES_PER_EVENT,
        MAX_INSTANCES_PER_EVENT,
        20,
    ]
    assert len(set(world.announced())) == 120


def test_500_instances_keep_their_order_and_all_are_recorded(world: World) -> None:
    arrived = files(500)
    outcomes = world.store(*arrived)
    assert reasons(outcomes) == [None] * 500
    assert [one.reference.sop_instance for one in outcomes] == [f"1.2.3.{n}" for n in range(1, 501)]
    assert len(world.records.records) == len(world.instances.objects) == 500


def test_what_is_new_and_what_is_sent_again_are_one_event(world: World) -> None:
    world.store(*files(1))
    world.store(*files(2), request_id="request-2")
    assert [event.cause for event in world.announcer.sent] == [Cause.STORED, Cause.STORED]
    assert world.telemetry.counts[metrics.INSTANCES_RESENT] == 1


def test_a_request_that_stores_nothing_tells_nothing(world: World) -> None:
    world.store()
    assert world.announcer.sent == []


def test_a_bus_that_is_down_is_counted_and_costs_no_success(world: World) -> None:
    world.announcer.unavailable = True
    assert reasons(world.store(*files(2), *files(1, "1.2.4"))) == [None] * 3
    assert world.telemetry.counts[metrics.EVENTS_NOT_SENT] == 2
    assert [line for line in world.telemetry.lines if line[0] == "event not sent"] == [
        ("event not sent", {"study": "1.2.3", "instances": 2}),
        ("event not sent", {"study": "1.2.4", "instances": 1}),
    ]


def test_only_what_the_bus_left_over_is_counted(world: World) -> None:
    world.announcer.refusing.add("1.2.4")
    world.store(*files(1), *files(1, "1.2.4"))
    assert world.telemetry.counts[metrics.EVENTS_NOT_SENT] == 1
    assert [event.study for event in world.announcer.sent] == ["1.2.3"]


def test_a_bus_that_fails_in_an_unknown_way_costs_no_success_either(world: World) -> None:
    world.announcer.announce = fail(RuntimeError(CANARY))  # type: ignore[assignment]
    [stored] = world.store(*files(1))
    assert not isinstance(stored, Failed)
    assert world.telemetry.counts[metrics.EVENTS_NOT_SENT] == 1
    assert CANARY not in repr(world.telemetry.lines)
