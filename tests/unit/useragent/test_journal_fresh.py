"""What was entered a moment ago is at hand, and never otherwise than it would be read."""

from pathlib import Path
from random import Random

import pytest

from chalicelib.useragent.headers import Identity
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.journal_entries import Entry
from chalicelib.useragent.journal_fresh import Fresh
from chalicelib.useragent.model import Outcome, State
from chalicelib.useragent.sources import FileSource

URL = "https://pacs.example/studies"


def entry(turn: int) -> Entry:
    return Entry(turn, FileSource(b"", 0, 0), "", Identity("", "", "", "", ""), turn, State.FOUND)


def entries(first: int, last: int) -> list[Entry]:
    return [entry(turn) for turn in range(first, last + 1)]


def file(number: int, mtime_ns: int = 1) -> tuple[FileSource, Identity, str]:
    identity = Identity("1.2.3", f"1.9.{number}", "1.1", "1.1.1", "1.2")
    form = "" if number % 7 else "image/jpeg"
    return FileSource(f"/in/\N{SNOWMAN}{number}".encode() + b"\xff", 10, mtime_ns), identity, form


def test_entries_are_given_once_in_order() -> None:
    fresh = Fresh(0)
    fresh.enter(entries(1, 3))
    fresh.enter(entries(4, 5))
    assert fresh.take(0, 2) == entries(1, 2)
    assert fresh.take(2, 10) == entries(3, 5)
    assert fresh.take(5, 10) == []
    assert fresh.take(0, 2) is None
    assert fresh.take(4, 2) is None


def test_what_was_read_meanwhile_is_not_given_again() -> None:
    fresh = Fresh(0)
    fresh.enter(entries(1, 9))
    assert fresh.take(4, 2) == entries(5, 6)
    assert fresh.take(3, 2) is None
    assert fresh.take(9, 2) == []
    assert fresh.take(8, 2) is None


def test_what_falls_behind_is_read() -> None:
    fresh = Fresh(0, most=3)
    fresh.enter(entries(1, 5))
    assert fresh.take(0, 9) is None
    assert fresh.take(1, 9) is None
    assert fresh.take(2, 9) == entries(3, 5)


def test_what_is_skipped_is_read() -> None:
    fresh = Fresh(0)
    fresh.enter(entries(1, 3))
    fresh.skip_to(4)
    fresh.enter(entries(5, 6))
    assert fresh.take(3, 9) is None
    assert fresh.take(4, 9) == entries(5, 6)


def read(journal: Journal) -> list[Entry]:
    """Return what the database has, by turn."""
    return sorted(journal.iterate((State.FOUND,)), key=lambda one: one.turn)


def test_what_is_given_is_what_would_be_read() -> None:
    with Journal(":memory:", URL) as journal:
        journal.begin_run()
        journal.add([file(number) for number in range(20)])
        there = read(journal)
        assert journal.pending(0) == there
        assert journal.pending(0) == there  # read this time
        assert journal.pending(there[4].turn, limit=3) == there[5:8]


def test_a_journal_that_is_opened_has_nothing_at_hand(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", URL) as journal:
        journal.begin_run()
        journal.add([file(number) for number in range(3)])
    with Journal(tmp_path / "j", URL) as journal:
        assert len(journal.pending(0)) == 3


def test_what_was_settled_is_not_pending_whoever_asks_again() -> None:
    with Journal(":memory:", URL) as journal:
        journal.begin_run()
        journal.add([file(number) for number in range(3)])
        first, second, _ = journal.pending(0)
        journal.settled([Outcome(first.instance(), State.REFERENCED)])
        assert journal.pending(0)[0] == second


@pytest.mark.parametrize("seed", range(30))
def test_every_entry_is_given_once_whatever_the_scan_meets(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of earlier runs, files named twice, changed files, and a planner that falls behind."""
    monkeypatch.setattr("chalicelib.useragent.journal_fresh.MOST", 12)
    chance = Random(seed)
    with Journal(":memory:", URL) as journal:
        if chance.random() < 0.5:
            journal.begin_run()
            journal.add([file(number) for number in range(0, 40, 3)])
            assert journal.pending(0)
        journal.begin_run()
        after, given = 0, []
        met: list[tuple[FileSource, Identity, str]] = []
        for _ in range(40):
            for _ in range(chance.randrange(6)):
                one = file(chance.randrange(60), mtime_ns=1 + (chance.random() < 0.1))
                if not journal.is_known(one[0]):
                    met.append(one)
            if met and chance.random() < 0.6:
                journal.add(met)
                met = []
            if chance.random() < 0.5:
                got = journal.pending(after, limit=chance.randrange(1, 9))
                given += got
                after = got[-1].turn if got else after
        journal.add(met)
        while got := journal.pending(after, limit=5):
            given += got
            after = got[-1].turn
        there = read(journal)
    assert [one.turn for one in given] == sorted({one.turn for one in given})
    latest = {one.source.path: one for one in given}
    assert sorted(latest.values(), key=lambda one: one.turn) == there
