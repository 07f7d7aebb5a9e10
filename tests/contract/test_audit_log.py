"""What every AuditLog does, and what the one on CloudWatch Logs does when that does not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.cloudwatch_logs import CALL_BYTES, CloudWatchAuditLog
from chalicelib.origin.audit import Action, AuditLog, Transfer
from chalicelib.origin.ports import Unavailable
from tests.contract.conftest import REGION
from tests.fakes.audit import MemoryAuditLog


def now() -> datetime:
    return datetime.now(UTC)


def make_transfer(number: int = 0, padding: int = 0) -> Transfer:
    return Transfer(
        message_id=f"message-{number}",
        event_id="event-1",
        occurred="2026-05-01T10:00:01Z",
        request_id="request-1",
        cause="stored",
        action=Action.CREATED,
        sender="modality-7",
        destination="https://pacs.example",
        patient_id="P" + "日" * padding,
        study="1.2",
        sop_classes=(("1.2.3", ("1.2.3.4",)),),
    )


class Kept:
    """An AuditLog, and the ids of what it kept."""

    def __init__(self, kind: str, request: pytest.FixtureRequest, name: str) -> None:
        self.log: AuditLog = MemoryAuditLog()
        if kind == "aws":
            request.getfixturevalue("aws")
            self._client = boto3.client("logs", region_name=REGION)
            self._client.create_log_group(logGroupName=name)
            self._name = name
            self.log = CloudWatchAuditLog(self._client, name, now)

    def message_ids(self) -> list[str]:
        if isinstance(self.log, MemoryAuditLog):
            return [transfer.message_id for transfer in self.log.transfers]
        events = self._client.filter_log_events(logGroupName=self._name)["events"]
        return [json.loads(event["message"])["message_id"] for event in events]


@pytest.fixture
def kept(kind: str, request: pytest.FixtureRequest, partition: str) -> Kept:
    return Kept(kind, request, f"/{partition}/audit")


def test_what_is_written_is_kept(kept: Kept) -> None:
    kept.log.write([make_transfer(1), make_transfer(2)])
    kept.log.write([make_transfer(3)])

    assert sorted(kept.message_ids()) == ["message-1", "message-2", "message-3"]


def test_nothing_written_is_nothing_kept(kept: Kept) -> None:
    kept.log.write([])

    assert kept.message_ids() == []


def test_the_same_message_again_has_the_same_id(kept: Kept) -> None:
    for _ in range(2):
        kept.log.write([make_transfer(1)])

    assert set(kept.message_ids()) == {"message-1"}


# ---------------------------------------------------------------- CloudWatch's faults


class Logs:
    """A client that records its calls and answers as told."""

    def __init__(self, *faults: str, answer: dict[str, Any] | None = None) -> None:
        self.faults = list(faults)
        self.answer = answer or {}
        self.batches: list[list[dict[str, Any]]] = []
        self.create_fault = ""

    def create_log_stream(self, **_: Any) -> dict[str, Any]:
        if self.create_fault:
            raise ClientError({"Error": {"Code": self.create_fault}}, "CreateLogStream")
        return {}

    def put_log_events(self, **arguments: Any) -> dict[str, Any]:
        if self.faults:
            raise ClientError({"Error": {"Code": self.faults.pop(0)}}, "PutLogEvents")
        self.batches.append(arguments["logEvents"])
        return self.answer


Write = Callable[[Logs], None]


def write(logs: Logs, *transfers: Transfer) -> None:
    CloudWatchAuditLog(logs, "/audit", now).write(transfers or [make_transfer()])


def test_a_stream_that_another_made_meanwhile_is_used() -> None:
    logs = Logs("ResourceNotFoundException")
    logs.create_fault = "ResourceAlreadyExistsException"

    write(logs)
    assert len(logs.batches) == 1


def test_what_was_rejected_inside_a_200_was_not_kept() -> None:
    with pytest.raises(Unavailable):
        write(Logs(answer={"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}}))


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailableException"])
def test_a_fault_of_the_moment_is_unavailability(code: str) -> None:
    with pytest.raises(Unavailable):
        write(Logs(code))


def test_our_own_faults_are_not_swallowed() -> None:
    with pytest.raises(ClientError):
        write(Logs("AccessDeniedException"))
    with pytest.raises(ClientError):
        write(Logs("ResourceNotFoundException", "ResourceNotFoundException"))


def test_a_call_has_no_more_bytes_than_cloudwatch_takes() -> None:
    logs = Logs()
    write(logs, *(make_transfer(n, padding=100_000) for n in range(7)))

    sizes = [sum(len(e["message"].encode()) + 26 for e in batch) for batch in logs.batches]
    assert max(sizes) <= CALL_BYTES
    assert sum(map(len, logs.batches)) == 7
