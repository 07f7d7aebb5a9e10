"""Exceptions nobody foresaw, whose texts tell of a patient: no traceback carries them anywhere."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from tests.hostile.answers import FAILURE_REASON, items, value
from tests.hostile.canary import find_canary
from tests.hostile.cases import Sequence, good_file, join_parts
from tests.hostile.conftest import Evidence
from tests.hostile.door import Door
from tests.hostile.test_events import event_of

SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR
UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ("intake", SERVER_ERROR),
        ("encode", SERVER_ERROR),
        ("put", UNAVAILABLE),
        ("record", UNAVAILABLE),
        ("record-write", UNAVAILABLE),
        ("announce", HTTPStatus.OK),
    ],
)
def test_an_error_in_a_request_is_told_by_type_and_place_alone(
    where: str, status: HTTPStatus, door: Door
) -> None:
    event = event_of(join_parts(good_file("fault", where)))
    event["pathParameters"] = {"partition": f"fault-{where}"}
    before = door.output_size()

    answer = door.command("call", event=event, sabotage=where)
    printed = door.output()[before:]

    assert answer["statusCode"] == status
    assert find_canary(repr(answer)) is None
    assert find_canary(printed) is None
    assert b"RuntimeError" in printed
    if status is SERVER_ERROR:
        problem = json.loads(answer["body"])
        assert problem["retryable"] is True
        assert problem["request_id"].encode() in printed


@pytest.mark.parametrize("where", ["put", "record", "record-write"])
def test_what_may_not_be_stored_is_not_promised(where: str, door: Door) -> None:
    part = good_file("not promised", where)
    event = event_of(join_parts(part))
    event["pathParameters"] = {"partition": f"unpromised-{where}"}

    module = json.loads(door.command("call", event=event, sabotage=where)["body"])
    [item] = items(module, Sequence.FAILED)
    assert value(item, FAILURE_REASON) in (0x0110, 0xA700, 0xA701)
    assert items(module, Sequence.REFERENCED) == []


@pytest.mark.parametrize(
    ("function", "where"),
    [
        ("validate_instances", "validate"),
        ("index_instances", "index"),
        ("reconcile_objects", "reconcile"),
    ],
)
def test_an_error_in_a_consumer_is_told_by_type_alone(
    function: str, where: str, door: Door, evidence: Evidence
) -> None:
    event: dict[str, Any] = notification() if where == "reconcile" else delivered(door)
    before = door.output_size()

    answer = door.command("deliver", function=function, event=event, sabotage=where)
    printed = door.output()[before:]

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == [
        record["messageId"] for record in event["Records"]
    ]
    assert b"RuntimeError" in printed
    assert find_canary(printed) is None


def delivered(door: Door) -> dict[str, Any]:
    """An event that a consumer was given before."""
    event: dict[str, Any] = json.loads(door.messages().splitlines()[0])[0]
    return event


def notification() -> dict[str, Any]:
    """An event that tells reconcile of an object."""
    key = "default/instances/2.25.1.dcm"
    created = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}}
    return {
        "Records": [
            {
                "messageId": "message-1",
                "receiptHandle": "receipt-1",
                "body": json.dumps({"Records": [created]}),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:stowage-reconcile",
                "awsRegion": "us-east-1",
            }
        ]
    }
