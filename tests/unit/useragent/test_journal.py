"""The journal: what survives, what is kept out, who may write."""

import os
import stat
from pathlib import Path

import pytest

from chalicelib.useragent.errors import UsageError
from chalicelib.useragent.headers import Identity
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.model import Cause, Outcome, State
from chalicelib.useragent.sources import FileSource

URL = "https://pacs.example/studies"


def identity(number: int) -> Identity:
    return Identity(
        "1.2.840.10008.5.1.4.1.1.2", f"1.2.{number}", "1.1", "1.1.1", "1.2.840.10008.1.2.1"
    )


def source(number: int, size: int = 10, mtime_ns: int = 1) -> FileSource:
    return FileSource(f"/in/{number}".encode(), size, mtime_ns)


def filled(path: Path, count: int) -> Journal:
    journal = Journal(path, URL)
    journal.begin_run()
    journal.add((source(number), identity(number), "") for number in range(1, count + 1))
    return journal


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1):
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_what_was_leaving_when_a_process_died_is_unknown_to_the_next(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 3) as journal:
        instances = [entry.instance() for entry in journal.pending(0)]
        journal.sending(instances[:2])
        journal.settled([Outcome(instances[0], State.REFERENCED)])
    with Journal(tmp_path / "j", URL) as journal:
        journal.begin_run()
        journal.resume()
        assert all(journal.is_known(source(number)) for number in (1, 2, 3))
        assert [(one.state, one.is_uncertain) for one in journal.pending(0)] == [
            (State.UNKNOWN, True),
            (State.FOUND, False),
        ]


def test_a_changed_file_begins_anew(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1) as journal:
        [entry] = journal.pending(0)
        journal.settled([Outcome(entry.instance(), State.REFERENCED)])
        assert not journal.is_known(source(1, mtime_ns=2))
        journal.add([(source(1, mtime_ns=2), identity(1), "")])
        assert [one.state for one in journal.pending(0)] == [State.FOUND]


def test_what_earlier_runs_found_elsewhere_is_not_of_this_run(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 2) as journal:
        journal.begin_run()
        journal.is_known(source(2))
        assert [one.source for one in journal.pending(0)] == [source(2)]


def test_abandoned_instances_are_found_or_unknown_again(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 2) as journal:
        first, second = (entry.instance() for entry in journal.pending(0))
        journal.sending([first, second])
        journal.take_back([first])
        [entry, _] = journal.pending(0)
        assert entry.state is State.FOUND
        assert journal.counts()[State.SENT].instances == 1


@pytest.mark.parametrize("state", list(State))
def test_what_is_pending_is_what_is_not_stored(tmp_path: Path, state: State) -> None:
    with filled(tmp_path / "j", 1) as journal:
        [entry] = journal.pending(0)
        journal.settled([Outcome(entry.instance(), state, Cause.LISTED)])
        assert bool(journal.pending(0)) is not state.is_stored


def test_a_journal_is_about_one_destination(tmp_path: Path) -> None:
    filled(tmp_path / "j", 1).close()
    with pytest.raises(UsageError, match="another destination"):
        Journal(tmp_path / "j", "https://other.example/studies")
    with Journal(tmp_path / "j") as journal:
        assert journal.destination == URL


def test_two_senders_cannot_share_it_but_anybody_may_look(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1):
        with pytest.raises(UsageError, match="Another process"):
            Journal(tmp_path / "j", URL)
        with Journal(tmp_path / "j") as reader:
            assert reader.counts()[State.FOUND].instances == 1


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("not a database, but long enough to be read as one" * 100)
    with pytest.raises(UsageError):
        Journal(tmp_path / "j", URL)
    with pytest.raises(UsageError):
        Journal(tmp_path / "nothing")


def test_the_server_s_own_words_are_not_kept(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1) as journal:
        [entry] = journal.pending(0)
        journal.settled([Outcome(entry.instance(), State.FAILED, said="Patient DOE^JANE")])
    assert all(b"DOE^JANE" not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_file_met_twice_in_a_run_is_one_entry(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1) as journal:
        [entry] = journal.pending(0)
        journal.sending([entry.instance()])
        journal.add([(source(1), identity(1), "")])
        assert journal.pending(entry.turn) == []
        assert journal.counts()[State.SENT].instances == 1


def test_old_entries_found_late_are_not_passed_over(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 3) as journal:
        journal.begin_run()
        journal.add([(source(9), identity(9), "")])
        [new] = journal.pending(0)
        assert journal.is_known(source(1))
        assert [one.source for one in journal.pending(new.turn)] == [source(1)]


def test_a_uid_that_an_earlier_entry_has_is_repeated(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 3) as journal:
        journal.add([(source(9), identity(2), "")])
        entries = journal.pending(0)
        assert journal.repeated(0, entries[-1].turn) == {entries[-1].id}
        assert journal.repeated(0, entries[-2].turn) == set()
        journal.begin_run()
        journal.is_known(source(9))
        [again] = journal.pending(0)
        assert journal.repeated(0, again.turn) == set()


def test_many_are_written_down_at_once(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1200) as journal:
        instances = [entry.instance() for entry in journal.pending(0, limit=1200)]
        journal.sending(instances)
        assert journal.counts()[State.SENT].instances == 1200
        journal.settled([Outcome(one, State.REFERENCED, status=200) for one in instances[:1100]])
        journal.settled(
            [
                Outcome(one, State.FAILED, Cause.REASON, 0xC000 + one.key % 3)
                for one in instances[1100:]
            ]
        )
        failed = list(journal.iterate([State.FAILED]))
        assert journal.counts()[State.REFERENCED].instances == 1100
        assert {(one.id, one.reason) for one in failed} == {
            (one.key, 0xC000 + one.key % 3) for one in instances[1100:]
        }


@pytest.mark.parametrize("chosen", [[2, 3, 4], [2, 4], [4, 3, 2], [3]])
def test_exactly_those_that_are_named_change(tmp_path: Path, chosen: list[int]) -> None:
    with filled(tmp_path / "j", 5) as journal:
        instances = {entry.id: entry.instance() for entry in journal.pending(0)}
        some = [instances[number] for number in chosen]
        journal.sending(some)
        assert {one.id for one in journal.in_states([State.SENT])} == set(chosen)
        journal.settled([Outcome(one, State.REFERENCED) for one in some])
        assert {one.id for one in journal.in_states([State.REFERENCED])} == set(chosen)
        assert journal.counts()[State.FOUND].instances == 5 - len(chosen)
