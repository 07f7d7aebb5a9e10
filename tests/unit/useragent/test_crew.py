"""When another sender begins."""

import threading
from collections.abc import Callable, Iterator

import pytest

from chalicelib.useragent.crew import Crew
from tests.unit.useragent.fakes import FakeClock

SOON = 5.0
A_WHILE = 0.15
"""Several looks of the crew's."""

Joins = Callable[[Crew], threading.Event]


class Time(FakeClock):
    """``time`` goes on as the test says, ``worked`` with it while a sender is busy."""

    worked = 0.0

    def passes(self, seconds: float, *, is_busy: bool) -> None:
        self.time += seconds
        self.worked += seconds if is_busy else 0.0


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def crew(clock: Time) -> Crew:
    return Crew(clock, worked_seconds=lambda: clock.worked)


@pytest.fixture
def joins() -> Iterator[Joins]:
    """Let a thread join a crew; what is returned is set once it may begin."""
    crews, threads = [], []

    def join(crew: Crew) -> threading.Event:
        begun = threading.Event()
        thread = threading.Thread(target=lambda: (crew.join(), begun.set()), daemon=True)
        thread.start()
        threads.append(thread)
        crews.append(crew)
        return begun

    yield join
    for crew in crews:
        crew.dismiss()
    for thread in threads:
        thread.join(SOON)


def test_the_first_begins_and_the_second_waits(crew: Crew, joins: Joins) -> None:
    assert joins(crew).wait(SOON)
    assert not joins(crew).wait(A_WHILE)


def test_beside_one_that_is_busy_nobody_begins(crew: Crew, clock: Time, joins: Joins) -> None:
    crew.join()
    with crew.at_work():
        clock.passes(1.0, is_busy=True)
    assert not joins(crew).wait(A_WHILE)


def test_waiting_for_files_to_be_found_is_no_waiting_for_a_server(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    second = joins(crew)
    clock.passes(10.0, is_busy=False)
    assert not second.wait(A_WHILE)


def test_another_begins_whenever_those_at_work_mostly_waited(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    for _ in range(3):
        other = joins(crew)
        with crew.at_work():
            clock.passes(1.0, is_busy=True)
            clock.passes(9.0, is_busy=False)
        assert other.wait(SOON)


def test_another_begins_while_a_batch_is_still_waiting(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    second = joins(crew)
    with crew.at_work():
        clock.passes(10.0, is_busy=False)
        assert second.wait(SOON)


def test_waiting_a_little_beside_much_work_calls_for_nobody(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    with crew.at_work():
        clock.passes(1.0, is_busy=True)
        clock.passes(2.0, is_busy=False)
    assert not joins(crew).wait(A_WHILE)


def test_a_server_that_was_waited_for_a_small_part_of_the_time_calls_for_nobody(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    with crew.at_work():
        clock.passes(1.0, is_busy=False)
    clock.passes(9.0, is_busy=False)
    assert not joins(crew).wait(A_WHILE)


def test_a_batch_that_called_for_one_calls_for_no_other(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    with crew.at_work():
        clock.passes(10.0, is_busy=False)
        assert joins(crew).wait(SOON)
        assert not joins(crew).wait(A_WHILE)


def test_what_a_batch_waited_before_the_last_look_is_not_counted_at_its_end(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    with crew.at_work():
        clock.passes(10.0, is_busy=False)
        assert joins(crew).wait(SOON)
        clock.passes(1.0, is_busy=True)
    clock.passes(10.0, is_busy=False)
    assert not joins(crew).wait(A_WHILE)


def test_a_batch_that_has_ended_calls_for_one_too_and_no_other(
    crew: Crew, clock: Time, joins: Joins
) -> None:
    crew.join()
    with crew.at_work():
        clock.passes(10.0, is_busy=False)
    assert joins(crew).wait(SOON)
    assert not joins(crew).wait(A_WHILE)


def test_the_eager_all_begin(clock: Time, joins: Joins) -> None:
    crew = Crew(clock, is_eager=True)
    assert all(begun.wait(SOON) for begun in [joins(crew) for _ in range(4)])


def test_whoever_waits_is_dismissed(crew: Crew, joins: Joins) -> None:
    crew.join()
    others = [joins(crew) for _ in range(3)]
    crew.dismiss()
    assert all(begun.wait(SOON) for begun in others)
