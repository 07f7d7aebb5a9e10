"""URLs of parts, and completing: nothing is missing, nothing is stored, and a worker is woken."""

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.dicomweb.messages import HttpResponse
from chalicelib.dicomweb.sessions import MAX_URLS, SessionState
from chalicelib.origin.sessions.door import OPEN_SECONDS
from chalicelib.origin.times import later
from tests.unit.origin.sessions.door_rig import (
    CHECKSUM,
    CONTENT,
    OTHER_CHECKSUM,
    PART,
    Rig,
    digest,
    is_problem,
    told,
)

DIGEST = digest(b"")
NOT_OPEN = [state for state in SessionState if state is not SessionState.OPEN]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def ask_urls(rig: Rig, path: str, *numbers: int) -> HttpResponse:
    parts = [{"number": number, "sha256": DIGEST} for number in numbers]
    return rig.send("POST", f"{path}/urls", {"parts": parts})


def complete(rig: Rig, path: str, checksum: str = CHECKSUM) -> HttpResponse:
    return rig.send("POST", f"{path}/complete", {"checksum": checksum} if checksum else b"")


# ---------------------------------------------------------------- URLs


def test_a_url_is_of_the_part_its_size_and_its_digest(rig: Rig) -> None:
    path = rig.open()
    parts = [{"number": n, "sha256": digest(CONTENT[n - 1])} for n in (2, 1)]
    response = rig.send("POST", f"{path}/urls", {"parts": parts})
    assert response.status == 200
    answered = told(response)["parts"]
    upload = rig.kept(path).upload_id
    assert [rig.staging.signed[one["url"]] for one in answered] == [
        (upload, 2, len(CONTENT[1]), digest(CONTENT[1])),
        (upload, 1, PART, digest(CONTENT[0])),
    ]
    assert [one["number"] for one in answered] == [2, 1]
    assert answered[1]["headers"] == {
        "Content-Length": str(PART),
        "x-amz-checksum-sha256": digest(CONTENT[0]),
    }
    assert answered[0].keys() == {"number", "url", "headers", "expires"}


def test_a_url_may_be_asked_for_again(rig: Rig) -> None:
    path = rig.open()
    assert [ask_urls(rig, path, 1, 1).status, ask_urls(rig, path, 1).status] == [200, 200]


def test_a_hundred_urls_at_a_time(rig: Rig) -> None:
    path = rig.open(size=(MAX_URLS + 1) * PART)
    assert len(told(ask_urls(rig, path, *range(1, MAX_URLS + 1)))["parts"]) == MAX_URLS
    assert is_problem(ask_urls(rig, path, *range(1, MAX_URLS + 2)), 400)


@pytest.mark.parametrize("numbers", [(0,), (3,), (1, 2, 3), (1 << 60,)])
def test_400_for_a_part_that_the_body_has_not(rig: Rig, numbers: tuple[int, ...]) -> None:
    response = ask_urls(rig, rig.open(), *numbers)
    assert is_problem(response, 400)
    assert "numbered 1 to 2" in told(response)["detail"]
    assert rig.staging.signed == {}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (b"", "JSON"),
        (b"[]", "object"),
        ({}, "parts"),
        ({"parts": []}, "parts"),
        ({"parts": [{"sha256": DIGEST}]}, "number"),
        ({"parts": [{"number": 1}]}, "sha256"),
        ({"parts": [{"number": 1, "sha256": "x"}]}, "sha256"),
    ],
)
def test_400_names_what_is_malformed(
    rig: Rig, document: Mapping[str, Any] | bytes, named: str
) -> None:
    response = rig.send("POST", f"{rig.open()}/urls", document)
    assert is_problem(response, 400)
    assert named in told(response)["detail"]


@pytest.mark.parametrize("state", [one for one in NOT_OPEN if one is not SessionState.EXPIRED])
def test_409_for_urls_of_a_session_that_is_not_open(rig: Rig, state: SessionState) -> None:
    path = rig.open()
    rig.change(path, state=state)
    response = ask_urls(rig, path, 1)
    assert is_problem(response, 409)
    assert told(response)["detail"] == f"The session is not open: it is {state.value}."


def test_409_for_urls_of_a_session_whose_time_is_over(rig: Rig) -> None:
    path = rig.open()
    rig.later(OPEN_SECONDS - 0.001)
    assert ask_urls(rig, path, 1).status == 200
    rig.later(0.001)
    response = ask_urls(rig, path, 1)
    assert is_problem(response, 409)
    assert "it is expired" in told(response)["detail"]


# ---------------------------------------------------------------- complete


def test_202_queues_the_session_and_wakes_a_worker(rig: Rig) -> None:
    path = rig.uploaded()
    response = complete(rig, path)
    assert response.status == 202
    assert told(response)["state"] == "queued"
    session = rig.kept(path)
    assert (session.state, session.checksum) == (SessionState.QUEUED, CHECKSUM)
    assert rig.queue.woken == [(session.name, 0)]
    assert rig.telemetry.lines[-1] == (
        "session completed",
        {"request_id": "request-1", "session": path[1:]},
    )


def test_the_record_says_queued_before_a_worker_is_woken(rig: Rig) -> None:
    """A worker that finds the session open takes its message for one that is done with."""
    path = rig.uploaded()
    rig.calls.clear()
    complete(rig, path)
    assert rig.calls == ["read-session", "received", "write-session", "wake"]


def test_the_checksum_may_be_told_at_either_end(rig: Rig) -> None:
    assert complete(rig, rig.uploaded(checksum=CHECKSUM), "").status == 202
    assert complete(rig, rig.uploaded(checksum=CHECKSUM), CHECKSUM).status == 202
    assert complete(rig, rig.uploaded(), CHECKSUM).status == 202


@pytest.mark.parametrize(
    ("opened_with", "told_now", "detail"),
    [
        (None, "", "composite SHA-256"),
        (None, "nonsense", "composite SHA-256"),
        (None, CHECKSUM[:-1] + "3", "which is 2"),
        (CHECKSUM, "nonsense", "composite SHA-256"),
        (CHECKSUM, OTHER_CHECKSUM, "opened with"),
    ],
)
def test_400_for_no_checksum_or_another_one(
    rig: Rig, opened_with: str | None, told_now: str, detail: str
) -> None:
    path = rig.uploaded(checksum=opened_with)
    before = rig.kept(path)
    response = complete(rig, path, told_now)
    assert is_problem(response, 400)
    assert detail in told(response)["detail"]
    assert (rig.kept(path), rig.queue.woken) == (before, [])


@pytest.mark.parametrize("document", [b"{", b"[]", b'{"checksum":1}', b"\xff"])
def test_400_for_what_completes_nothing(rig: Rig, document: bytes) -> None:
    path = rig.uploaded()
    assert is_problem(rig.send("POST", f"{path}/complete", document), 400)
    assert rig.kept(path).state is SessionState.OPEN


def test_409_names_the_parts_that_are_missing_and_the_session_stays_open(rig: Rig) -> None:
    path = rig.open()
    rig.put(path, 2)
    before = rig.kept(path)
    response = complete(rig, path)
    assert is_problem(response, 409)
    assert "1 of 2 parts of the upload are missing: 1." in told(response)["detail"]
    assert (rig.kept(path), rig.queue.woken) == (before, [])
    rig.put(path, 1)
    assert complete(rig, path).status == 202


def test_409_names_twenty_parts_and_counts_the_rest(rig: Rig) -> None:
    path = rig.open(size=30 * PART)
    detail = told(complete(rig, path, CHECKSUM[:-1] + "30"))["detail"]
    assert "30 of 30 parts" in detail
    assert "19, 20 and 10 more." in detail
    assert "21" not in detail


@pytest.mark.parametrize("content", [b"", b"too short", CONTENT[1] + b"!"])
def test_a_part_of_another_size_is_missing(rig: Rig, content: bytes) -> None:
    path = rig.uploaded()
    rig.staging.uploads[rig.kept(path).upload_id].parts[2] = content
    response = complete(rig, path)
    assert is_problem(response, 409)
    assert "missing: 2." in told(response)["detail"]
    assert told(rig.send("GET", path))["received"] == [1]


def test_409_for_an_upload_that_is_gone(rig: Rig) -> None:
    path = rig.uploaded()
    rig.staging.uploads.clear()
    response = complete(rig, path)
    assert is_problem(response, 409)
    assert "open another session" in told(response)["detail"]


@pytest.mark.parametrize("state", [SessionState.CANCELLED, SessionState.EXPIRED])
def test_409_for_completing_what_is_over(rig: Rig, state: SessionState) -> None:
    path = rig.uploaded()
    if state is SessionState.EXPIRED:
        rig.later(OPEN_SECONDS)
    else:
        rig.change(path, state=state)
    response = complete(rig, path)
    assert is_problem(response, 409)
    assert state.value in told(response)["detail"]
    assert rig.queue.woken == []


# ---------------------------------------------------------------- complete, again

HELD, LAPSED = 90.0, 0.0


@pytest.mark.parametrize(
    ("state", "lease", "wakes"),
    [
        (SessionState.QUEUED, None, True),
        (SessionState.FRAMING, HELD, False),
        (SessionState.FRAMING, LAPSED, True),
        (SessionState.PLACING, HELD, False),
        (SessionState.PLACING, LAPSED, True),
        (SessionState.PLACING, None, True),
    ],
)
def test_completing_twice_is_harmless_and_wakes_a_worker_where_none_is(
    rig: Rig, state: SessionState, lease: float | None, wakes: bool
) -> None:
    path = rig.completed()
    until = "" if lease is None else later(rig.now, lease)
    before = rig.change(path, state=state, lease_until=until)
    rig.queue.woken.clear()
    response = complete(rig, path)
    assert (response.status, told(response)["state"]) == (202, state.value)
    assert rig.queue.woken == ([(before.name, 0)] if wakes else [])
    assert rig.kept(path) == before


@pytest.mark.parametrize("checksum", [CHECKSUM, OTHER_CHECKSUM, ""])
def test_200_for_completing_what_is_final(rig: Rig, checksum: str) -> None:
    path = rig.completed()
    rig.finish(path)
    rig.queue.woken.clear()
    response = complete(rig, path, checksum)
    assert (response.status, told(response)["state"]) == (200, "final")
    assert rig.queue.woken == []


def test_what_is_at_work_does_not_expire(rig: Rig) -> None:
    path = rig.completed()
    rig.later(2 * OPEN_SECONDS)
    assert complete(rig, path).status == 202
    assert told(rig.send("GET", path))["state"] == "queued"
