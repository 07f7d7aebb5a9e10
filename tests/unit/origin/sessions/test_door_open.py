"""Opening a store session: what a Store request would be refused for is refused now."""

import json
from typing import Any

import pytest

from chalicelib.dicomweb.negotiation import ResponseFormat
from chalicelib.dicomweb.sessions import PartPlan, SessionState
from chalicelib.origin.sessions.model import SessionName
from tests.unit.origin.sessions.door_rig import (
    BASE,
    CHECKSUM,
    MULTIPART,
    PART,
    SIZE,
    SUBJECT,
    Rig,
    header,
    is_problem,
    opening,
    told,
)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def refused(rig: Rig, status: int, document: Any) -> Any:
    """Refuse to open a session; return the problem."""
    response = rig.send("POST", "", document)
    assert is_problem(response, status), response.body
    assert rig.sessions.sessions == {}
    assert rig.staging.uploads == {}
    return told(response)


# ---------------------------------------------------------------- what is opened


@pytest.mark.parametrize("partition", ["default", "clinic-1"])
def test_201_with_the_sessions_url_and_state(partition: str) -> None:
    rig = Rig(partition=partition)
    response = rig.send("POST", "", opening(resource="/studies/1.2.3"))
    identity = f"{1:032x}"
    assert response.status == 201
    assert header(response, "Location") == f"{BASE}{rig.path}/{identity}"
    assert header(response, "Content-Type") == "application/json"
    assert told(response) == {
        "id": identity,
        "state": "open",
        "resource": "/studies/1.2.3",
        "size": SIZE,
        "part_bytes": PART,
        "parts": 2,
        "opened": "2026-05-01T10:00:00.123Z",
        "expires": "2026-05-02T10:00:00.123Z",
        "received": [],
    }


def test_what_the_worker_needs_is_written_down(rig: Rig) -> None:
    headers = {
        "content-TYPE": MULTIPART,
        "Accept": 'multipart/related; type="application/dicom+xml"',
        "Stowage-Via": "0123456789abcdef, fedcba9876543210",
    }
    path = rig.open(resource="/studies/1.2.3/", headers=headers, checksum=CHECKSUM)
    session = rig.kept(path)
    assert session.name == SessionName("default", path[1:])
    assert session.subject == SUBJECT
    assert session.resource == "/studies/1.2.3"
    assert session.content_type == MULTIPART
    assert session.form is ResponseFormat.MULTIPART_XML
    assert session.plan == PartPlan(SIZE, PART)
    assert session.via == "0123456789abcdef,fedcba9876543210"
    assert session.checksum == CHECKSUM
    assert session.state is SessionState.OPEN
    assert rig.staging.uploads[session.upload_id].key == session.name.body_key


def test_the_hop_mark_of_the_opening_request_counts_where_the_store_request_has_none(
    rig: Rig,
) -> None:
    """A forwarder marks what it sends, whatever the request is for: circles must end here too."""
    marked = {"Stowage-Via": "fedcba9876543210"}
    opened = told(rig.send("POST", "", opening(), **marked))
    assert rig.kept(f"/{opened['id']}").via == "fedcba9876543210"
    headers = {"Content-Type": MULTIPART, "Stowage-Via": "0123456789abcdef"}
    opened = told(rig.send("POST", "", opening(headers=headers), **marked))
    assert rig.kept(f"/{opened['id']}").via == "0123456789abcdef"


def test_a_session_of_nobody_is_opened_where_nobody_is_asked(rig: Rig) -> None:
    assert rig.kept(rig.open(subject=None)).subject == ""


@pytest.mark.parametrize(
    "content_type",
    [
        MULTIPART,
        "application/dicom",
        "multipart/related; boundary=b; type=application/dicom",
        'Multipart/Related; type=Application/DICOM; boundary="a b"',
    ],
)
def test_a_body_of_dicom_files_is_taken(rig: Rig, content_type: str) -> None:
    path = rig.open(headers={"Content-Type": content_type})
    assert rig.kept(path).content_type == content_type


def test_an_identity_coding_is_none(rig: Rig) -> None:
    rig.open(headers={"Content-Type": MULTIPART, "Content-Encoding": "Identity"})


@pytest.mark.parametrize("size", [1, PART, PART + 1, 1 << 40])
def test_a_body_of_any_size_is_taken(rig: Rig, size: int) -> None:
    assert rig.kept(rig.open(size=size)).plan.size == size


def test_members_that_are_not_known_are_ignored(rig: Rig) -> None:
    rig.open(later={"more": [1]})


def test_a_session_that_is_opened_is_told_to_operators(rig: Rig) -> None:
    path = rig.open()
    assert rig.telemetry.lines == [
        (
            "session opened",
            {
                "request_id": "request-1",
                "session": path[1:],
                "partition": "default",
                "size": SIZE,
            },
        )
    ]


# ---------------------------------------------------------------- 400


@pytest.mark.parametrize(
    "document", ["", "{", "[]", "null", "7", '"/studies"', b"\xff\xfe", "[" * 100_000]
)
def test_400_for_what_is_no_document(rig: Rig, document: str | bytes) -> None:
    refused(rig, 400, document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resource", None),
        ("resource", 7),
        ("headers", None),
        ("headers", []),
        ("headers", "Content-Type: application/dicom"),
        ("headers", {"Content-Type": 7}),
        ("headers", {"Content-Type": ["application/dicom"]}),
        ("size", None),
        ("size", "1"),
        ("size", 1.0),
        ("size", True),
        ("size", 0),
        ("size", -1),
        ("checksum", 7),
    ],
)
def test_400_names_the_member_that_is_malformed(rig: Rig, name: str, value: object) -> None:
    document = opening()
    document.pop(name, None)
    if value is not None:
        document[name] = value
    assert name in refused(rig, 400, document)["detail"]


@pytest.mark.parametrize(
    "value",
    [
        "application/dicom\r\nX-Other: 1",
        'application/dicom; a="\x00"',
        'a/b; c="漢"',
        'application/dicom; a="\ud800"',
        "application/dicom; a=" + "x" * 20_000,
    ],
)
@pytest.mark.parametrize("field", ["Content-Type", "Accept", "Stowage-Via", "Other"])
def test_400_for_what_no_header_could_hold(rig: Rig, field: str, value: str) -> None:
    headers = {"Content-Type": MULTIPART, field: value}
    assert "headers" in refused(rig, 400, opening(headers=headers))["detail"]


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "/",
        "studies",
        "/series",
        "/studies//",
        "/studies/1.2.3/series/1.2.4",
        "/studies/../studies",
        "/studies/1.02",
        "/studies/" + "1" * 65,
        "/studies?accept=x",
        "/studiesque",
        "/partitions/other/studies",
        f"{BASE}/studies",
        "/sessions",
    ],
)
def test_400_for_a_resource_that_nothing_is_stored_to(rig: Rig, resource: str) -> None:
    assert "/studies" in refused(rig, 400, opening(resource=resource))["detail"]


@pytest.mark.parametrize(
    "checksum",
    ["-2", CHECKSUM[:-2], CHECKSUM[:-1] + "3", CHECKSUM + "0", CHECKSUM[1:], "0" * 64],
)
def test_400_for_what_is_no_composite_checksum_of_so_many_parts(rig: Rig, checksum: str) -> None:
    detail = refused(rig, 400, opening(checksum=checksum))["detail"]
    assert "composite SHA-256" in detail
    assert "which is 2" in detail


@pytest.mark.parametrize(
    "content_type", ["nonsense", 'multipart/related; type="application/dicom"']
)
def test_400_for_a_content_type_that_cannot_be_read(rig: Rig, content_type: str) -> None:
    assert (
        "Content-Type"
        in refused(rig, 400, opening(headers={"Content-Type": content_type}))["detail"]
    )


# ---------------------------------------------------------------- 406, 413, 415


@pytest.mark.parametrize("accept", ["text/html", "application/dicom+json;q=0", "image/*"])
def test_406_for_an_answer_that_there_is_not(rig: Rig, accept: str) -> None:
    refused(rig, 406, opening(headers={"Content-Type": MULTIPART, "Accept": accept}))


def test_406_for_no_accept_only_where_the_deployment_is_strict(rig: Rig) -> None:
    headers = {"Content-Type": MULTIPART}
    assert rig.open(headers=headers)
    refused(Rig(strict=True), 406, opening(headers=headers))


def test_406_comes_before_415_and_415_before_413() -> None:
    rig = Rig(max_bytes=10)
    wrong = {"Content-Type": "text/plain", "Accept": "text/html"}
    refused(rig, 406, opening(size=11, headers=wrong))
    refused(rig, 415, opening(size=11, headers={"Content-Type": "text/plain"}))
    refused(rig, 413, opening(size=11))


def test_413_names_the_limit_and_no_way_round_it() -> None:
    """Sessions are the way round the limit of a request; round their own there is none."""
    rig = Rig(max_bytes=SIZE)
    assert rig.open()
    response = rig.send("POST", "", opening(size=SIZE + 1))
    assert is_problem(response, 413)
    assert told(response)["limit"] == {"name": "max_session_bytes", "value": SIZE}
    assert "sessions" not in told(response)
    assert header(response, "Link") is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=b"},
        {"Content-Type": "application/dicom+json"},
        {"Content-Type": "application/dicom+xml"},
        {"Content-Type": 'multipart/related; type="application/dicom+json"; boundary=b'},
        {"Content-Type": 'multipart/related; type="application/dicom+xml"; boundary=b'},
        {"Content-Type": MULTIPART, "Content-Encoding": "gzip"},
        {"Content-Type": MULTIPART, "content-encoding": "identity, gzip"},
    ],
    ids=str,
)
def test_415_for_what_a_session_does_not_take(rig: Rig, headers: dict[str, str]) -> None:
    refused(rig, 415, opening(headers=headers))


def test_no_refusal_repeats_what_was_sent(rig: Rig) -> None:
    canary = "Canary^Name"
    for document in (
        opening(resource=f"/studies/{canary}"),
        opening(checksum=canary),
        opening(headers={"Content-Type": canary}),
        opening(headers={"Content-Type": MULTIPART, "Accept": canary}),
        opening(size=canary),
        json.dumps({canary: canary}),
    ):
        assert canary not in rig.send("POST", "", document).body
    assert canary not in str(rig.telemetry.lines)
