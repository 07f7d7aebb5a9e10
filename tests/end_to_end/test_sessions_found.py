"""How a client finds store sessions: by a 413, and by what the service says of itself."""

import re
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from infra.local.stack import LocalStack
from tests.builders_dicom import PIXEL_DATA, Uids, element, make_file
from tests.end_to_end.conftest import Answer, Post
from tests.end_to_end.session_client import (
    MULTIPART,
    SessionClient,
    answered,
    client_of,
    framed,
)
from tests.end_to_end.test_protocol import JSON, OTHER, REFERENCED, uids_in

WADL = "application/vnd.sun.wadl+xml"
LINK = re.compile(r'<([^>]+)>; rel="urn:stowage:store-sessions"')


def linked(answer: Answer) -> str:
    """Return the URL that a 413 links to, in its header and its body alike."""
    found = LINK.fullmatch(answer.headers["Link"])
    assert found is not None
    assert answer.json()["sessions"] == found[1]
    return found[1]


def follow(stack: LocalStack, post: Post, url: str) -> SessionClient:
    """Return a client of the sessions at a URL of the stack."""
    assert url.startswith(f"{stack.url}/")
    return client_of(post, urlsplit(url).path.removesuffix("/sessions"))


@pytest.mark.parametrize("size", [5_000_000, 10_500_000], ids=["lambda", "gateway"])
def test_the_link_of_the_gateways_413_leads_to_where_the_body_is_taken(
    local_stack: LocalStack, post: Post, size: int
) -> None:
    uids = Uids.of("sessions", "too large", size, local_stack.url)
    pixels = element(PIXEL_DATA, "OW", bytes(size))
    body = framed(make_file(uids).with_elements(pixels).encode())
    refused = post("/studies", body, {"Content-Type": MULTIPART, "Accept": JSON})
    assert refused.status == 413
    assert refused.json()["limit"] == {"name": "max_body_bytes", "value": 4_690_000}
    assert linked(refused) == f"{local_stack.url}/sessions"

    sessions = follow(local_stack, post, linked(refused))
    answer = answered(local_stack, sessions, sessions.submit(body))

    assert (answer.status, uids_in(answer, REFERENCED)) == (200, [uids.instance])


def test_the_link_of_our_own_413_leads_to_the_sessions_of_the_partition(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    body = framed(*[b"x"] * 501)
    path = f"/partitions/{partition}/studies"
    refused = post(path, body, {"Content-Type": MULTIPART, "Accept": JSON})
    assert (refused.status, refused.json()["limit"]["name"]) == (413, "max_parts")
    assert linked(refused) == f"{local_stack.url}/partitions/{partition}/sessions"

    sessions = follow(local_stack, post, linked(refused))
    answer = answered(local_stack, sessions, sessions.submit(body))

    assert answer.status == 409
    assert len(answer.json()[OTHER]["Value"]) == 501


@pytest.mark.parametrize("named", [False, True], ids=["default", "named"])
def test_capabilities_tell_the_limits_and_where_sessions_are(
    local_stack: LocalStack, post: Post, partition: str, named: bool
) -> None:
    service = f"/partitions/{partition}" if named else ""
    described = post(f"{service}/studies", headers={"Accept": WADL}, method="OPTIONS")

    docs = {doc.get("title"): str(doc.text) for doc in ElementTree.fromstring(described.body)}
    limits = {
        name: docs[f"Limit {name}"].partition(":")[0]
        for name in ("max_body_bytes", "max_session_bytes", "max_session_parts")
    }
    assert limits == {
        "max_body_bytes": "4690000",
        "max_session_bytes": str(1 << 40),
        "max_session_parts": "100000",
    }
    assert docs["Store sessions"].startswith(f"{local_stack.url}{service}/sessions: ")


def test_413_for_a_session_that_is_too_large_names_the_limit(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    document = {"resource": "/studies", "headers": {"Content-Type": MULTIPART}}
    sessions = client_of(post, f"/partitions/{partition}")
    assert sessions.ask("POST", "", {**document, "size": 1 << 40}).json()["parts"] == 1000
    refused = sessions.ask("POST", "", {**document, "size": (1 << 40) + 1})

    assert refused.status == 413
    assert refused.json()["limit"] == {"name": "max_session_bytes", "value": 1 << 40}
    assert refused.headers["Link"] is None
