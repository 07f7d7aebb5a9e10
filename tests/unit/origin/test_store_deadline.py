"""The answer comes in time, and says which instances were not stored by then."""

from collections.abc import Iterator
from threading import Event
from time import monotonic

import pytest

from chalicelib.dicomweb.store_instances import Failed, Stored
from chalicelib.origin import metrics
from chalicelib.origin.ports import Remaining
from chalicelib.origin.store import StorePolicy
from chalicelib.standard.reasons import FailureReason
from tests.unit.origin.storing import World, make_file, make_world, reasons

OUT_OF_TIME = FailureReason.OUT_OF_TIME
ALLOWED = 0.15
"""Seconds that calls get which hang."""


def ten_seconds_after(seconds: float) -> Remaining:
    """The time left of a request that has ten seconds more than this."""
    ends = monotonic() + 10 + seconds
    return lambda: ends - monotonic()


class Hanging:
    """A call that hangs until it is let go."""

    def __init__(self) -> None:
        self.begun = Event()
        self.released = Event()

    def __call__(self, *_: object) -> None:
        self.begun.set()
        assert self.released.wait(10)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.released.set()


@pytest.fixture
def world(hanging: Hanging) -> Iterator[World]:
    with make_world() as world:
        yield world
        hanging.released.set()


def test_no_put_is_begun_with_less_than_five_seconds_left(world: World) -> None:
    assert reasons(world.store(make_file(), remaining=lambda: 4.9)) == [OUT_OF_TIME]
    assert world.calls == []
    assert OUT_OF_TIME.transient


def test_the_put_that_uses_up_the_time_is_the_last(world: World) -> None:
    left = [25.0]

    def use_up() -> None:
        left[0] = 4.9

    world.at["create", "1.2.3.1"] = use_up
    with make_world(threads=1) as single:
        single.at = world.at
        outcomes = single.store(
            *(make_file(f"1.2.3.{n}") for n in (1, 2)), remaining=lambda: left[0]
        )
        assert reasons(outcomes) == [None, OUT_OF_TIME]
        assert single.calls == [("create", "1.2.3.1")]


def store_with_a_put_that_hangs(world: World, hanging: Hanging) -> list[Stored | Failed]:
    world.policy = StorePolicy(last_deposit=10, last_wait=0)
    world.at["create", "1.2.3.2"] = hanging
    files = [make_file(f"1.2.3.{n}") for n in (1, 2, 3)]
    return world.store(*files, remaining=ten_seconds_after(ALLOWED))


def test_a_put_that_hangs_is_not_promised_and_costs_the_others_nothing(
    world: World, hanging: Hanging
) -> None:
    assert reasons(store_with_a_put_that_hangs(world, hanging)) == [None, OUT_OF_TIME, None]
    assert [key.sop_instance for key in world.announced()] == ["1.2.3.1", "1.2.3.3"]
    assert len(world.records.records) == 2


def test_a_put_that_ends_after_the_answer_leaves_an_object_that_a_resend_completes(
    world: World, hanging: Hanging
) -> None:
    store_with_a_put_that_hangs(world, hanging)
    world.at.clear()
    hanging.released.set()
    world.executor.shutdown()
    assert ("default", "1.2.3.2") in world.instances.objects
    with make_world() as later:
        later.instances.objects = world.instances.objects
        assert reasons(later.store(make_file("1.2.3.2"))) == [None]
        assert [key.sop_instance for key in later.records.records] == ["1.2.3.2"]


def test_a_repeat_of_what_hangs_is_not_promised_either(world: World, hanging: Hanging) -> None:
    world.policy = StorePolicy(last_deposit=10, last_wait=0)
    world.at["create", "1.2.3.2"] = hanging
    files = [make_file("1.2.3.2"), make_file("1.2.3.2")]
    assert reasons(world.store(*files, remaining=ten_seconds_after(ALLOWED))) == [OUT_OF_TIME] * 2


def test_records_that_hang_are_not_promised(world: World, hanging: Hanging) -> None:
    world.policy = StorePolicy(last_deposit=0, last_wait=10)
    world.records.write = hanging  # type: ignore[method-assign, assignment]
    outcomes = world.store(make_file(), remaining=ten_seconds_after(ALLOWED))
    assert reasons(outcomes) == [FailureReason.STORE_UNAVAILABLE]
    assert world.announcer.sent == []


def test_a_bus_that_hangs_costs_no_success(world: World, hanging: Hanging) -> None:
    world.policy = StorePolicy(last_deposit=0, last_wait=10)
    world.announcer.announce = hanging  # type: ignore[method-assign, assignment]
    assert reasons(world.store(make_file(), remaining=ten_seconds_after(ALLOWED))) == [None]
    assert world.telemetry.counts[metrics.EVENTS_NOT_SENT] == 1
