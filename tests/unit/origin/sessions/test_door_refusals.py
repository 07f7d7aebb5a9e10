"""Who is told nothing, what is not offered, what fails around the door, and what never leaks."""

from collections.abc import Callable

import pytest

from chalicelib.dicomweb.messages import HttpResponse
from chalicelib.dicomweb.sessions import SessionState, decode_status, decode_urls
from chalicelib.origin.ports import Conflict, Unavailable
from chalicelib.origin.sessions.door import MAX_ANSWER_BYTES
from tests.unit.origin.sessions.door_rig import (
    CHECKSUM,
    SUBJECT,
    Rig,
    digest,
    header,
    is_problem,
    opening,
    told,
)

Ask = Callable[[Rig, str, str | None], HttpResponse]
PARTS = {"parts": [{"number": 1, "sha256": digest(b"")}]}
REQUESTS: dict[str, Ask] = {
    "state": lambda rig, path, subject: rig.send("GET", path, subject=subject),
    "cancel": lambda rig, path, subject: rig.send("DELETE", path, subject=subject),
    "urls": lambda rig, path, subject: rig.send("POST", f"{path}/urls", PARTS, subject),
    "complete": lambda rig, path, subject: rig.send(
        "POST", f"{path}/complete", {"checksum": CHECKSUM}, subject
    ),
    "response": lambda rig, path, subject: rig.send("GET", f"{path}/response", subject=subject),
}
every_request = pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)


@pytest.fixture
def rig() -> Rig:
    return Rig()


# ---------------------------------------------------------------- whose session it is


@every_request
@pytest.mark.parametrize(
    ("owner", "other"),
    [(SUBJECT, "another"), (SUBJECT, None), (SUBJECT, SUBJECT.upper()), (None, SUBJECT)],
)
@pytest.mark.parametrize("state", [SessionState.OPEN, SessionState.FINAL])
def test_another_subjects_session_is_one_that_never_was(
    rig: Rig, ask: Ask, owner: str | None, other: str | None, state: SessionState
) -> None:
    path = rig.open(subject=owner)
    before = rig.change(path, state=state)
    response = ask(rig, path, other)
    assert is_problem(response, 404)
    assert response == ask(rig, f"/{'f' * 32}", other)
    assert (rig.kept(path), rig.queue.woken) == (before, [])


@every_request
def test_another_partitions_session_is_one_that_never_was(ask: Ask) -> None:
    rig = Rig(partition="one")
    path = rig.open()
    rig.partition = "other"
    response = ask(rig, path, SUBJECT)
    assert is_problem(response, 404)
    assert response == ask(rig, f"/{'f' * 32}", SUBJECT)


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        f"/{'F' * 32}",
        f"/{'0' * 31}",
        f"/{'0' * 33}",
        f"/{'0' * 32}/other",
        f"/{'0' * 32}/urls/1",
        f"/{'0' * 32}//",
        "//",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
def test_404_for_what_is_no_resource(rig: Rig, method: str, path: str) -> None:
    assert is_problem(rig.send(method, path), 404)
    assert rig.calls == []


# ---------------------------------------------------------------- methods

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
ALLOWED = {
    "": {"POST"},
    f"/{'0' * 32}": {"GET", "DELETE"},
    f"/{'0' * 32}/urls": {"POST"},
    f"/{'0' * 32}/complete": {"POST"},
    f"/{'0' * 32}/response": {"GET"},
}
WRONG = [(path, method) for path, right in ALLOWED.items() for method in sorted(METHODS - right)]


@pytest.mark.parametrize(("path", "method"), WRONG)
def test_405_says_which_methods_there_are(rig: Rig, path: str, method: str) -> None:
    response = rig.send(method, path)
    assert is_problem(response, 405)
    allow = header(response, "Allow") or ""
    assert set(allow.split(", ")) == ALLOWED[path] | {"OPTIONS"}
    assert allow in told(response)["detail"]
    assert rig.calls == []


@pytest.mark.parametrize("path", ALLOWED)
def test_options_say_it_too(rig: Rig, path: str) -> None:
    response = rig.send("OPTIONS", path)
    assert response.status == 200
    assert set((header(response, "Allow") or "").split(", ")) == ALLOWED[path] | {"OPTIONS"}


# ---------------------------------------------------------------- what fails around the door


def ask_to_open(rig: Rig, path: str, subject: str | None) -> HttpResponse:
    return rig.send("POST", "", opening(), subject)


CALLS: list[tuple[str, Ask, str]] = [
    ("open", ask_to_open, "begin"),
    ("open", ask_to_open, "write-session"),
    ("state", REQUESTS["state"], "read-session"),
    ("state", REQUESTS["state"], "received"),
    ("cancel", REQUESTS["cancel"], "read-session"),
    ("cancel", REQUESTS["cancel"], "write-session"),
    ("urls", REQUESTS["urls"], "read-session"),
    ("complete", REQUESTS["complete"], "read-session"),
    ("complete", REQUESTS["complete"], "received"),
    ("complete", REQUESTS["complete"], "write-session"),
    ("response", REQUESTS["response"], "read-session"),
]
every_call = pytest.mark.parametrize(
    ("ask", "call"), [row[1:] for row in CALLS], ids=[f"{row[0]}-{row[2]}" for row in CALLS]
)


@every_call
@pytest.mark.parametrize("error", [Unavailable("SlowDown"), Conflict("another version")], ids=str)
def test_503_says_when_to_ask_again_and_nothing_has_changed(
    rig: Rig, ask: Ask, call: str, error: Exception
) -> None:
    path = rig.uploaded()
    before = dict(rig.sessions.sessions)
    rig.failing = {call: error}
    response = ask(rig, path, SUBJECT)
    assert is_problem(response, 503)
    assert header(response, "Retry-After") == "5"
    assert told(response)["retryable"] is True
    assert (rig.sessions.sessions, rig.queue.woken) == (before, [])
    rig.failing = {}
    assert ask(rig, path, SUBJECT).status != 503


def test_503_for_an_answer_that_cannot_be_read_now(rig: Rig) -> None:
    path = rig.completed()
    rig.finish(path)
    rig.failing = {"get": Unavailable("SlowDown")}
    response = REQUESTS["response"](rig, path, SUBJECT)
    assert is_problem(response, 503)
    assert header(response, "Retry-After") == "5"


def test_completing_again_wakes_the_worker_that_could_not_be_woken(rig: Rig) -> None:
    path = rig.uploaded()
    rig.failing = {"wake": Unavailable("RequestThrottled")}
    assert is_problem(REQUESTS["complete"](rig, path, SUBJECT), 503)
    assert (rig.kept(path).state, rig.queue.woken) == (SessionState.QUEUED, [])
    rig.failing = {}
    assert REQUESTS["complete"](rig, path, SUBJECT).status == 202
    assert rig.queue.woken == [(rig.kept(path).name, 0)]


def test_cancelling_again_deletes_parts_that_could_not_be_deleted(rig: Rig) -> None:
    path = rig.uploaded()
    rig.failing = {"abort": Unavailable("SlowDown")}
    assert is_problem(REQUESTS["cancel"](rig, path, SUBJECT), 503)
    assert rig.staging.uploads
    rig.failing = {}
    assert told(REQUESTS["cancel"](rig, path, SUBJECT))["state"] == "cancelled"
    assert rig.staging.uploads == {}


def test_of_two_that_complete_and_cancel_one_is_told_to_ask_again(rig: Rig) -> None:
    """The other has written between this one's read and its write."""
    path = rig.uploaded()
    rig.at["write-session"] = lambda: rig.change(path, state=SessionState.CANCELLED)
    assert is_problem(REQUESTS["complete"](rig, path, SUBJECT), 503)
    assert rig.queue.woken == []
    assert is_problem(REQUESTS["complete"](rig, path, SUBJECT), 409)


# ---------------------------------------------------------------- what never leaks

CANARY = "https://signed.example/?X-Amz-Signature=0123 Canary^Name"


@pytest.mark.parametrize(
    ("ask", "call"),
    [*(row[1:] for row in CALLS), (REQUESTS["complete"], "wake"), (REQUESTS["cancel"], "abort")],
)
@pytest.mark.parametrize("error", [RuntimeError(CANARY), KeyError(CANARY), ValueError(CANARY)])
def test_500_for_what_nobody_foresaw_tells_nothing_of_it(
    rig: Rig, ask: Ask, call: str, error: Exception
) -> None:
    path = rig.uploaded()
    rig.failing = {call: error}
    response = ask(rig, path, SUBJECT)
    assert is_problem(response, 500)
    said = f"{response} {rig.telemetry.lines}"
    assert "Canary" not in said
    assert "signed.example" not in said
    assert ("request failed", {"error": type(error).__name__, "request_id": "request-1"}) in (
        rig.telemetry.lines
    )


def test_no_problem_and_no_line_tells_a_subject_or_a_url(rig: Rig) -> None:
    subject = "Subject^Canary"
    path = rig.open(subject)
    answers = [ask(rig, path, who) for ask in REQUESTS.values() for who in ("other", None)]
    answers += [REQUESTS[name](rig, path, subject) for name in ("complete", "response")]
    signed = told(REQUESTS["urls"](rig, path, subject))["parts"][0]["url"]
    rig.finish(path, size=MAX_ANSWER_BYTES + 1)
    link = header(REQUESTS["response"](rig, path, subject), "Location")
    answers += [REQUESTS[name](rig, path, subject) for name in ("urls", "cancel")]
    assert {answer.status for answer in answers} == {404, 409}
    said = f"{answers} {rig.telemetry.lines}"
    for secret in (subject, signed, link, "memory:"):
        assert secret
        assert secret not in said


def test_what_a_client_reads_shows_no_url_when_it_is_printed(rig: Rig) -> None:
    path = rig.open()
    urls = decode_urls(REQUESTS["urls"](rig, path, SUBJECT).body)
    rig.finish(path, size=MAX_ANSWER_BYTES + 1)
    status = decode_status(REQUESTS["state"](rig, path, SUBJECT).body)
    assert status.response_url.startswith("memory:")
    assert "memory:" not in f"{urls} {status}"
