"""Batches that threads share: made ahead where nothing has to be waited for."""

import threading
from collections.abc import Iterator

import pytest

from chalicelib.useragent.model import Instance
from chalicelib.useragent.sending_parts import Shared
from tests.unit.useragent.fakes import make_instance

BATCHES = [[make_instance(number)] for number in range(3)]


def test_what_was_prepared_is_taken_first_and_everything_once() -> None:
    made = []

    def batches() -> Iterator[list[Instance]]:
        for batch in BATCHES:
            made.append(batch)
            yield batch

    shared = Shared(batches(), lambda: True)
    shared.prepare()
    shared.prepare()
    assert made == BATCHES[:1]
    assert [shared.take() for _ in range(4)] == [*BATCHES, None]
    shared.prepare()
    assert shared.take() is None


def test_nothing_is_prepared_that_is_not_at_hand() -> None:
    """A thread that prepares has an answer to read: it must not wait for files to be found."""
    made = iter(BATCHES)
    shared = Shared(made, lambda: False)
    shared.prepare()
    assert next(made) == BATCHES[0]


def test_nobody_waits_to_prepare_while_another_takes() -> None:
    taking, done = threading.Event(), threading.Event()
    was_told = []

    def batches() -> Iterator[list[Instance]]:
        taking.set()
        was_told.append(done.wait(5))
        yield from BATCHES

    shared = Shared(batches(), lambda: True)
    taker = threading.Thread(target=shared.take)
    taker.start()
    assert taking.wait(5)
    shared.prepare()
    done.set()
    taker.join(5)
    assert was_told == [True]
    assert shared.take() == BATCHES[1]


def test_what_fails_in_preparing_fails_in_taking() -> None:
    """Whoever prepares is in the middle of a request, which is not at fault."""

    def batches() -> Iterator[list[Instance]]:
        yield BATCHES[0]
        raise OSError("the journal cannot be read")

    shared = Shared(batches(), lambda: True)
    assert shared.take() == BATCHES[0]
    shared.prepare()
    with pytest.raises(OSError, match="journal"):
        shared.take()
