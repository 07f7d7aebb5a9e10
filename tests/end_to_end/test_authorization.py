"""``AUTH=jwt make run``: who is let in, to what, and what is known of them afterwards.

The stack runs in a process of its own, as an operator starts it.
"""

import json
import os
import re
import subprocess
import sys
import uuid
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from chalicelib.origin.events import encode_event
from chalicelib.origin.model import InstanceKey
from infra.local.issuer import load_or_make_key, make_token
from tests.builders import make_event
from tests.builders_dicom import Patient, Uids, make_file
from tests.end_to_end.guarded import ROOT, Guarded, wait_for
from tests.hostile.canary import PATIENT, find_canary

SERIES = "1.2.8"


def make(sop: str = "", study: str = "1.2.9", patient: Patient | None = None) -> bytes:
    """Return a DICOM file, of an instance of its own by default."""
    return make_file(Uids(sop or make_uid(), study, SERIES), patient).encode()


def make_uid() -> str:
    return f"1.2.{uuid.uuid4().int >> 64}"


# ---------------------------------------------------------------- who is let in


def test_a_token_of_the_command_lets_in(guarded: Guarded) -> None:
    command = [sys.executable, "-m", "infra.local.token", "--scope", "write"]
    made = subprocess.run(
        [*command, "--partition", "default"],
        cwd=guarded.directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert guarded.send("/studies", made.stdout.strip(), make()).status == 200
    key = guarded.directory / ".stowage" / "token-key.pem"
    assert key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("path", ["/studies", "/studies/1.2.3", "/partitions/other/studies", "/"])
def test_401_without_a_token_wherever_it_goes(guarded: Guarded, path: str) -> None:
    answer = guarded.send(path, body=make())

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stowage"'
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_401_for_a_token_that_is_no_good(guarded: Guarded) -> None:
    expired = guarded.token("write", lifetime=timedelta(minutes=-5))
    other = make_token(load_or_make_key(guarded.directory / "other.pem"), ["write"], ["default"])

    for token in (expired, other, "None", "a.b.c", guarded.token("write") + "A"):
        answer = guarded.send("/studies", token, make())
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (
            401,
            'Bearer realm="stowage"',
        )


def test_403_for_another_scope_and_another_partition_alike(guarded: Guarded) -> None:
    reader = guarded.send("/studies", guarded.token("read"), make())
    elsewhere = guarded.send("/partitions/b/studies", guarded.token("write"), make())
    nothing = guarded.send("/studies", guarded.token(), make())

    for answer in (reader, elsewhere, nothing):
        assert answer.status == 403
        assert answer.headers["WWW-Authenticate"].endswith('error="insufficient_scope"')
    assert {answer.json()["detail"] for answer in (reader, elsewhere, nothing)} == {
        "The token does not allow this."
    }


def test_a_kept_policy_is_right_for_every_route(guarded: Guarded) -> None:
    token = guarded.token("write", partitions=("a", "b"), subject="one-token")
    expected = {
        ("POST", "/partitions/a/studies"): 200,
        ("POST", "/studies"): 403,
        ("POST", "/partitions/b/studies/1.2.9"): 200,
        ("GET", "/partitions/a/studies"): 403,
        ("POST", "/partitions/c/studies"): 403,
        ("POST", "/partitions/a/studies/1.2.9"): 200,
    }

    for (method, path), status in expected.items():
        assert guarded.send(path, token, make(), method).status == status


def test_a_sender_reaches_its_sessions_and_a_reader_opens_none(guarded: Guarded) -> None:
    """What the gateway lets through, the server answers; 403 is the gateway's."""
    writer, reader = guarded.token("write"), guarded.token("read")
    by_writer = {
        (method, path): guarded.send(path, writer, method=method).status
        for path in ("/sessions/none", "/sessions/none/response", "/partitions/b/sessions/none")
        for method in ("GET", "HEAD", "DELETE", "POST")
    }

    assert {status == 403 for (_, path), status in by_writer.items() if "/b/" in path} == {True}
    assert {status == 403 for (_, path), status in by_writer.items() if "/b/" not in path} == {
        False
    }
    assert guarded.send("/sessions", reader).status == 403
    assert guarded.send("/sessions/none/complete", reader).status == 403
    assert guarded.send("/sessions", writer, method="GET").status == 403
    assert guarded.send("/sessions").status == 401


def test_a_preflight_needs_no_token(guarded: Guarded) -> None:
    assert guarded.send("/studies", method="OPTIONS").status == 200


def test_404_for_what_does_not_exist_with_or_without_a_token(guarded: Guarded) -> None:
    for token in (None, guarded.token("write")):
        answer = guarded.send("/series", token)
        assert (answer.status, answer.json()["title"]) == (404, "Not Found")


@pytest.mark.parametrize("size", [5_000_000, 10_485_761], ids=["lambda", "api-gateway"])
def test_413_says_what_fits_and_where_more_goes(guarded: Guarded, size: int) -> None:
    answer = guarded.send("/studies", guarded.token("write"), bytes(size))

    sessions = f"{guarded.url}/sessions"
    assert answer.status == 413
    assert answer.json()["limit"] == {"name": "max_body_bytes", "value": 4_690_000}
    assert answer.json()["sessions"] == sessions
    assert answer.headers["Link"] == f'<{sessions}>; rel="urn:stowage:store-sessions"'


# ---------------------------------------------------------------- what is known afterwards


def messages(guarded: Guarded, uid: str) -> list[dict[str, Any]]:
    logs = guarded.client("logs")
    events = logs.filter_log_events(logGroupName=guarded.environment["AUDIT_LOG"])["events"]
    return [json.loads(event["message"]) for event in events if uid in event["message"]]


def test_the_subject_is_in_the_objects_metadata_the_record_and_the_audit_log(
    guarded: Guarded,
) -> None:
    uid, partition = make_uid(), f"p-{uuid.uuid4().hex[:8]}"
    token = guarded.token("write", partitions=(partition,), subject="modality-7")
    content = make(uid, patient=PATIENT)

    assert guarded.send(f"/partitions/{partition}/studies", token, content).status == 200
    found = wait_for(lambda: messages(guarded, uid))

    head = guarded.client("s3").head_object(
        Bucket=guarded.environment["BUCKET"], Key=f"{partition}/instances/{uid}.dcm"
    )
    records = guarded.client("dynamodb").scan(TableName=guarded.environment["TABLE"])["Items"]
    [record] = [item for item in records if item["sk"]["S"] == f"instance/{SERIES}/{uid}"]
    root = ElementTree.fromstring(found[0]["message"])
    assert head["Metadata"]["subject"] == "modality-7"
    assert record["subject"]["S"] == "modality-7"
    assert root[1].attrib["UserID"] == "modality-7"
    assert root[-1].attrib["ParticipantObjectID"] == PATIENT.patient_id.decode()


def test_patient_ids_are_in_the_audit_log_alone_and_names_not_even_there(
    guarded: Guarded,
) -> None:
    uid = make_uid()
    guarded.send("/studies", guarded.token("write"), make(uid, patient=PATIENT))
    found = wait_for(lambda: messages(guarded, uid))

    patient_id = PATIENT.patient_id.decode()
    for line in found:
        assert find_canary(line["message"].replace(patient_id, "")) is None
    log = (guarded.directory / ".stowage" / "functions.log").read_text(encoding="utf-8")
    assert "audited" in log
    assert find_canary(log) is None


def test_a_resend_is_told_from_a_store_by_its_action(guarded: Guarded) -> None:
    uid = make_uid()
    for _ in range(2):
        guarded.send("/studies", guarded.token("write"), make(uid))

    def both() -> list[dict[str, Any]]:
        found = messages(guarded, uid)
        return found if len(found) > 1 else []

    found = wait_for(both)
    actions = {re.search('EventActionCode="(.)"', line["message"])[1] for line in found}
    assert actions == {"C", "R"}


def test_an_event_that_comes_twice_has_one_message_id(guarded: Guarded) -> None:
    uid, event_id = make_uid(), str(uuid.uuid4())
    guarded.send("/studies", guarded.token("write"), make(uid))
    [first] = wait_for(lambda: messages(guarded, uid))
    stored = make_event([InstanceKey("default", "1.2.9", SERIES, uid)], "an-earlier-request")
    envelope = {"id": event_id, "time": "2026-05-01T10:00:01Z", "detail": encode_event(stored)}
    sqs = guarded.client("sqs")
    url = sqs.get_queue_url(QueueName="stowage-audit")["QueueUrl"]

    def repeated() -> list[dict[str, Any]]:
        found = [line for line in messages(guarded, uid) if line["event_id"] == event_id]
        return found if len(found) == 2 else []

    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(envelope))
    once, again = wait_for(repeated)

    assert once == again
    assert once["message_id"] != first["message_id"]
