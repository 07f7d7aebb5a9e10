"""Events that a misconfigured gateway sends: bytes that may be lost are never stored."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest

from infra.local.gateway_event import GatewayRequest, Match, make_event
from tests.hostile.canary import PATIENT, find_canary
from tests.hostile.cases import MULTIPART, good_file, join_parts
from tests.hostile.door import Door

PARTITION = "misconfigured"


def event_of(payload: bytes, *, is_binary: bool = True, **changes: Any) -> dict[str, Any]:
    """The event of a POST of this body, then changed."""
    request = GatewayRequest(
        "POST", f"/partitions/{PARTITION}/studies", (("Content-Type", MULTIPART),), payload
    )
    match = Match("/partitions/{partition}/studies", {"partition": PARTITION})
    now = datetime(2026, 5, 1, tzinfo=UTC)
    event = make_event(
        request, match, is_binary=is_binary, stage="api", now=now, request_id="request-1"
    )
    return {**event, **changes}


GOOD = join_parts(good_file("misconfigured"))
AS_TEXT = PATIENT.name.decode()


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (event_of(GOOD, is_binary=False), HTTPStatus.INTERNAL_SERVER_ERROR),
        (event_of(GOOD, isBase64Encoded=None), HTTPStatus.INTERNAL_SERVER_ERROR),
        (event_of(GOOD, body=AS_TEXT), HTTPStatus.INTERNAL_SERVER_ERROR),
        (event_of(GOOD, body="====", isBase64Encoded=True), HTTPStatus.INTERNAL_SERVER_ERROR),
        (event_of(GOOD, body="caf\u00e9"), HTTPStatus.INTERNAL_SERVER_ERROR),
        (
            event_of(GOOD, body=f"\ud800{AS_TEXT}", isBase64Encoded=False),
            HTTPStatus.INTERNAL_SERVER_ERROR,
        ),
        (event_of(GOOD, body=None), HTTPStatus.BAD_REQUEST),
        (event_of(GOOD, body=""), HTTPStatus.BAD_REQUEST),
        (event_of(b""), HTTPStatus.BAD_REQUEST),
        (event_of(GOOD, multiValueHeaders=None, headers=None), HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ],
    ids=[
        "body is not base64",
        "nobody says whether it is base64",
        "base64 promised, text sent",
        "base64 of padding alone",
        "base64 promised, other letters sent",
        "half a surrogate pair",
        "no body",
        "empty body",
        "no body that is said to be none",
        "no headers",
    ],
)
def test_an_event_without_its_bytes_stores_nothing(
    event: dict[str, Any], status: HTTPStatus, door: Door
) -> None:
    before = door.output_size()

    answer = door.command("call", event=event)

    assert answer["statusCode"] == status
    assert find_canary(repr(answer)) is None
    assert find_canary(door.output()[before:]) is None
    assert door.count(f"{PARTITION}/") == 0


def test_the_same_event_with_its_bytes_is_stored(door: Door) -> None:
    event = event_of(GOOD, pathParameters={"partition": f"{PARTITION}-not"})

    assert door.command("call", event=event)["statusCode"] == HTTPStatus.OK
