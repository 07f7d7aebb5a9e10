"""A run of several threads, its journal and its progress."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from chalicelib.useragent.client import Destination, StoreClient
from chalicelib.useragent.clock import SystemClock
from chalicelib.useragent.errors import DestinationError, SourceError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.headers import Identity
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.model import State
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.sender import Sender, SendOptions
from chalicelib.useragent.transport import HttpTransport, OutgoingRequest, Response, Timeouts
from tests.unit.useragent.fakes import (
    STUDY,
    ScriptedTransport,
    module,
    sent_of,
    stores_all,
    write_instances,
)
from tests.unit.useragent.loopback import Connection, serving
from tests.unit.useragent.test_sending import parts_of

COUNT = 12
CONNECTIONS = 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    write_instances(folder, COUNT)
    return folder


def make_sender(
    folder: Path, url: str, transport: Any, acquirer: Any = None
) -> tuple[Sender, Journal]:
    clock = SystemClock()
    client = StoreClient(
        Destination(url),
        Exchange(transport),
        limits=BatchLimits(max_parts=1),
        clock=clock,
    )
    journal = Journal(":memory:", url)
    options = SendOptions([str(folder)], connections=CONNECTIONS, acquirer=acquirer)
    return Sender(journal, client, options, clock), journal


def test_a_server_that_takes_its_time_gets_all_connections(folder: Path) -> None:
    """It answers nobody before as many requests are there as connections are allowed."""
    meet = threading.Barrier(CONNECTIONS, timeout=10)

    def answers_together(connection: Connection) -> None:
        text = json.dumps(module(parts_of(connection)))
        meet.wait()
        connection.answer(200, text.encode())

    with serving(answers_together) as url:
        transport = HttpTransport(url, timeouts=Timeouts(5, 20))
        sender, journal = make_sender(folder, url, transport)
        report = sender.run()
        transport.close()
        journal.close()
    assert not meet.broken
    assert report.stored == COUNT


def test_what_was_answered_is_written_down_when_the_destination_fails(folder: Path) -> None:
    """The answers of the last requests before the end are in the journal, not only counted."""

    class Failing:
        def __init__(self) -> None:
            self.answered: list[str] = []
            self._lock = threading.Lock()

        def send(self, request: OutgoingRequest) -> Response:
            sent = sent_of(request)
            with self._lock:
                if len(self.answered) >= 3:
                    raise DestinationError("down")
                self.answered += sent.uids
            return stores_all(sent)

    transport = Failing()
    sender, journal = make_sender(folder, "http://pacs.example/dicom-web", transport)
    report = sender.run()
    written = {one.identity.sop_instance for one in journal.iterate([State.REFERENCED])}
    assert written == set(transport.answered)
    assert (report.stored, sender.progress.stored) == (3, 3)
    assert set(journal.counts()) == {State.REFERENCED, State.FOUND}
    journal.close()


def test_an_error_of_a_thread_is_raised_and_what_it_knew_is_written_down(folder: Path) -> None:
    class Broken:
        def __init__(self) -> None:
            self.answered: list[str] = []

        def send(self, request: OutgoingRequest) -> Response:
            if self.answered:
                raise ZeroDivisionError
            sent = sent_of(request)
            self.answered += sent.uids
            return stores_all(sent)

    transport = Broken()
    sender, journal = make_sender(folder, "http://pacs.example/dicom-web", transport)
    with pytest.raises(ZeroDivisionError):
        sender.run()
    written = {one.identity.sop_instance for one in journal.iterate([State.REFERENCED])}
    assert written == set(transport.answered)
    journal.close()


def test_a_picture_that_changed_since_it_was_found_fails_alone(folder: Path) -> None:
    class Fading:
        """It could make an instance when the file was found."""

        def identify(self, path: bytes) -> Identity:
            return Identity("1.2.840.10008.5.1.4.1.1.77.1.4", "1.9", STUDY, "1.8", "1.2")

        def make(self, path: bytes) -> bytes:
            raise SourceError(os.fsdecode(path), "The file is gone.")

    (folder / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    transport = ScriptedTransport(stores_all)
    url = "http://pacs.example/dicom-web"
    sender, journal = make_sender(folder, url, transport, acquirer=Fading())
    report = sender.run()
    [lost] = journal.iterate([State.FAILED])
    assert (lost.source.label, lost.detail) == (f"{folder}/picture.jpg", "The file is gone.")
    assert (report.stored, report.failed) == (COUNT, 1)
    journal.close()
