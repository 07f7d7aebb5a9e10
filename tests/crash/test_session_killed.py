"""The worker of a store session is killed between each two steps; another one completes it."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest
import urllib3

from chalicelib.dicomweb.sessions import composite_checksum
from tests.crash.conftest import (
    CONTENT_TYPE,
    FILES,
    SENT,
    Call,
    Case,
    EachKill,
    Product,
    framed,
)

WORKING = [
    "s3.CompleteMultipartUpload",
    "s3.PutObject",
    *["s3.PutObject"] * len(FILES),
    "dynamodb.BatchWriteItem",
    "eventbridge.PutEvents",
    "s3.PutObject",
    "s3.PutObject",
    "s3.DeleteObjects",
]
"""What a worker changes, beside the session's record: joins the body, writes a framing page, the
instances with records and an event, their outcomes, the answer, and cleans up."""


def send(product: Product, case: Case, files: Sequence[bytes]) -> str:
    """Open, upload and complete a session; return its id."""
    body = framed(files)
    opened = product.ask_session(
        case,
        "POST",
        resource="/studies",
        headers={"Content-Type": CONTENT_TYPE, "Accept": "application/dicom+json"},
        size=len(body),
    )
    session, digest = opened["id"], sha256(body).digest()
    wanted = {"number": 1, "sha256": b64encode(digest).decode()}
    answer = product.ask_session(case, "POST", session, "urls", parts=[wanted])
    [part] = answer["parts"]
    put = urllib3.request("PUT", part["url"], body=body, headers=part["headers"])
    assert put.status == 200
    checksum = composite_checksum([digest])
    product.ask_session(case, "POST", session, "complete", checksum=checksum)
    return str(session)


def answer_of(product: Product, case: Case, session: str) -> Any:
    state = product.ask_session(case, "GET", session)
    assert state["state"] == "final"
    return state["status"], product.ask_session(case, "GET", session, "response")


def listed(module: Any) -> list[str]:
    return [item["00081155"]["Value"][0] for item in module["00081199"]["Value"]]


def test_an_unharmed_worker_makes_these_steps(product: Product, case: Case) -> None:
    session = send(product, case, SENT)
    [call] = product.consume("IngestQueue")
    changes = [one for one in call.calls if one in WORKING]
    assert changes == WORKING
    status, module = answer_of(product, case, session)
    assert (status, listed(module)) == (200, list(FILES))
    case.assert_stored(FILES)
    product.consume("ReconcileQueue", "ValidateQueue", "IndexQueue")
    case.assert_kept(FILES)
    case.assert_judged(FILES)


def test_what_a_killed_worker_left_is_completed_by_another(
    product: Product, each_kill: EachKill
) -> None:
    sessions: dict[str, str] = {}

    def attempt(case: Case, **kill: int) -> Call:
        sessions[case.partition] = send(product, case, SENT)
        return product.consume("IngestQueue", **kill)[0]

    def check(case: Case, _: Call) -> None:
        status, module = answer_of(product, case, sessions[case.partition])
        assert (status, listed(module)) == (200, list(FILES))
        product.hear()
        case.assert_announced(FILES)

    each_kill(attempt, check)


@pytest.mark.parametrize("cut", [1, 6, 300])
def test_a_body_cut_short_stores_nothing(product: Product, case: Case, cut: int) -> None:
    body = framed(SENT)
    broken = body.removesuffix(b"--b--\r\n") if cut == 1 else body[:-cut]
    whole = broken.split(b"--b\r\nContent-Type: application/dicom\r\n\r\n")
    assert len(whole) > 1
    opened = product.ask_session(
        case,
        "POST",
        resource="/studies",
        headers={"Content-Type": CONTENT_TYPE},
        size=len(broken),
    )
    session, digest = opened["id"], sha256(broken).digest()
    wanted = {"number": 1, "sha256": b64encode(digest).decode()}
    [part] = product.ask_session(case, "POST", session, "urls", parts=[wanted])["parts"]
    urllib3.request("PUT", part["url"], body=broken, headers=part["headers"])
    checksum = composite_checksum([digest])
    product.ask_session(case, "POST", session, "complete", checksum=checksum)
    product.consume("IngestQueue")
    state = product.ask_session(case, "GET", session)
    assert (state["state"], state["status"]) == ("final", 400)
    assert case.objects() == []
