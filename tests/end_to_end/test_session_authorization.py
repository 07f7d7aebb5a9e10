"""Who may do what with a store session, on a stack that asks for tokens."""

import uuid
from typing import Any

import pytest

from tests.end_to_end.answer import Answer
from tests.end_to_end.guarded import Guarded, wait_for
from tests.end_to_end.session_client import SessionClient, framed, make_small
from tests.end_to_end.test_protocol import FAILED, REFERENCED, reasons_in, uids_in
from tests.hostile.canary import PATIENT, find_canary

CHECKSUM = "A" * 43 + "=-1"
PARTS = {"parts": [{"number": 1, "sha256": "A" * 43 + "="}]}
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("POST", "/urls", PARTS),
    ("POST", "/complete", {"checksum": CHECKSUM}),
    ("GET", "/response", None),
    ("DELETE", "", None),
]


@pytest.fixture
def partition() -> str:
    return f"p-{uuid.uuid4().hex[:8]}"


def client(
    guarded: Guarded, partition: str, *scopes: str, subject: str = "modality-7"
) -> SessionClient:
    """Return a client of a partition whose token has these scopes; none of them, no token."""
    token = guarded.token(*scopes, partitions=(partition,), subject=subject) if scopes else None
    return SessionClient(
        lambda method, path, body: guarded.send(path, token, body, method),
        f"/partitions/{partition}",
    )


def final(sessions: SessionClient, identity: str) -> Any:
    """Wait until a worker has done; return the state."""
    return wait_for(
        lambda: (state := sessions.state(identity))["state"] == "final" and state, seconds=30.0
    )


def test_a_token_that_may_write_does_all_of_it(
    guarded: Guarded, partition: str, study: str
) -> None:
    sessions = client(guarded, partition, "write")
    identity = sessions.submit(framed(make_small(1, study), make_small(2, study)))

    assert final(sessions, identity)["status"] == 200
    answer = sessions.response(identity)
    stored = uids_in(answer, REFERENCED)
    assert (answer.status, len(stored)) == (200, 2)
    for uid in stored:
        head = guarded.client("s3").head_object(
            Bucket=guarded.environment["BUCKET"], Key=f"{partition}/instances/{uid}.dcm"
        )
        assert head["Metadata"]["subject"] == "modality-7"
    given_up = sessions.open(b"x").json()["id"]
    assert sessions.ask("DELETE", f"/{given_up}").json()["state"] == "cancelled"


@pytest.mark.proves("session:subject")
@pytest.mark.parametrize(("method", "aspect", "document"), REQUESTS)
def test_another_subjects_session_is_404_as_one_that_never_was(
    guarded: Guarded, partition: str, method: str, aspect: str, document: Any
) -> None:
    owner = client(guarded, partition, "write")
    other = client(guarded, partition, "write", subject="another")
    identity = owner.open(b"x").json()["id"]

    theirs = other.ask(method, f"/{identity}{aspect}", document)
    nobodys = other.ask(method, f"/{'0' * 32}{aspect}", document)

    assert theirs.status == nobodys.status == 404
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert owner.state(identity)["state"] == "open"


EVERY_REQUEST = [("POST", None, {}), *REQUESTS]
WRITING = [row for row in EVERY_REQUEST if row[0] != "GET"]


def ask(
    guarded: Guarded, partition: str, method: str, aspect: str | None, document: Any, *scopes: str
) -> Answer:
    """Ask for sessions, or for an open one of the same subject, with a token of these scopes."""
    identity = client(guarded, partition, "write").open(b"x").json()["id"]
    path = "" if aspect is None else f"/{identity}{aspect}"
    return client(guarded, partition, *scopes).ask(method, path, document)


@pytest.mark.parametrize(("method", "aspect", "document"), EVERY_REQUEST)
def test_401_without_a_token(
    guarded: Guarded, partition: str, method: str, aspect: str | None, document: Any
) -> None:
    answer = ask(guarded, partition, method, aspect, document)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stowage"'


@pytest.mark.parametrize(("method", "aspect", "document"), WRITING)
def test_403_for_changing_anything_with_a_token_that_may_only_read(
    guarded: Guarded, partition: str, method: str, aspect: str | None, document: Any
) -> None:
    answer = ask(guarded, partition, method, aspect, document, "read")

    assert answer.status == 403
    assert answer.headers["WWW-Authenticate"].endswith('error="insufficient_scope"')


def test_a_token_that_may_only_read_tells_its_own_subject_alone(
    guarded: Guarded, partition: str
) -> None:
    identity = client(guarded, partition, "write").open(b"x").json()["id"]
    own = client(guarded, partition, "read")
    other = client(guarded, partition, "read", subject="another")

    assert own.state(identity)["state"] == "open"
    assert other.ask("GET", f"/{identity}").status == 404


def test_403_for_the_sessions_of_another_partition(guarded: Guarded, partition: str) -> None:
    ours = client(guarded, partition, "write")
    identity = ours.open(b"x").json()["id"]
    token = guarded.token("write", partitions=("another",))

    for path in ("", f"/{identity}", f"/{identity}/response"):
        answer = guarded.send(
            f"{ours.service}/sessions{path}", token, method="GET" if path else "POST"
        )
        assert answer.status == 403


def test_what_another_subject_stored_is_not_replaced(
    guarded: Guarded, partition: str, study: str
) -> None:
    one = client(guarded, partition, "write")
    other = client(guarded, partition, "write", subject="another")
    first = one.submit(framed(make_small(1, study)))
    assert final(one, first)["status"] == 200
    second = other.submit(
        framed(make_small(1, study, pixels=b"\xe0\x7f\x10\x00OW\0\0\x02\0\0\0ab"))
    )

    assert final(other, second)["status"] == 409
    assert reasons_in(other.response(second), FAILED) == [0x0111]


def test_no_log_tells_of_a_patient_a_signed_url_or_a_token(
    guarded: Guarded, partition: str, study: str
) -> None:
    sessions = client(guarded, partition, "write")
    small = make_small(1, study, patient=PATIENT)
    identity = sessions.submit(framed(small, small[:-3], b"no file " + PATIENT.name))
    assert final(sessions, identity)["status"] == 202
    answer = sessions.response(identity)

    log = (guarded.directory / ".stowage" / "functions.log").read_text(encoding="utf-8")
    assert f'"session":"{identity}"' in log
    assert find_canary(log) is None
    assert find_canary(answer.body) is None
    for secret in ("X-Amz-", "x-amz-checksum", "uploadId", "Bearer ", "eyJ"):
        assert secret not in log
