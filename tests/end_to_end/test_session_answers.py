"""A session's answer is the one that the same body gets by ``POST /studies``, byte by byte."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, make_file
from tests.end_to_end.conftest import Answer, Post
from tests.end_to_end.session_client import (
    JSON,
    MULTIPART,
    SessionClient,
    answered,
    client_of,
    framed,
    make_image,
    make_small,
)
from tests.end_to_end.test_protocol import FAILED, OTHER, REFERENCED, XML, reasons_in, uids_in

DICOMDIR = "1.2.840.10008.1.3.10"
FIELDS = ("Content-Type", "Location", "Content-Location", "Retry-After")
"""Header fields of an answer that depend on what became of a body."""


@pytest.fixture
def sessions(post: Post, partition: str) -> SessionClient:
    """A client of a service that nothing was stored to."""
    return client_of(post, f"/partitions/{partition}")


def mixed(study: str) -> bytes:
    """3 MB of which something becomes of everything that can become of a part."""
    images = [make_image(number, study)[1] for number in range(5)]
    return framed(
        *images,
        images[0],
        make_image(1, study, shade=7)[1],
        images[2][:-1001],
        b"no file at all",
        b"",
        make_file(Uids(f"{study}.9", study, f"{study}.8", DICOMDIR)).encode(),
        make_small("of another study", f"{study}.1"),
        make_small("last", study),
    )


ANSWERED = {
    "mixed": mixed,
    "one": lambda study: framed(make_small("one", study)),
    "of two studies": lambda study: framed(make_small(1, study), make_small(2, f"{study}.1")),
    "nothing stored": lambda study: framed(b"no file", make_small("cut", study)[:-3]),
    "preamble": lambda study: b"preamble\r\n" + framed(make_small("one", study)) + b"epilogue",
}
REFUSED = {
    "no part": lambda study: framed(),
    "no multipart": lambda study: b"no multipart body",
    "cut short": lambda study: framed(make_small("one", study))[:-12],
}


def without_names(answer: Answer, partition: str) -> tuple[int, dict[str, str | None], bytes]:
    """What must be the same for every partition."""
    fields = {name: answer.headers[name] for name in FIELDS}
    named = {name: value and value.replace(partition, "P") for name, value in fields.items()}
    return answer.status, named, answer.body.replace(partition.encode(), b"P")


def by_both(
    local_stack: LocalStack, post: Post, body: bytes, accept: str = JSON, resource: str = "/studies"
) -> Iterator[tuple[Answer, str]]:
    """Yield the answer to a session and the answer to a request, each of a new partition."""
    one, other = (f"p-{uuid.uuid4().hex[:12]}" for _ in range(2))
    sessions = client_of(post, f"/partitions/{one}")
    identity = sessions.submit(body, resource=resource, headers={"Accept": accept})
    yield answered(local_stack, sessions, identity), one
    headers = {"Content-Type": MULTIPART, "Accept": accept}
    yield post(f"/partitions/{other}{resource}", body, headers), other


def without_request_id(answer: Answer) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert problem.pop("request_id")
    return problem


@pytest.mark.proves("session:same-answer")
@pytest.mark.parametrize("name", ANSWERED)
def test_the_answer_is_the_small_doors_byte_by_byte(
    local_stack: LocalStack, post: Post, study: str, name: str
) -> None:
    (by_session, one), (by_request, other) = by_both(local_stack, post, ANSWERED[name](study))

    assert without_names(by_session, one) == without_names(by_request, other)


@pytest.mark.proves("session:broken-payload")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_body_is_refused_as_by_the_small_door(
    local_stack: LocalStack, post: Post, study: str, name: str
) -> None:
    (by_session, _), (by_request, _) = by_both(local_stack, post, REFUSED[name](study))

    assert by_session.status == by_request.status == 400
    assert by_session.headers["Content-Type"] == "application/problem+json"
    assert without_request_id(by_session) == without_request_id(by_request)


def test_everything_became_of_something_in_the_mixed_body(
    local_stack: LocalStack, sessions: SessionClient, study: str
) -> None:
    """What the comparison above compares."""
    answer = answered(local_stack, sessions, sessions.submit(mixed(study)))

    assert answer.status == 202
    assert len(uids_in(answer, REFERENCED)) == 8
    assert sorted(reasons_in(answer, FAILED)) == [0x0111, 0x0122, 0xC002]
    assert reasons_in(answer, OTHER) == [0xC001, 0xC001]


def test_the_study_resource_takes_its_own_instances_alone(
    local_stack: LocalStack, post: Post, study: str
) -> None:
    body = framed(make_small("ours", study), make_small("theirs", f"{study}.1"))
    (by_session, one), (by_request, other) = by_both(
        local_stack, post, body, resource=f"/studies/{study}"
    )

    assert reasons_in(by_session, FAILED) == [0xA901]
    assert without_names(by_session, one) == without_names(by_request, other)


@pytest.mark.parametrize(
    "accept",
    [
        JSON,
        XML,
        f'multipart/related; type="{JSON}"',
        f'multipart/related; type="{XML}"',
        f"{XML};q=0.5, {JSON};q=0.4",
        "*/*",
    ],
)
def test_the_answer_has_the_form_that_was_asked_for(
    local_stack: LocalStack, post: Post, study: str, accept: str
) -> None:
    body = framed(make_small("one", study), b"no file", make_small("two", study))
    (by_session, one), (by_request, other) = by_both(local_stack, post, body, accept)

    assert by_session.status == 202
    assert without_names(by_session, one) == without_names(by_request, other)


def test_a_body_that_is_one_file_needs_no_multipart(
    local_stack: LocalStack, sessions: SessionClient, study: str
) -> None:
    uid, content = make_image("single", study)
    kind = {"Content-Type": "application/dicom"}
    answer = answered(local_stack, sessions, sessions.submit(content, headers=kind))

    assert (answer.status, uids_in(answer, REFERENCED)) == (200, [uid])


@pytest.mark.proves("session:same-instances")
def test_what_was_stored_by_a_request_is_the_same_by_a_session_and_back(
    local_stack: LocalStack, sessions: SessionClient, post: Post, study: str
) -> None:
    same, other = make_image(1, study)[1], make_image(1, study, shade=1)[1]
    path, headers = f"{sessions.service}/studies", {"Content-Type": MULTIPART, "Accept": JSON}
    assert post(path, framed(same), headers).status == 200

    again = answered(local_stack, sessions, sessions.submit(framed(same)))
    differs = answered(local_stack, sessions, sessions.submit(framed(other)))

    assert again.status == 200
    assert (differs.status, reasons_in(differs, FAILED)) == (409, [0x0111])
    assert post(path, framed(other), headers).body == differs.body


EARLY = {
    "no type of an answer": ({"Accept": "text/html"}, 406),
    "no type of a payload": ({"Content-Type": "text/plain"}, 415),
    "no boundary": ({"Content-Type": 'multipart/related; type="application/dicom"'}, 400),
}
"""Header fields that a Store request is refused for, whatever its payload."""


@pytest.mark.proves("session:refused-early")
@pytest.mark.parametrize("name", EARLY)
def test_what_a_request_is_refused_for_unread_opens_no_session(
    sessions: SessionClient, post: Post, study: str, name: str
) -> None:
    fields, status = EARLY[name]
    body = framed(make_small("one", study))
    by_request = post("/studies", body, {"Content-Type": MULTIPART, "Accept": JSON, **fields})
    opened = sessions.open(body, headers=fields)

    assert opened.status == by_request.status == status
    assert without_request_id(opened) == without_request_id(by_request)
