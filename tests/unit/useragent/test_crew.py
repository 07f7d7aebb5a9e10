"""When another sender begins."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from chalicelib.useragent.crew import Crew, processors

SOON = 5.0
A_WHILE = 0.3
"""Several looks of the crew's."""

Joins = Callable[[Crew], threading.Event]


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


class Busy:
    """Senders at work in threads of their own, which wait when they are told to, or end."""

    def __init__(self, crew: Crew, count: int) -> None:
        self._may_wait = [threading.Event() for _ in range(count)]
        self._do_wait = [threading.Event() for _ in range(count)]
        self._may_end = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(crew, one), daemon=True)
            for one in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, which: int) -> None:
        self._may_wait[which].set()
        assert self._do_wait[which].wait(SOON)

    def end(self) -> None:
        self._may_end.set()
        for event in self._may_wait:
            event.set()
        for thread in self._threads:
            thread.join(SOON)

    def _work(self, crew: Crew, which: int) -> None:
        crew.join()
        with crew.at_work():
            self._may_wait[which].wait(SOON)
            crew.waits()
            self._do_wait[which].set()
            self._may_end.wait(SOON)


@pytest.fixture
def busy() -> Iterator[Callable[[Crew, int], Busy]]:
    with ExitStack() as stack:

        def begin(crew: Crew, count: int) -> Busy:
            senders = Busy(crew, count)
            stack.callback(senders.end)
            return senders

        yield begin


Begins = Callable[[Crew, int], Busy]


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_few_begin_and_the_next_waits(joins: Joins, at_once: int) -> None:
    crew = Crew(at_once)
    assert all(joins(crew).wait(SOON) for _ in range(at_once))
    assert not joins(crew).wait(A_WHILE)


def test_another_begins_once_all_wait(joins: Joins, busy: Begins) -> None:
    crew = Crew(2)
    senders = busy(crew, 2)
    third = joins(crew)
    senders.wait(0)
    assert not third.wait(A_WHILE)
    senders.wait(1)
    assert third.wait(SOON)


def test_each_that_begins_has_to_wait_too_before_the_next(joins: Joins, busy: Begins) -> None:
    crew = Crew(1)
    busy(crew, 1).wait(0)
    second = joins(crew)
    third = joins(crew)
    assert second.wait(SOON) or third.wait(SOON)
    assert not (second.wait(A_WHILE) and third.wait(A_WHILE))


def test_waiting_for_files_to_be_found_is_no_waiting_for_a_server(
    joins: Joins, busy: Begins
) -> None:
    crew = Crew(1)
    senders = busy(crew, 1)
    senders.wait(0)
    senders.end()
    assert not joins(crew).wait(A_WHILE)


def test_that_all_wait_at_one_look_calls_for_nobody() -> None:
    crew = Crew(0)
    crew._begun = 1
    looks = []
    for does_wait in (True, False, True, True, True, True):
        with crew.at_work():
            if does_wait:
                crew.waits()
            looks.append(crew._is_short())
    assert looks == [False, False, False, True, False, True]


def test_whoever_waits_is_dismissed(joins: Joins) -> None:
    crew = Crew(1)
    crew.join()
    others = [joins(crew) for _ in range(3)]
    crew.dismiss()
    assert all(begun.wait(SOON) for begun in others)


def test_there_is_a_processor() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)
