"""A session's answer is the small door's, whatever happens to its workers on the way."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.messages import HttpResponse
from chalicelib.dicomweb.sessions import SessionState
from chalicelib.origin.events import Cause
from chalicelib.origin.ports import Unavailable
from chalicelib.origin.sessions import framing, placing
from tests.unit.origin.sessions.world import World, framed, make_world, path_of
from tests.unit.origin.storing import make_file

FIRST, SECOND, THIRD = (make_file(f"1.2.{number}") for number in (1, 2, 3))
OTHER = make_file("1.2.1", Modality="MR")
ALIEN = make_file("1.2.4", StudyInstanceUID="9.9")
BODIES = {
    "one instance": framed(FIRST),
    "three instances": framed(FIRST, SECOND, THIRD),
    "the same twice": framed(FIRST, FIRST),
    "a UID with other content": framed(FIRST, OTHER, SECOND),
    "a part that is no DICOM file": framed(FIRST, b"not DICOM", SECOND),
    "nothing that can be stored": framed(b"no", b"neither"),
    "an empty part": framed(FIRST, b""),
    "a truncated file": framed(FIRST[:-3], SECOND),
    "parts of another type": framed(FIRST, kind="image/jpeg"),
    "two studies": framed(FIRST, ALIEN),
    "with preamble and epilogue": b"hello\r\n" + framed(FIRST) + b"bye",
    "no closing delimiter": framed(FIRST, SECOND)[:-6],
    "cut off in a part": framed(FIRST, SECOND)[:-300],
    "cut off in a header": framed(FIRST)[:-7] + b"--b\r\nContent-Ty",
    "no delimiter at all": b"x" * 100,
    "no parts": b"--b--\r\n",
    "a broken header": framed(FIRST)[:-7] + b"--b\r\nbroken\r\n\r\nx\r\n--b--",
    "a wrong Content-Length": b"--b\r\nContent-Length: 4\r\n\r\n12345\r\n--b--",
}
FIRST_ONE = re.compile(r"(in part \d+|stored) with")
ACCEPTS = ("application/dicom+json", "application/dicom+xml", "*/*")


@pytest.fixture(params=[False, True], ids=["hashed", "attested"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A deployment whose staging store tells no checksums, and one whose does."""
    with make_world() as made:
        made.staging.attests = request.param
        yield made


def same(answer: HttpResponse, other: HttpResponse) -> None:
    """Two answers say the same, apart from ids of requests."""
    own = ("X-Request-Id",)
    assert answer.status == other.status
    assert [f for f in answer.headers if f[0] not in own] == [
        f for f in other.headers if f[0] not in own
    ]
    if "problem" in dict(other.headers)["Content-Type"]:
        theirs, ours = json.loads(other.body), json.loads(answer.body)
        assert {**ours, "request_id": ""} == {**theirs, "request_id": ""}
    else:
        # Which part, or an earlier worker, was first is told where it is known.
        assert FIRST_ONE.sub("stored with", answer.body) == FIRST_ONE.sub("stored with", other.body)


def expected(body: bytes, **around: str) -> tuple[HttpResponse, dict[str, bytes]]:
    """What the small door makes of a body, in a world of its own."""
    with make_world() as other:
        return other.post(body, **around), other.stored()


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("name", BODIES)
def test_the_answer_is_that_of_the_small_door(world: World, name: str, accept: str) -> None:
    body = BODIES[name]
    answer, stored = expected(body, Accept=accept)
    session = world.send(body, part_bytes=1000, Accept=accept)
    assert world.work() == [True]
    same(world.response(session), answer)
    assert world.stored() == stored
    status = json.loads(world.ask("GET", path_of(session)).body)
    assert (status["state"], status["status"]) == ("final", answer.status)


def test_the_study_resource_refuses_other_studies(world: World) -> None:
    study = "/studies/1.2.3.4.5"
    body = framed(make_file("1.2.1", StudyInstanceUID="1.2.3.4.5"), ALIEN)
    answer, stored = expected(body, path=study)
    session = world.send(body, resource=study)
    world.work()
    same(world.response(session), answer)
    assert answer.status == 202
    assert world.stored() == stored


def test_a_single_part_body_is_its_only_part(world: World) -> None:
    kind = {"Content-Type": "application/dicom"}
    answer, stored = expected(FIRST, **kind)
    session = world.send(FIRST, part_bytes=99, **kind)
    world.work()
    same(world.response(session), answer)
    assert world.stored() == stored == {"1.2.1": FIRST}


def test_a_body_with_another_checksum_stores_nothing(world: World) -> None:
    body = framed(FIRST, SECOND)
    session = world.open(body)
    checksum = world.upload(session, body)
    [upload] = world.staging.uploads.values()
    upload.parts[1] = upload.parts[1].replace(b"CT", b"MR", 1)  # what no S3 would have let pass
    world.complete(session, checksum)
    world.work()
    answer = world.response(session)
    assert answer.status == 400
    assert "checksum" in json.loads(answer.body)["detail"]
    assert world.stored() == {}


def test_pieces_that_the_store_attests_are_not_hashed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[object] = []
    real = framing._HashedPieces
    monkeypatch.setattr(framing, "_HashedPieces", lambda *of: hashed.append(of) or real(*of))
    session = world.send(framed(FIRST, SECOND), part_bytes=100)
    world.work()
    assert world.response(session).status == 200
    assert bool(hashed) is not world.staging.attests


@pytest.mark.parametrize("limit", [1, 2])
def test_413_for_more_parts_than_a_session_takes(world: World, limit: int) -> None:
    session = world.send(framed(FIRST, SECOND, THIRD))
    [(name, _)] = world.queue.woken
    assert world.ingest(max_parts=limit).work(name, lambda: 900.0)
    assert world.response(session).status == 413
    assert world.stored() == {}


def test_events_records_and_facts_are_the_small_doors(world: World) -> None:
    session = world.send(framed(FIRST, SECOND), **{"Stowage-Via": "0123456789abcdef"})
    world.work()
    [event] = world.announcer.sent
    assert event.cause is Cause.STORED
    assert event.request_id == session.identity
    assert [one.sop_instance for one in event.instances] == ["1.2.1", "1.2.2"]
    for (partition, _), (content, facts) in world.instances.objects.items():
        assert partition == "default"
        assert facts.request_id == session.identity
        assert facts.via == "0123456789abcdef"
        assert facts.sha256 in (record.facts.sha256 for record in world.records.records.values())
        assert content


def test_what_is_not_needed_any_more_is_deleted(world: World) -> None:
    session = world.send(framed(FIRST, SECOND))
    world.work()
    assert list(world.staging.objects) == [world.session(session).answer_key]
    assert world.staging.uploads == {}


# ---------------------------------------------------------------- large parts, many pages


def take_small_steps(patch: pytest.MonkeyPatch) -> None:
    """Read little at once, and end a page behind two parts."""
    patch.setattr(framing, "READ_BYTES", 300)
    patch.setattr(framing, "PAGE_PARTS", 2)
    patch.setattr(placing, "RUN_PARTS", 1)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    take_small_steps(monkeypatch)


MANY = framed(FIRST, b"no DICOM", SECOND, THIRD, OTHER, FIRST, ALIEN)


def test_many_pages_come_to_one_answer(world: World, small_steps: None) -> None:
    answer, stored = expected(MANY)
    session = world.send(MANY, part_bytes=777)
    world.work()
    assert world.session(session).framed.pages > 2
    same(world.response(session), answer)
    assert world.stored() == stored


def test_large_parts_are_copied_and_never_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "COPIED_BYTES", len(SECOND))
    large = make_file("1.2.8", ImageComments="x" * 5000)
    body = framed(make_file("1.2.7")[:200], large, SECOND, b"")
    answer, stored = expected(body)
    session = world.send(body)
    world.work()
    same(world.response(session), answer)
    assert world.stored() == stored
    assert large in stored.values()


def test_a_large_part_sent_again_is_compared_by_ranges(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "COPIED_BYTES", 1)
    again = framed(FIRST, OTHER, FIRST)
    answer, stored = expected(again)
    session = world.send(again)
    world.work()
    same(world.response(session), answer)
    assert world.stored() == stored


class Counted(bytes):
    """Bytes that tell when nobody holds them any more."""

    held = 0

    def __new__(cls, content: bytes) -> "Counted":
        cls.held += 1
        return super().__new__(cls, content)

    def __del__(self) -> None:
        Counted.held -= 1


def test_a_run_is_let_go_before_another_is_read_that_has_no_room_beside_it(
    world: World, small_steps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "HELD_BYTES", 1)
    session, read, held = world.send(MANY), world.staging.read, []

    def counting(key: str, start: int, length: int) -> bytes:
        content = Counted(read(key, start, length))
        if world.session(session).state is SessionState.PLACING:
            held.append(Counted.held)
        return content

    monkeypatch.setattr(world.staging, "read", counting)
    world.work()
    assert len(held) == len(re.findall(b"--b\r\n", MANY))
    assert set(held) == {1}


# ---------------------------------------------------------------- workers that die


class Killed(BaseException):
    """The function is gone: nothing catches this."""


@pytest.fixture(scope="module")
def steps() -> int:
    """How many calls of ports one worker makes from queue to final."""
    with make_world() as world:
        calls = 0

        def count(method: str, key: str) -> None:
            nonlocal calls
            calls += 1

        with pytest.MonkeyPatch.context() as patch:
            take_small_steps(patch)
            world.send(MANY, part_bytes=777)
            world.before = count
            world.work()
    return calls


def killed_at(world: World, step: int) -> None:
    """Kill whoever makes this call of a port, once."""
    calls = 0

    def kill(method: str, key: str) -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            raise Killed

    world.before = kill


def test_a_worker_killed_at_any_step_is_followed_by_another(steps: int) -> None:
    answer, stored = expected(MANY)
    with pytest.MonkeyPatch.context() as patch:
        take_small_steps(patch)
        for step in range(1, steps + 1):
            with make_world() as world:
                session = world.send(MANY, part_bytes=777)
                [(name, _)] = world.queue.woken
                killed_at(world, step)
                with suppress(Killed):
                    world.ingest().work(name, lambda: 900.0)
                world.before = lambda method, key: None
                world.later(960)  # the queue delivers the message again
                world.work()
                same(world.response(session), answer)
                assert world.stored() == stored, step


def test_a_worker_without_time_leaves_the_rest_to_the_next(world: World, small_steps: None) -> None:
    answer, stored = expected(MANY)
    session = world.send(MANY, part_bytes=777)
    done = []
    while world.queue.woken:
        name, delay = world.queue.woken.pop(0)
        assert delay == 0
        looks = iter([900.0] * 7)
        done.append(world.ingest().work(name, partial(next, looks, 10.0)))
    assert len(done) > 3
    assert all(done)
    same(world.response(session), answer)
    assert world.stored() == stored


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 60), min_size=1, max_size=2), st.integers(100, 4000))
def test_any_row_of_interruptions_comes_to_the_same_answer(
    interruptions: list[int], part_bytes: int
) -> None:
    answer, stored = expected(MANY)
    with pytest.MonkeyPatch.context() as patch, make_world() as world:
        take_small_steps(patch)
        session = world.send(MANY, part_bytes=part_bytes)
        name, _ = world.queue.woken.pop()
        for step in interruptions:
            killed_at(world, step)
            try:
                world.ingest().work(name, lambda: 900.0)
            except Killed:
                world.later(960)
        world.before = lambda method, key: None
        world.queue.woken.append((name, 960))
        world.work()
        same(world.response(session), answer)
        assert world.stored() == stored


# ---------------------------------------------------------------- two workers


def test_a_second_worker_leaves_a_session_that_is_held(world: World) -> None:
    session = world.send(framed(FIRST))
    [(name, _)] = world.queue.woken
    seen = []

    def meanwhile(method: str, key: str) -> None:
        if method == "join" and not seen:
            seen.append(world.ingest().work(name, lambda: 900.0))

    world.before = meanwhile
    assert world.work() == [True]
    assert seen == [False]
    assert world.response(session).status == 200


@pytest.mark.parametrize("at", ["join", "read", "create", "write"])
def test_a_worker_whose_lease_lapsed_harms_nothing(at: str, small_steps: None) -> None:
    answer, stored = expected(MANY)
    with make_world() as world:
        session = world.send(MANY, part_bytes=777)
        [(name, _)] = world.queue.woken
        overtaken = []

        def overtake(method: str, key: str) -> None:
            if method == at and not overtaken:
                overtaken.append(method)
                world.later(3600)  # the lease lapses while the first worker hangs
                assert world.ingest().work(name, lambda: 900.0)

        world.before = overtake
        assert world.ingest().work(name, lambda: 900.0) is False
        same(world.response(session), answer)
        assert world.stored() == stored
        assert world.session(session).fence == 2


def test_a_stalled_session_is_woken_by_completing_it_again(world: World) -> None:
    session = world.send(framed(FIRST, SECOND))
    name, _ = world.queue.woken.pop()
    killed_at(world, 8)
    with pytest.raises(Killed):
        world.ingest().work(name, lambda: 900.0)
    world.before = lambda method, key: None
    assert json.loads(world.ask("GET", path_of(session)).body)["stalled"] is False
    world.complete(session, "")
    assert world.queue.woken == []  # somebody holds it, as far as anybody knows
    world.later(120)
    assert json.loads(world.ask("GET", path_of(session)).body)["stalled"] is True
    assert world.complete(session, "").status == 202
    world.work()
    assert world.response(session).status == 200


# ---------------------------------------------------------------- faults


def failing(world: World, method: str, error: Exception, times: int) -> None:
    left = times

    def fail(called: str, key: str) -> None:
        nonlocal left
        if called == method and left:
            left -= 1
            raise error

    world.before = fail


PORTS = (
    "read-session",
    "write-session",
    "join",
    "checksum",
    "read",
    "get",
    "create",
    "write",
    "wake",
)


@pytest.mark.parametrize("method", PORTS)
@pytest.mark.parametrize("error", [Unavailable("throttled"), RuntimeError("nobody foresaw it")])
def test_what_passes_is_outlived(world: World, method: str, error: Exception) -> None:
    session = world.send(framed(FIRST, SECOND))
    failing(world, method, error, times=2)
    world.work()
    assert world.response(session).status == 200
    assert len(world.stored()) == 2


def test_a_store_that_stays_away_is_answered_503_with_what_is_known(world: World) -> None:
    session = world.send(framed(FIRST, SECOND))

    def fail(method: str, key: str) -> None:
        if (method, key) == ("create", "1.2.1"):
            raise Unavailable("throttled")

    world.before = fail
    world.work()
    answer = world.response(session)
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "5")
    module = json.loads(answer.body)
    assert [i["00081155"]["Value"] for i in module["00081199"]["Value"]] == [["1.2.2"]]
    assert [i["00081155"]["Value"] for i in module["00081198"]["Value"]] == [["1.2.1"]]
    assert list(world.stored()) == ["1.2.2"]


def test_a_body_that_no_worker_can_read_is_answered_503(world: World) -> None:
    session = world.send(framed(FIRST, SECOND))
    failing(world, "read", Unavailable("never"), times=1000)
    world.work()
    answer = world.response(session)
    assert answer.status == 503
    assert json.loads(answer.body)["retryable"] is True
    assert dict(answer.headers)["Retry-After"] == "5"
    assert world.stored() == {}


def test_a_page_that_kills_every_worker_costs_no_other_page(small_steps: None) -> None:
    with make_world() as world:
        session = world.send(framed(FIRST, SECOND, THIRD, make_file("1.2.5")))
        name, _ = world.queue.woken.pop()

        whole = placing.Store.store

        def store(self: placing.Store, arrivals: Any, request: Any) -> Any:
            if any(one.file.sop_instance == "1.2.2" for one in arrivals):
                raise Killed
            return whole(self, arrivals, request)

        deliveries = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(placing.Store, "store", store)
            while world.session(session).answer is None:
                deliveries += 1
                with suppress(Killed):
                    world.ingest().work(name, lambda: 900.0)
                world.later(960)
        assert deliveries <= 5  # the queue's, before its dead letters
        answer = world.response(session)
        module = json.loads(answer.body)
        assert answer.status == 503
        assert [i["00081155"]["Value"] for i in module["00081199"]["Value"]] == [
            ["1.2.3"],
            ["1.2.5"],
        ]
        assert [i["00081197"]["Value"] for i in module["0008119A"]["Value"]] == [[0x0110]] * 2


def test_an_upload_that_is_gone_is_said(world: World) -> None:
    session = world.send(framed(FIRST))
    world.staging.uploads.clear()
    world.work()
    assert world.response(session).status == 400
    assert "gone" in json.loads(world.response(session).body)["detail"]


@pytest.mark.parametrize("state", [SessionState.OPEN, SessionState.CANCELLED, SessionState.FINAL])
def test_a_message_for_a_session_without_work_is_done_with(
    world: World, state: SessionState
) -> None:
    session = world.send(framed(FIRST))
    world.sessions.sessions[session] = replace(world.session(session), state=state)
    assert world.work() == [True]
    assert world.stored() == {}


def test_a_message_for_no_session_is_done_with(world: World) -> None:
    session = world.send(framed(FIRST))
    world.sessions.sessions.clear()
    assert world.work() == [True]
    assert world.stored() == {}
    assert world.ask("GET", path_of(session)).status == 404


def test_nothing_of_a_patient_is_told(world: World) -> None:
    world.send(MANY, part_bytes=777)
    world.work()
    assert "Canary" not in repr(world.telemetry.lines)
