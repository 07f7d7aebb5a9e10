"""When the journal learns what: before bytes leave, and not long after they are answered."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chalicelib.useragent.doors import Door, Doors
from chalicelib.useragent.errors import DestinationError
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.model import Instance, Outcome, State
from chalicelib.useragent.open_session import NoLedger, OpenSession
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.progress import Progress
from chalicelib.useragent.recorder import Recorder
from tests.unit.useragent.fakes import ScriptedTransport, make_client, make_instances, stores_all
from tests.unit.useragent.session_service import SessionService
from tests.unit.useragent.test_journal import filled


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    with filled(tmp_path / "j", 2) as journal:
        yield journal


@pytest.fixture
def instances(journal: Journal) -> list[Instance]:
    return [entry.instance() for entry in journal.pending(0)]


def states(journal: Journal) -> dict[State, int]:
    return {state: count.instances for state, count in journal.counts().items()}


def stored(instances: Sequence[Instance]) -> list[Outcome]:
    return [Outcome(one, State.REFERENCED, status=200) for one in instances]


def test_that_an_instance_leaves_is_written_at_once(
    journal: Journal, instances: list[Instance]
) -> None:
    Recorder(journal, Progress()).sending(instances)
    assert states(journal) == {State.SENT: 2}


def test_outcomes_are_counted_at_once_and_written_when_there_is_time(
    journal: Journal, instances: list[Instance]
) -> None:
    progress, prepared = Progress(), []
    recorder = Recorder(journal, progress, lambda: prepared.append(states(journal)))
    recorder.sending(instances)
    recorder.settled(stored(instances))
    assert (progress.settled, progress.stored) == (2, 2)
    assert states(journal) == {State.SENT: 2}
    recorder.idle()
    assert states(journal) == {State.REFERENCED: 2}
    assert prepared == [{State.REFERENCED: 2}]  # writing comes first


def test_all_that_was_settled_since_is_written_and_nothing_twice(
    journal: Journal, instances: list[Instance]
) -> None:
    """What is sent again later is not taken for what became of it before."""
    recorder = Recorder(journal, Progress())
    for one in instances:
        recorder.settled(stored([one]))
    recorder.idle()
    assert states(journal) == {State.REFERENCED: 2}
    recorder.sending(instances[:1])
    recorder.idle()
    recorder.write()
    assert states(journal) == {State.SENT: 1, State.REFERENCED: 1}


def test_what_is_left_is_written_at_once(journal: Journal, instances: list[Instance]) -> None:
    recorder = Recorder(journal, Progress())
    recorder.sending(instances)
    recorder.abandoned([instances[0], instances[1]._replace(is_uncertain=True)])
    assert states(journal) == {State.FOUND: 1, State.UNKNOWN: 1}


def test_waiting_is_shown_until_something_leaves(
    journal: Journal, instances: list[Instance]
) -> None:
    progress = Progress()
    recorder = Recorder(journal, progress)
    recorder.waiting(1.25, "The server is busy")
    assert progress.waiting == "waiting 1.2 s: The server is busy"
    recorder.sending(instances)
    assert progress.waiting == ""


def test_what_could_not_be_written_is_not_forgotten(
    journal: Journal, instances: list[Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(outcomes: Sequence[Outcome]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    recorder = Recorder(journal, Progress())
    recorder.settled(stored(instances))
    with monkeypatch.context() as patched:
        patched.setattr(journal, "settled", is_full)
        with pytest.raises(sqlite3.OperationalError):
            recorder.write()
    recorder.write()
    assert states(journal) == {State.REFERENCED: 2}


def test_a_client_gives_time_with_each_request_that_is_answered(
    journal: Journal, instances: list[Instance]
) -> None:
    """Also through a transport that never waits: outcomes do not pile up."""
    told = []

    class Told(Recorder):
        def idle(self) -> None:
            told.append("idle")

        def settled(self, outcomes: Sequence[Outcome]) -> None:
            told.append("settled")

    client = make_client(ScriptedTransport(stores_all))
    for one in make_instances(2):
        client.store([one], Told(journal, Progress()))
    assert told == ["idle", "settled"] * 2
    down = make_client(ScriptedTransport(DestinationError("down")))
    with pytest.raises(DestinationError):
        down.store(make_instances(1), Told(journal, Progress()))


def test_a_session_is_forgotten_only_after_its_outcomes_are_written(
    journal: Journal, instances: list[Instance]
) -> None:
    written = []

    class Forgetting(NoLedger):
        def closed(self, session: OpenSession) -> None:
            written.append(states(journal))

    pairs = zip(make_instances(2), instances, strict=True)
    sent = [one._replace(key=entered.key) for one, entered in pairs]
    doors = Doors(BatchLimits(), Door.SESSION)
    client = make_client(SessionService(), doors=doors)  # type: ignore[arg-type]
    client.store(sent, Recorder(journal, Progress()), Forgetting())
    assert written == [{State.REFERENCED: 2}]
