"""Threads of a run side by side: finding, sending, and what is done while one waits."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.useragent.client import Destination, StoreClient
from chalicelib.useragent.clock import SystemClock
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.model import Instance
from chalicelib.useragent.payloads import DicomEncoder, WireOptions
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.progress import Progress
from chalicelib.useragent.sender import Sender, SendOptions
from chalicelib.useragent.transport import OutgoingRequest, Response
from tests.unit.useragent.fakes import answer, sent_of, stores_all, write_instances

CLEAR = "http://pacs.example/dicom-web"
COUNT = 12
ENTERED_AT_FIRST = 10
CONNECTIONS = 4
SOON = 5.0
A_WHILE = 0.6
"""Several looks of the crew's."""


class Paths(list[str]):
    """A folder, and then nothing until all of it is settled that can be."""

    progress: Progress
    settled = 0

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        for _ in range(500):
            self.settled = self.progress.settled
            if self.settled >= ENTERED_AT_FIRST - 1:
                return
            time.sleep(0.01)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    folder = tmp_path / "in"
    write_instances(folder, COUNT)
    return Paths([str(folder)])


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal(":memory:", CLEAR) as journal:
        yield journal


def make_sender(
    journal: Journal,
    paths: Paths,
    transport: Any,
    *,
    encoder: DicomEncoder | None = None,
    connections: int = CONNECTIONS,
) -> Sender:
    clock = SystemClock()
    client = StoreClient(
        Destination(CLEAR),
        Exchange(transport),
        encoder=encoder,
        limits=BatchLimits(max_parts=1),
        clock=clock,
    )
    sender = Sender(journal, client, SendOptions(paths, connections=connections), clock)
    paths.progress = sender.progress
    return sender


def answered(request: OutgoingRequest) -> Response:
    return stores_all(sent_of(request))


def is_soon(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened()


class Meeting:
    """Lets nobody go on before so many senders are there."""

    def __init__(self, count: int) -> None:
        self._senders: set[str] = set()
        self._meet = threading.Barrier(count, timeout=SOON)

    def join(self) -> None:
        if threading.current_thread().name not in self._senders:
            self._senders.add(threading.current_thread().name)
            self._meet.wait()


@pytest.fixture
def _one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.useragent.sender.processors", lambda: 1)


@pytest.mark.usefixtures("_one_processor")
def test_a_server_that_is_waited_for_gets_all_connections(journal: Journal, paths: Paths) -> None:
    meeting = Meeting(CONNECTIONS)

    class Slow:
        def send(self, request: OutgoingRequest) -> Response:
            assert request.meanwhile is not None
            request.meanwhile()
            meeting.join()
            return answered(request)

    assert make_sender(journal, paths, Slow()).run().stored == COUNT


@pytest.mark.usefixtures("_one_processor")
def test_a_server_that_keeps_senders_busy_gets_one_more_than_processors(
    journal: Journal, paths: Paths
) -> None:
    class Near:
        def __init__(self) -> None:
            self.senders: set[str] = set()

        def send(self, request: OutgoingRequest) -> Response:
            self.senders.add(threading.current_thread().name)
            time.sleep(A_WHILE / COUNT)
            return answered(request)

    transport = Near()
    assert make_sender(journal, paths, transport).run().stored == COUNT
    assert len(transport.senders) == 2


@pytest.mark.usefixtures("_one_processor")
def test_what_is_compressed_leaves_by_all_connections_at_once(
    journal: Journal, paths: Paths
) -> None:
    meeting = Meeting(CONNECTIONS)

    class Near:
        def send(self, request: OutgoingRequest) -> Response:
            meeting.join()
            return answer(200, b"{}")

    encoder = DicomEncoder(WireOptions(is_gzipped=True))
    assert make_sender(journal, paths, Near(), encoder=encoder).run().failed == COUNT


@pytest.mark.usefixtures("_one_processor")
def test_who_has_not_begun_when_a_run_is_stopped_ends_at_once(
    journal: Journal, paths: Paths
) -> None:
    may_end, held = threading.Event(), threading.Semaphore(0)

    class Holding:
        def send(self, request: OutgoingRequest) -> Response:
            held.release()
            may_end.wait(SOON)
            return answered(request)

    sender = make_sender(journal, paths, Holding())
    threads = [thread for thread in sender.start() if thread.name.startswith("send")]
    assert all(held.acquire(timeout=SOON) for _ in range(2))
    sender.stop()
    assert is_soon(lambda: sum(thread.is_alive() for thread in threads) == 2)
    may_end.set()
    for thread in threads:
        thread.join(SOON)


def test_who_waits_for_files_when_a_run_is_stopped_ends_at_once(
    journal: Journal, paths: Paths
) -> None:
    may_end = threading.Event()
    lock = threading.Lock()
    held: list[str] = []

    class Holding:
        def send(self, request: OutgoingRequest) -> Response:
            with lock:
                is_first = not held
                held.append("")
            if is_first:
                may_end.wait(SOON)
            return answered(request)

    sender = make_sender(journal, paths, Holding())
    threads = [thread for thread in sender.start() if thread.name.startswith("send")]
    assert is_soon(lambda: sender.progress.settled == ENTERED_AT_FIRST - 2)
    sender.stop()
    assert is_soon(lambda: sum(thread.is_alive() for thread in threads) == 1)
    may_end.set()
    for thread in threads:
        thread.join(SOON)


def test_what_was_found_first_is_sent_while_files_are_still_looked_for(
    journal: Journal, paths: Paths
) -> None:
    """All but the last, which might get company; no answer waits for a file to be found."""

    class Answering:
        def send(self, request: OutgoingRequest) -> Response:
            return answered(request)

    sender = make_sender(journal, paths, Answering())
    assert sender.run().stored == COUNT
    assert paths.settled == ENTERED_AT_FIRST - 1


def test_the_next_batch_is_made_while_an_answer_is_waited_for(
    journal: Journal, paths: Paths
) -> None:
    """Where files enough are found, though others are still looked for."""
    made: list[str] = []
    has_grown: list[bool] = []

    class Encoder(DicomEncoder):
        def cost(self, instance: Instance) -> int:
            made.append(instance.sop_instance)
            return super().cost(instance)

    class Waiting:
        def send(self, request: OutgoingRequest) -> Response:
            assert request.meanwhile is not None
            before = len(made)
            request.meanwhile()
            has_grown.append(len(made) > before)
            return answered(request)

    make_sender(journal, paths, Waiting(), encoder=Encoder(), connections=1).run()
    assert any(has_grown[: ENTERED_AT_FIRST - 1])
