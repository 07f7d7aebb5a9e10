"""The state of a session, its response, and giving it up."""

import pytest

from chalicelib.dicomweb.sessions import SessionState
from chalicelib.dicomweb.store_instances import Tally
from chalicelib.origin.sessions.door import MAX_ANSWER_BYTES, OPEN_SECONDS
from chalicelib.origin.sessions.model import Framed, Placed
from chalicelib.origin.times import later
from tests.unit.origin.sessions.door_rig import (
    BASE,
    CHECKSUM,
    PART,
    SIZE,
    Rig,
    header,
    is_problem,
    told,
)

AT_WORK = [state for state in SessionState if state.is_at_work]


@pytest.fixture
def rig() -> Rig:
    return Rig()


# ---------------------------------------------------------------- state


def test_the_state_of_an_open_session_lists_what_has_arrived(rig: Rig) -> None:
    path = rig.open()
    assert told(rig.send("GET", path))["received"] == []
    rig.put(path, 2)
    assert told(rig.send("GET", path))["received"] == [2]
    rig.put(path, 1)
    response = rig.send("GET", path)
    assert (response.status, header(response, "Content-Type")) == (200, "application/json")
    assert told(response)["received"] == [1, 2]


def test_asking_changes_nothing(rig: Rig) -> None:
    path = rig.uploaded()
    before = rig.kept(path)
    assert rig.send("GET", path) == rig.send("GET", path)
    assert rig.kept(path) == before


def test_a_session_expires_by_the_clock(rig: Rig) -> None:
    path = rig.open()
    rig.later(OPEN_SECONDS - 0.001)
    assert told(rig.send("GET", path))["state"] == "open"
    rig.later(0.001)
    state = told(rig.send("GET", path))
    assert state["state"] == "expired"
    assert state.keys().isdisjoint({"received", "retry_after", "progress", "response"})


@pytest.mark.parametrize(
    ("state", "framed_bytes"),
    [
        (SessionState.QUEUED, 0),
        (SessionState.FRAMING, 4711),
        (SessionState.PLACING, SIZE),
    ],
)
def test_a_session_at_work_tells_how_far_it_is(
    rig: Rig, state: SessionState, framed_bytes: int
) -> None:
    path = rig.completed()
    is_queued = state is SessionState.QUEUED
    rig.change(
        path,
        state=state,
        lease_until=later(rig.now, 90.0),
        framed=Framed() if is_queued else Framed(1, 12, 4711, ((1, 0),)),
        placed=Placed(1, 7, Tally(stored=5, warned=1, failed=2, transient=1)),
    )
    shown = told(rig.send("GET", path))
    assert shown["state"] == state.value
    assert shown["progress"] == {
        "framed_bytes": framed_bytes,
        "framed_parts": 0 if is_queued else 12,
        "placed_parts": 7,
        "stored": 5,
        "failed": 2,
    }
    assert (shown["retry_after"], shown["stalled"]) == (1, False)
    assert "response" not in shown


@pytest.mark.parametrize(
    ("size", "seconds"),
    [(1, 1), ((1 << 29) - 1, 1), (1 << 29, 2), (1 << 30, 4), (1 << 32, 10), (1 << 40, 10)],
)
def test_a_larger_body_is_asked_after_less_often(rig: Rig, size: int, seconds: int) -> None:
    path = rig.open(size=size)
    rig.change(path, state=SessionState.QUEUED)
    assert told(rig.send("GET", path))["retry_after"] == seconds


@pytest.mark.parametrize("state", [SessionState.FRAMING, SessionState.PLACING])
def test_a_session_is_stalled_when_its_lease_has_lapsed(rig: Rig, state: SessionState) -> None:
    path = rig.completed()
    rig.change(path, state=state, lease_until=later(rig.now, 90.0))
    rig.later(89.999)
    assert told(rig.send("GET", path))["stalled"] is False
    rig.later(0.001)
    assert told(rig.send("GET", path))["stalled"] is True


def test_a_queued_session_is_not_stalled(rig: Rig) -> None:
    path = rig.completed()
    rig.later(3600.0)
    assert told(rig.send("GET", path))["stalled"] is False


@pytest.mark.parametrize("partition", ["default", "clinic-1"])
def test_the_state_of_a_final_session_tells_where_its_response_is(partition: str) -> None:
    rig = Rig(partition=partition)
    path = rig.completed()
    rig.finish(path, status=202)
    shown = told(rig.send("GET", path))
    assert (shown["state"], shown["status"]) == ("final", 202)
    assert shown["response"] == f"{BASE}{rig.path}{path}/response"
    assert shown.keys().isdisjoint({"response_url", "retry_after", "received"})
    assert shown["progress"]["framed_bytes"] == SIZE


# ---------------------------------------------------------------- response


@pytest.mark.parametrize("state", [one for one in SessionState if one is not SessionState.FINAL])
def test_404_until_there_is_a_response(rig: Rig, state: SessionState) -> None:
    path = rig.open()
    rig.change(path, state=state)
    response = rig.send("GET", f"{path}/response")
    assert is_problem(response, 404)
    assert told(response)["retryable"] is state.is_at_work


@pytest.mark.parametrize("status", [200, 202, 400, 409, 413, 503])
def test_the_response_is_what_was_written_to_the_letter(rig: Rig, status: int) -> None:
    path = rig.completed()
    body = '{"00081190":{"vr":"UR","Value":["Jürgen 漢字"]}}'
    answer = rig.finish(path, body, status)
    response = rig.send("GET", f"{path}/response")
    assert (response.status, response.body) == (status, body)
    assert response.headers == (*answer.headers, ("X-Request-Id", "request-1"))


def test_an_answer_that_passes_the_gateway_is_given(rig: Rig) -> None:
    path = rig.completed()
    rig.finish(path, "x" * MAX_ANSWER_BYTES)
    assert len(rig.send("GET", f"{path}/response").body) == MAX_ANSWER_BYTES
    assert "response_url" not in told(rig.send("GET", path))


def test_a_larger_answer_is_read_where_it_is(rig: Rig) -> None:
    path = rig.completed()
    rig.finish(path, size=MAX_ANSWER_BYTES + 1)
    url = rig.staging.link(rig.kept(path).answer_key)
    response = rig.send("GET", f"{path}/response")
    assert (response.status, response.body) == (303, "")
    assert header(response, "Location") == url
    shown = told(rig.send("GET", path))
    assert shown["response_url"] == url
    assert shown["response"] == f"{BASE}/sessions{path}/response"


def test_404_when_the_response_is_no_longer_kept(rig: Rig) -> None:
    path = rig.completed()
    rig.finish(path)
    rig.staging.objects.clear()
    response = rig.send("GET", f"{path}/response")
    assert is_problem(response, 404)
    assert "no longer kept" in told(response)["detail"]


# ---------------------------------------------------------------- cancel


def test_an_open_session_is_given_up_with_its_parts(rig: Rig) -> None:
    path = rig.uploaded()
    response = rig.send("DELETE", path)
    assert (response.status, told(response)["state"]) == (200, "cancelled")
    assert rig.kept(path).state is SessionState.CANCELLED
    assert rig.staging.uploads == {}
    assert told(rig.send("GET", path))["state"] == "cancelled"


def test_giving_up_twice_is_harmless(rig: Rig) -> None:
    path = rig.open()
    assert rig.send("DELETE", path) == rig.send("DELETE", path)


def test_what_is_given_up_stays_so(rig: Rig) -> None:
    path = rig.uploaded()
    rig.send("DELETE", path)
    parts = {"parts": [{"number": 1, "sha256": CHECKSUM.removesuffix("-2")}]}
    assert is_problem(rig.send("POST", f"{path}/urls", parts), 409)
    assert is_problem(rig.send("POST", f"{path}/complete", {"checksum": CHECKSUM}), 409)
    assert is_problem(rig.send("GET", f"{path}/response"), 404)
    rig.later(2 * OPEN_SECONDS)
    assert told(rig.send("GET", path))["state"] == "cancelled"
    assert rig.queue.woken == []


def test_an_expired_session_may_be_given_up(rig: Rig) -> None:
    path = rig.uploaded()
    rig.later(OPEN_SECONDS)
    assert told(rig.send("DELETE", path))["state"] == "cancelled"
    assert rig.staging.uploads == {}


@pytest.mark.parametrize("state", [*AT_WORK, SessionState.FINAL])
def test_409_for_giving_up_what_is_complete(rig: Rig, state: SessionState) -> None:
    path = rig.completed()
    before = rig.change(path, state=state)
    response = rig.send("DELETE", path)
    assert is_problem(response, 409)
    assert told(response)["detail"] == f"The session cannot be cancelled: it is {state.value}."
    assert rig.kept(path) == before
    [upload] = rig.staging.uploads.values()
    assert len(upload.parts[1]) == PART
