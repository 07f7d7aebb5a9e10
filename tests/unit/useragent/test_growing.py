"""Requests grow to what a server takes; what that meets on the way costs nothing but a request."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.useragent.cli import main
from chalicelib.useragent.cli.settings import make_limits
from chalicelib.useragent.client import StoreClient
from chalicelib.useragent.doors import Door, Doors, lots
from chalicelib.useragent.errors import DestinationError, TransportError
from chalicelib.useragent.model import Cause, Instance, State
from chalicelib.useragent.payloads import DicomEncoder, Encoder, WireOptions
from chalicelib.useragent.plan import MOST_BATCH_BYTES, BatchLimits, batches
from chalicelib.useragent.representations import JsonEncoder, XmlEncoder
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.transport import Response
from tests.builders_dicom import PIXEL_DATA, Uids, element, make_file
from tests.unit.useragent.fakes import (
    STUDY,
    FakeClock,
    Recorder,
    ScriptedTransport,
    Sent,
    answer,
    make_client,
    make_instance,
    make_instances,
    module,
    stores_all,
)
from tests.unit.useragent.loopback import Connection, hang_up, serving
from tests.unit.useragent.session_service import SessionService, StoppableClock

MB = 1_000_000
EACH = DicomEncoder().cost(make_instances(1)[0])
LOST = TransportError("The connection broke.", may_have_arrived=True)


def growing(first: int = 4 * MB, most: int = 16 * MB) -> BatchLimits:
    return BatchLimits(first, most_bytes=most)


# ---------------------------------------------------------------- how large


def test_requests_that_are_quick_double_up_to_the_most() -> None:
    limits, seen = growing(), []
    for _ in range(4):
        limits.answered(limits.max_bytes, 0.01)
        seen.append(limits.max_bytes)
    assert seen == [8 * MB, 16 * MB, 16 * MB, 16 * MB]
    assert not limits.may_grow


def test_no_request_is_larger_than_a_second_carries() -> None:
    limits = growing()
    limits.answered(4 * MB, 0.8)
    assert limits.max_bytes == 5 * MB
    limits.answered(5 * MB, 10.0)
    assert limits.max_bytes == 4 * MB


def test_a_request_that_was_not_full_does_not_tell_how_large_the_next_may_be() -> None:
    limits = growing()
    limits.answered(4 * MB, 0.01)
    limits.answered(4 * MB, 5.0)
    assert limits.max_bytes == 8 * MB


def test_more_than_twice_what_was_answered_is_not_tried() -> None:
    limits = growing()
    limits.answered(int(2.5 * MB), 0.0)
    assert limits.max_bytes == 5 * MB


def test_a_size_that_is_given_stays() -> None:
    limits = BatchLimits(4 * MB)
    limits.answered(4 * MB, 0.01)
    assert limits.max_bytes == 4 * MB
    assert not limits.may_grow


@pytest.mark.parametrize(("said", "at_first", "grown"), [(MB, MB, MB), (8 * MB, 4 * MB, 7.5 * MB)])
def test_what_a_server_says_is_kept_to_with_room_to_spare(
    said: int, at_first: int, grown: float
) -> None:
    limits = growing()
    limits.lower_bytes(said)
    assert limits.max_bytes == at_first
    for _ in range(3):
        limits.answered(limits.max_bytes, 0.01)
    assert limits.max_bytes == grown


def test_after_a_refusal_they_stay_at_what_passed() -> None:
    limits = growing()
    limits.answered(int(3.9 * MB), 0.01)
    limits.refused(7 * MB, 9)
    assert limits.max_bytes == limits.learnt_bytes == int(3.9 * MB)
    limits.answered(int(3.9 * MB), 0.01)
    assert limits.max_bytes == int(3.9 * MB)


def test_a_refusal_of_what_once_passed_halves() -> None:
    limits = growing()
    limits.answered(4 * MB, 0.01)
    limits.refused(4 * MB, 9)
    assert limits.max_bytes == 2 * MB


def test_what_is_held_in_memory_does_not_grow() -> None:
    class Held:
        is_held = True

    limits = growing()
    limits.answered(4 * MB, 0.01)
    held = [make_instance(number, source=Held()) for number in range(20)]
    assert [len(lot) for lot in lots(held, Doors(limits), lambda one: MB)] == [4] * 5
    limits.lower_bytes(2 * MB)
    assert [len(lot) for lot in lots(held, Doors(limits), lambda one: MB)] == [2] * 10


def test_size_is_to_blame_only_where_nothing_so_large_was_answered() -> None:
    limits = growing()
    assert not limits.unanswered(4 * MB)
    limits.answered(4 * MB, 0.01)
    limits.answered(8 * MB, 0.01)
    assert not limits.unanswered(8 * MB)
    assert limits.max_bytes == 16 * MB
    assert limits.unanswered(9 * MB)
    assert limits.max_bytes == 8 * MB
    limits.answered(8 * MB, 0.01)
    assert limits.max_bytes == 8 * MB


@pytest.mark.parametrize(
    ("encoder", "most"),
    [
        (DicomEncoder(), MOST_BATCH_BYTES),
        (DicomEncoder(WireOptions(is_gzipped=True)), 4 * MB),
        (JsonEncoder(), 4 * MB),
        (XmlEncoder(), 4 * MB),
    ],
)
def test_files_as_they_are_grow_unless_a_size_is_given(encoder: Encoder, most: int) -> None:
    limits, given = make_limits(None, 100, encoder), make_limits("5M", 100, encoder)
    for _ in range(3):
        limits.answered(limits.max_bytes, 0.01)
        given.answered(given.max_bytes, 0.01)
    assert (limits.max_bytes, given.max_bytes) == (most, 5 * MB)


# ---------------------------------------------------------------- what fails on the way


class Heavy(DicomEncoder):
    """Counts so much for each instance that halves are no smaller than requests ever get."""

    weight = 100_000

    def cost(self, instance: Instance) -> int:
        return self.weight


def takes(count: int, otherwise: Any) -> Any:
    """Return a server that stores so many instances at once; more meets what is given."""

    def step(sent: Sent) -> Response:
        if len(sent.parts) <= count:
            return stores_all(sent)
        if isinstance(otherwise, Exception):
            raise otherwise
        return otherwise if isinstance(otherwise, Response) else answer(otherwise)

    return step


def sent_by(client: StoreClient, transport: ScriptedTransport, count: int = 30) -> list[int]:
    """Send as a run does, so that each batch is planned by what is known, and count the parts."""
    for batch in batches(make_instances(count), client.limits, client.encoder.cost):
        assert {one.state for one in client.store(batch)} == {State.REFERENCED}
    return [len(one.parts) for one in transport.posts]


@pytest.mark.parametrize(("seconds", "sizes"), [(0.4, [2, 4, 5, 6]), (2.0, [2, 2, 2, 2])])
def test_a_request_counts_from_its_first_byte_to_the_answer(
    seconds: float, sizes: list[int]
) -> None:
    clock = FakeClock()

    def stores_slowly(sent: Sent) -> Response:
        clock.time += seconds if len(sent.parts) <= 2 else 0.75
        return stores_all(sent)

    transport = ScriptedTransport(stores_slowly)
    client = make_client(transport, limits=growing(2 * EACH, 100 * EACH), clock=clock)
    assert sent_by(client, transport)[:4] == sizes


@pytest.mark.parametrize("otherwise", [LOST, 400, 403, 404, 411, 422, 500, 502, 504])
def test_a_size_that_does_not_pass_is_not_tried_again(otherwise: Any) -> None:
    transport = ScriptedTransport(takes(5, otherwise))
    clock = FakeClock()
    client = make_client(transport, limits=growing(2 * EACH, 100 * EACH), clock=clock)
    sizes = sent_by(client, transport)
    assert sizes[:5] == [2, 4, 8, 4, 4]
    assert set(sizes[5:]) <= {4, 2}
    assert not clock.slept


def test_a_refusal_as_too_large_falls_back_to_what_passed() -> None:
    transport = ScriptedTransport(takes(5, 413))
    encoder = Heavy()
    limits = growing(2 * encoder.weight, 100 * encoder.weight)
    client = make_client(transport, limits=limits, encoder=encoder)
    sizes = sent_by(client, transport)
    assert sizes == [2, 4, 8, 4, 4, *[4] * 4]


@pytest.mark.parametrize("status", [429, 503])
def test_being_busy_is_not_blamed_on_the_size(status: int) -> None:
    transport = ScriptedTransport(stores_all, answer(status), stores_all)
    clock = FakeClock()
    client = make_client(transport, limits=growing(2 * EACH, 100 * EACH), clock=clock)
    assert sent_by(client, transport)[:4] == [2, 4, 4, 8]
    assert len(clock.slept) == 1


def test_a_server_that_is_not_there_is_not_blamed_on_the_size() -> None:
    gone = TransportError("The server refuses connections.", may_have_arrived=False)
    transport = ScriptedTransport(stores_all, gone, stores_all)
    client = make_client(transport, limits=growing(2 * EACH, 100 * EACH))
    assert sent_by(client, transport)[:4] == [2, 4, 4, 8]


def test_one_large_instance_is_tried_again_and_not_for_ever() -> None:
    limits = growing(EACH // 2, 100 * EACH)
    transport = ScriptedTransport(stores_all, answer(500))
    client = make_client(transport, limits=limits)
    client.store(make_instances(1))
    limits.first_bytes, limits._answered = 1, 0
    [outcome] = client.store(make_instances(2)[1:])
    assert outcome.cause is Cause.STATUS
    assert 1 < len(transport.posts) < 10


@pytest.mark.parametrize("otherwise", [LOST, answer(500)])
def test_what_was_lost_with_a_large_request_may_be_stored(otherwise: Any) -> None:
    def exists(sent: Sent) -> Response:
        return answer(409, module([], [(uid, 0x0111) for uid in sent.uids]))

    transport = ScriptedTransport(stores_all, otherwise, exists)
    client = make_client(transport, limits=growing(2 * EACH, 100 * EACH))
    plan = batches(make_instances(6), client.limits, client.encoder.cost)
    recorder = Recorder()
    for batch in plan:
        client.store(batch, recorder)
    assert [one.cause for one in recorder.outcomes] == [Cause.LISTED] * 2 + [
        Cause.ALREADY_THERE
    ] * 4
    assert [len(one) for one in recorder.sent] == [2, 4, 2, 2]


def test_a_size_that_was_tried_does_not_count_as_an_attempt() -> None:
    transport = ScriptedTransport(stores_all, LOST, answer(502), stores_all)
    policy = RetryPolicy(attempts=2)
    client = make_client(transport, limits=growing(2 * EACH, 100 * EACH), policy=policy)
    assert sent_by(client, transport, 6) == [2, 4, 2, 2, 2]


def test_sessions_do_not_teach_what_a_request_may_hold() -> None:
    limits = growing(2 * EACH, 100 * EACH)
    client = make_client(
        SessionService(),
        limits=limits,
        doors=Doors(limits, Door.SESSION),
        clock=StoppableClock(),
    )
    client.store(make_instances(9))
    assert limits.max_bytes == 2 * EACH


def test_what_was_refused_by_session_is_not_cut_for_requests() -> None:
    limits = growing(2 * EACH, 100 * EACH)
    service = SessionService(max_body_bytes=100 * EACH)

    def refuses_first(sent: Sent) -> Response:
        service.answers = stores_all
        limits.answered(2 * EACH, 0.0)  # as another thread may find meanwhile
        return answer(400)

    service.answers = refuses_first
    doors = Doors(limits)
    doors.learn({"max_session_bytes": 1 << 40})
    client = make_client(service, limits=limits, doors=doors, clock=StoppableClock())
    assert {one.state for one in client.store(make_instances(3))} == {State.REFERENCED}
    assert limits.max_bytes == 4 * EACH
    assert [len(one.parts) for one in service.of("store")] == [1, 2]  # halves: one may be at fault


def test_a_session_that_is_lost_is_no_request_that_was_too_large() -> None:
    limits = growing(2 * EACH, 100 * EACH)
    doors = Doors(limits, Door.SESSION)
    transport = ScriptedTransport(LOST, answer(500), answer(404))
    client = make_client(transport, limits=limits, doors=doors)
    with pytest.raises(DestinationError):
        client.store(make_instances(9))
    assert [one.url.rpartition("/")[2] for one in transport.posts] == ["sessions"] * 3
    assert limits.may_grow


def test_a_server_with_sessions_is_kept_to_what_it_said_as_it_refused() -> None:
    service = SessionService(max_body_bytes=5 * EACH)
    limits = growing(2 * EACH, 100 * EACH)
    client = make_client(service, limits=limits, doors=Doors(limits), clock=StoppableClock())
    for batch in batches(make_instances(30), limits, client.encoder.cost):
        assert {one.state for one in client.store(batch)} == {State.REFERENCED}
    assert service.kinds().count("open") == 1
    assert service.kinds()[:4] == ["store", "store", "store", "open"]
    assert set(service.kinds()[-4:]) == {"store"}


# ---------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return 24 sparse instances of 1 MB each."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(24):
        pixels = element(PIXEL_DATA, "OW", b"", length=MB)
        file = make_file(Uids.of("growing", number, study=STUDY)).with_elements(pixels)
        with (folder / f"{number:02}").open("wb") as out:
            out.write(file.encode())
            out.truncate(out.tell() + MB)
    return folder


def stores_up_to(most: int, seen: list[int]) -> Any:
    """Return a server that hangs up on what is larger; it hears whole bodies before it answers."""

    def handle(connection: Connection) -> None:
        length = int(connection.fields.get(b"content-length", b"0"))
        seen.append(length)
        if length > most:
            hang_up(connection)
        boundary = connection.fields[b"content-type"].partition(b"boundary=")[2]
        body = connection.body()
        count = body.count(b"--" + boundary + b"\r\n")
        uids = [body.split(b"--" + boundary)[one][: 2 * 1024] for one in range(1, count + 1)]
        connection.answer(200, json.dumps(module([_uid_in(one) for one in uids])).encode())

    return handle


def _uid_in(part: bytes) -> str:
    from chalicelib.dicomweb.byte_source import MemorySource
    from chalicelib.useragent.headers import read_identity

    return read_identity(MemorySource(part.partition(b"\r\n\r\n")[2])).sop_instance


def run(*words: object, state: Path) -> Any:
    return CliRunner().invoke(
        main, [str(word) for word in words], env={"XDG_STATE_HOME": str(state), "COLUMNS": "200"}
    )


def test_a_server_that_hangs_up_on_large_bodies_gets_them_all(folder: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    with serving(stores_up_to(6 * MB, seen)) as url:
        result = run("send", folder, "--to", url, "--no-capabilities", "--connections", 1,
                     state=tmp_path)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "stored      24 of 24" in result.output
    assert 1 <= sum(length > 6 * MB for length in seen) <= 2  # the next may be made already


def test_a_quick_server_gets_few_large_requests(folder: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    with serving(stores_up_to(99 * MB, seen)) as url:
        words = ("send", folder, "--to", url, "--no-capabilities", "--connections", 1)
        plan = run(*words, "--dry-run", state=tmp_path)
        fixed = run(*words, "--dry-run", "--batch-bytes", "4M", state=tmp_path)
        result = run(*words, state=tmp_path)
    assert result.exit_code == 0, result.output
    assert "in at most 8 requests" in plan.output
    assert "in 8 requests" in fixed.output
    assert max(seen) <= MOST_BATCH_BYTES
    assert len(seen) < 8
