"""Store sessions across processes: killed at any request, the same command goes on.

``kill -9`` leaves what the journal has committed and what the server has received: both are copied
at each request of a run, and a new run begins with the copies.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chalicelib.dicomweb.sessions import PartPlan
from chalicelib.useragent.client import ClientOptions, Destination, StoreClient
from chalicelib.useragent.doors import Door, Doors
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.headers import Identity
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.journal_entries import SCHEMA, Entry
from chalicelib.useragent.model import State
from chalicelib.useragent.open_session import Member, OpenSession
from chalicelib.useragent.payloads import DicomEncoder
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.report import ExitCode, Report, make_report
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.sender import Sender, SendOptions
from chalicelib.useragent.session_ledger import can_go_on
from chalicelib.useragent.sources import FileSource
from tests.builders_dicom import IMPLICIT, PIXEL_DATA, Uids, element, make_file
from tests.unit.useragent.fakes import BASE, STUDY, Sent, answer, module
from tests.unit.useragent.session_service import SessionService, StoppableClock

FILES = 3


def make_folder(path: Path, count: int = FILES) -> Path:
    path.mkdir()
    for number in range(count):
        encoding = {"encoding": IMPLICIT} if number == 1 else {}
        file = make_file(Uids.of("resumed", number, study=STUDY), **encoding)
        pixels = element(PIXEL_DATA, "OW", bytes([number]) * 300, **encoding)
        (path / f"{number}.dcm").write_bytes(file.with_elements(pixels).encode())
    return path


def uids() -> list[str]:
    return sorted(Uids.of("resumed", number, study=STUDY).instance for number in range(FILES))


def stores_new(stored: set[str]) -> Callable[[Sent], Any]:
    """Answer as a store does that knows nothing of sameness: what is there is refused."""

    def answers(sent: Sent) -> Any:
        there = [uid for uid in sent.uids if uid in stored]
        new = [uid for uid in sent.uids if uid not in stored]
        stored.update(sent.uids)
        return answer(409 if there else 200, module(new, [(uid, 0x0111) for uid in there]))

    return answers


def run(
    service: SessionService,
    journal: Path,
    folder: Path,
    *,
    door: Door = Door.SESSION,
    connections: int = 1,
    encoder: DicomEncoder | None = None,
    attempts: int = 3,
    study: str = "",
    sender: type[Sender] = Sender,
) -> "Ran":
    clock = StoppableClock()
    destination = Destination(BASE, study)
    client = StoreClient(
        destination,
        Exchange(service),
        encoder=encoder,
        policy=RetryPolicy(attempts=attempts),
        options=ClientOptions(can_search=False, connections=connections),
        clock=clock,
        doors=Doors(BatchLimits(1_000_000), door),
    )
    with Journal(journal, destination.store_url) as opened:
        options = SendOptions([str(folder)], study, connections=connections)
        report = sender(opened, client, options, clock).run()  # type: ignore[arg-type]
        counts = {state: one.instances for state, one in opened.counts().items()}
        return Ran(report.exit_code, counts, report.stopped, report.half_sent)


@dataclass
class Ran:
    code: ExitCode
    counts: dict[State, int]
    stopped: str
    half_sent: int


@dataclass
class Moment:
    """What a process that was killed leaves."""

    name: str
    journal: Path
    service: SessionService
    put: int


@dataclass
class Camera:
    """Copies the journal and the service at every request."""

    service: SessionService
    journal: Path
    moments: list[Moment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service.watch = self._copy

    def _copy(self, name: str) -> None:
        copy = self.journal.with_name(f"{self.journal.name}-{len(self.moments)}")
        with closing(sqlite3.connect(self.journal)) as source, closing(sqlite3.connect(copy)) as to:
            source.backup(to)
        left = self.service.remains()
        left.answers = stores_new(set(left.stored))
        put = len([kind for kind in self.service.kinds() if kind == "PUT"])
        self.moments.append(Moment(name, copy, left, put))


def acknowledged(journal: Path) -> set[int]:
    with closing(sqlite3.connect(journal)) as database:
        return {number for (number,) in database.execute("SELECT number FROM session_part")}


def completed(journal: Path) -> bool:
    with closing(sqlite3.connect(journal)) as database:
        return bool(database.execute("SELECT 1 FROM session WHERE completed").fetchall())


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("part_bytes", [400, 1 << 20])
def test_killed_at_any_request_the_same_command_goes_on(
    tmp_path: Path, connections: int, part_bytes: int
) -> None:
    folder, journal = make_folder(tmp_path / "in"), tmp_path / "j"
    service = SessionService(part_bytes=part_bytes)
    camera = Camera(service, journal)
    assert run(service, journal, folder, connections=connections).code is ExitCode.ALL_STORED

    assert {one.name.split()[1] for one in camera.moments} >= {"open", "urls", "PUT", "complete"}
    for moment in camera.moments:
        there, was_completed = acknowledged(moment.journal), completed(moment.journal)
        is_open = bool(moment.service.sessions)
        ran = run(moment.service, moment.journal, folder, connections=connections)
        assert (ran.code, ran.counts) == (ExitCode.ALL_STORED, {State.REFERENCED: FILES}), moment
        sent = set(moment.service.put_parts())
        assert not sent & there, moment.name
        assert moment.service.stored == dict.fromkeys(uids(), 1), moment.name
        if was_completed and moment.name != "before complete":
            assert sent == set(), moment.name
        if is_open and moment.name != "after open":
            assert moment.service.of("open") == [], moment.name
        with closing(sqlite3.connect(moment.journal)) as database:
            assert database.execute("SELECT count(*) FROM session").fetchone() == (0,)
            assert database.execute("SELECT count(*) FROM session_part").fetchone() == (0,)
            rows = database.execute("SELECT count(*) FROM instance WHERE session IS NOT NULL")
            assert rows.fetchone() == (0,)


@pytest.fixture
def half(tmp_path: Path) -> Moment:
    """A run killed with two parts uploaded; the service stands at ``.service``."""
    folder, journal = make_folder(tmp_path / "in"), tmp_path / "j"
    camera = Camera(SessionService(part_bytes=400), journal)
    run(camera.service, journal, folder)
    return next(one for one in camera.moments if len(acknowledged(one.journal)) == 2)


@pytest.fixture
def asked(tmp_path: Path) -> Moment:
    """A run killed when the server had been asked to complete, and no answer was there."""
    folder, journal = make_folder(tmp_path / "in"), tmp_path / "j"
    camera = Camera(SessionService(part_bytes=400), journal)
    run(camera.service, journal, folder)
    return next(one for one in camera.moments if one.name == "after complete")


def folder_of(moment: Moment) -> Path:
    return moment.journal.parent / "in"


def test_a_changed_file_starts_a_new_session(half: Moment) -> None:
    changed = folder_of(half) / "2.dcm"
    changed.write_bytes(changed.read_bytes())
    os.utime(changed, ns=(1, 1))
    ran = run(half.service, half.journal, folder_of(half))
    assert (ran.code, ran.counts) == (ExitCode.ALL_STORED, {State.REFERENCED: FILES})
    assert half.service.cancelled == ["s1"]
    assert half.service.kinds()[:2] == ["cancel", "open"]
    assert half.service.stored == dict.fromkeys(uids(), 1)


def test_a_file_that_was_removed_is_missed_by_nobody(half: Moment) -> None:
    (folder_of(half) / "2.dcm").unlink()
    ran = run(half.service, half.journal, folder_of(half))
    assert (ran.code, ran.counts) == (ExitCode.ALL_STORED, {State.REFERENCED: FILES - 1})


def test_an_answer_is_taken_without_the_files(asked: Moment) -> None:
    (folder_of(asked) / "2.dcm").unlink()
    ran = run(asked.service, asked.journal, folder_of(asked))
    assert ran.counts == {State.REFERENCED: FILES}
    assert asked.service.put_parts() == []


def test_a_file_that_changed_after_it_was_completed_is_sent_anew(asked: Moment) -> None:
    changed = folder_of(asked) / "2.dcm"
    other = make_file(Uids.of("resumed", "other", study=STUDY))
    changed.write_bytes(other.encode())
    ran = run(asked.service, asked.journal, folder_of(asked))
    assert ran.counts == {State.REFERENCED: FILES}
    assert sorted(asked.service.stored) == sorted([*uids(), Uids.of("resumed", "other").instance])


@pytest.mark.parametrize("moment", ["half", "asked"])
def test_a_session_that_is_gone_is_begun_anew(moment: str, request: pytest.FixtureRequest) -> None:
    left: Moment = request.getfixturevalue(moment)
    left.service.sessions.clear()
    ran = run(left.service, left.journal, folder_of(left))
    assert (ran.code, ran.counts) == (ExitCode.ALL_STORED, {State.REFERENCED: FILES})
    kinds = [kind for kind in left.service.kinds() if kind != "cancel"]
    assert kinds[:2] == ["state", "open"]


def test_nobody_else_sends_what_a_resumed_session_lets_go(half: Moment) -> None:
    with Journal(half.journal, Destination(BASE).store_url) as journal:
        journal.begin_run()
        journal.resume()
        [(session, entries)] = journal.sessions.kept()
        journal.sessions.claim(session, journal.run)
        journal.sessions.remove(session)
        assert all(journal.is_known(one.source) for one in entries)
        assert journal.pending(0) == []


def test_parts_that_the_server_has_lost_are_sent_again(half: Moment) -> None:
    [session] = half.service.sessions.values()
    lost = sorted(session.parts)[0]
    del session.parts[lost]
    assert run(half.service, half.journal, folder_of(half)).code is ExitCode.ALL_STORED
    assert lost in half.service.put_parts()


def test_other_options_make_another_body_and_a_new_session(half: Moment) -> None:
    encoder = DicomEncoder(names_syntax=True)
    ran = run(half.service, half.journal, folder_of(half), encoder=encoder)
    assert (ran.code, ran.counts) == (ExitCode.ALL_STORED, {State.REFERENCED: FILES})
    assert half.service.cancelled == ["s1"]


def test_what_was_begun_rewritten_ends_so(half: Moment) -> None:
    ran = run(half.service, half.journal, folder_of(half), encoder=DicomEncoder(is_raw=True))
    assert ran.code is ExitCode.ALL_STORED
    assert half.service.cancelled == []


def test_the_small_door_is_another_way_out_of_a_half_sent_session(half: Moment) -> None:
    half.service.max_body_bytes = 1 << 20
    ran = run(half.service, half.journal, folder_of(half), door=Door.SMALL)
    assert (ran.code, ran.counts) == (ExitCode.ALL_STORED, {State.REFERENCED: FILES})
    assert half.service.kinds() == ["cancel", "store"]


def test_but_not_of_one_that_was_completed(asked: Moment) -> None:
    ran = run(asked.service, asked.journal, folder_of(asked), door=Door.SMALL)
    assert ran.code is ExitCode.ALL_STORED
    assert "store" not in asked.service.kinds()


def test_status_tells_what_is_half_uploaded(half: Moment) -> None:
    with Journal(half.journal) as journal:
        report = make_report(journal)
        assert (report.half_sent, report.unverified) == (FILES, 0)
        assert report.exit_code is ExitCode.NOTHING_STORED
        [words] = {(one.words, one.advice) for one in report.failures()}
    assert words == ("Half uploaded, and not stored yet", "Run the same command again.")


def test_of_what_was_completed_it_is_not_known(asked: Moment) -> None:
    with Journal(asked.journal) as journal:
        report: Report = make_report(journal)
        assert (report.half_sent, report.unverified) == (0, FILES)


def test_a_server_that_is_down_keeps_the_session_for_the_next_run(half: Moment) -> None:
    half.service.meet("PUT", *[answer(503)] * 3)
    ran = run(half.service, half.journal, folder_of(half))
    assert ran.stopped.endswith("status 503).")
    assert (ran.half_sent, ran.counts) == (FILES, {State.SENT: FILES})
    assert half.service.cancelled == []
    put = len(half.service.put_parts())
    assert run(half.service, half.journal, folder_of(half)).code is ExitCode.ALL_STORED
    assert half.service.kinds().count("open") == 0
    assert len(half.service.put_parts()) > put


def test_what_is_uploaded_is_progress_and_what_is_settled_is_counted_once(tmp_path: Path) -> None:
    folder, service = make_folder(tmp_path / "in"), SessionService(part_bytes=400)
    seen: list[tuple[int, int]] = []
    sender: list[Sender] = []

    def looks(moment: str) -> None:
        if sender and moment == "after PUT":
            seen.append((sender[0].progress.uploaded_bytes, sender[0].progress.settled_bytes))

    service.watch = looks
    original = Sender.start

    def started(self: Sender) -> Any:
        sender.append(self)
        return original(self)

    class Watched(Sender):
        start = started

    clock = StoppableClock()
    client = StoreClient(
        Destination(BASE), Exchange(service), clock=clock, doors=Doors(BatchLimits(), Door.SESSION)
    )
    with Journal(tmp_path / "j", Destination(BASE).store_url) as journal:
        Watched(journal, client, SendOptions([str(folder)], connections=1), clock).run()  # type: ignore[arg-type]
    progress = sender[0].progress
    assert [settled for _, settled in seen] == [0] * len(seen)
    assert [uploaded for uploaded, _ in seen] == sorted(uploaded for uploaded, _ in seen)
    assert seen[-1][0] > 0
    assert (progress.uploaded_bytes, progress.settled) == (0, FILES)
    assert progress.settled_bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_what_is_learnt_of_the_doors_is_remembered(tmp_path: Path) -> None:
    folder, service = make_folder(tmp_path / "in"), SessionService(max_body_bytes=800)
    assert run(service, tmp_path / "j", folder, door=Door.AUTO).code is ExitCode.ALL_STORED
    assert "open" in service.kinds()
    with Journal(tmp_path / "j") as journal:
        assert int(journal.fact("max_body_bytes")) == 800
        assert int(journal.fact("max_session_bytes")) > 0


def test_what_was_made_of_a_file_is_not_gone_on_with_but_its_answer_is_taken() -> None:
    source = FileSource(b"/photo.jpg", 1, 1)
    identity = Identity("1.1", "1.2", "1.3", "1.4", "1.5")
    made = Entry(1, source, "image/jpeg", identity, 1, State.SENT, 1, False)
    session = OpenSession("https://x/sessions/1", "b", PartPlan(1, 1), (Member(1, 0, False),))
    assert not can_go_on(session, [made])
    session.was_completed = True
    assert can_go_on(session, [made])
    assert not can_go_on(session, [])


def test_a_stopped_run_leaves_its_session_for_the_next(half: Moment) -> None:
    stopping: list[Sender] = []
    half.service.watch = lambda moment: stopping[0].stop() if moment == "after PUT" else None
    original = Sender.start

    class Stopping(Sender):
        def start(self) -> Any:
            stopping.append(self)
            return original(self)

    ran = run(half.service, half.journal, folder_of(half), sender=Stopping)
    assert (ran.stopped, ran.half_sent) == ("Interrupted", FILES)
    assert len(half.service.put_parts()) == 1
    half.service.watch = lambda moment: None
    assert run(half.service, half.journal, folder_of(half)).code is ExitCode.ALL_STORED
    assert half.service.kinds().count("open") == 0


# ---------------------------------------------------------------- the journal's versions


def make_version_1(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        old = SCHEMA.replace(
            ",\n    session INTEGER,\n    place INTEGER,\n    body_offset INTEGER", ""
        )
        assert "place" not in old
        database.executescript(old)
        facts = {"schema": "1", "destination": f"{BASE}/studies", "run": "1"}
        database.executemany("INSERT INTO fact VALUES (?, ?)", facts.items())
        database.execute(
            "INSERT INTO instance (path, size, mtime_ns, form, sop_class, sop_instance, study, "
            "series, transfer_syntax, run, turn, state) "
            "VALUES (x'2f61', 1, 2, '', '1.1', '1.2', '1.3', '1.4', '1.5', 1, 1, 'sent')"
        )
        database.commit()


@pytest.mark.parametrize("destination", [f"{BASE}/studies", None])
def test_a_journal_of_version_1_is_brought_up_to_date_in_place(
    tmp_path: Path, destination: str | None
) -> None:
    make_version_1(tmp_path / "j")
    for _ in range(2):
        with Journal(tmp_path / "j", destination) as journal:
            assert journal.fact("schema") == "2"
            assert journal.counts()[State.SENT].instances == 1
            assert list(journal.sessions.kept()) == []
            assert journal.count_half_sent() == 0
