"""Store sessions over HTTP: a body that no request holds, and what is left of it."""

from collections.abc import Iterator

import pytest
import urllib3

from chalicelib.origin.sessions import door
from chalicelib.origin.store import Store
from infra.local.stack import LocalStack
from tests.end_to_end.conftest import Post
from tests.end_to_end.session_client import (
    JSON,
    SessionClient,
    answered,
    client_of,
    framed,
    make_image,
    make_small,
)
from tests.end_to_end.test_protocol import OTHER, REFERENCED, uids_in
from tests.promises import Promises


@pytest.fixture
def sessions(post: Post, partition: str) -> SessionClient:
    """A client of a service that nothing was stored to."""
    return client_of(post, f"/partitions/{partition}")


def kept_in_staging(local_stack: LocalStack, partition: str) -> tuple[list[str], list[str]]:
    """The last part but one of the keys of objects, and the keys of unfinished uploads."""
    s3, around = (
        local_stack.clients.s3,
        {"Bucket": local_stack.staging_bucket, "Prefix": f"{partition}/"},
    )
    objects = [one["Key"] for one in s3.list_objects_v2(**around).get("Contents", [])]
    uploads = [one["Key"] for one in s3.list_multipart_uploads(**around).get("Uploads", [])]
    return [key.split("/")[3] for key in objects], uploads


# ---------------------------------------------------------------- a body that no request holds


@pytest.mark.proves(
    "session:open",
    "session:urls",
    "session:part",
    "session:complete",
    "session:state",
    "session:response",
)
def test_a_body_of_12_mb_is_stored_validated_indexed_and_answered(
    local_stack: LocalStack, sessions: SessionClient, partition: str, study: str
) -> None:
    files = dict(make_image(number, study) for number in range(24))
    body = framed(*files.values())
    assert len(body) > 12_000_000

    opened = sessions.open(body, f"/studies/{study}")
    state = opened.json()
    service = f"{local_stack.url}/partitions/{partition}"
    assert opened.headers["Location"] == f"{service}/sessions/{state['id']}"
    assert (state["state"], state["parts"], state["received"]) == ("open", 2, [])
    checksum = sessions.upload(state, body)
    assert sessions.state(state["id"])["received"] == [1, 2]
    assert sessions.complete(state["id"], checksum).json()["state"] == "queued"
    assert sessions.response(state["id"]).status == 404
    assert kept_in_staging(local_stack, partition)[0] == []
    response = answered(local_stack, sessions, state["id"])

    final = sessions.state(state["id"])
    assert final["response"] == f"{service}/sessions/{state['id']}/response"
    assert final["progress"] == {
        "framed_bytes": len(body),
        "framed_parts": 24,
        "placed_parts": 24,
        "stored": 24,
        "failed": 0,
    }
    assert (response.status, uids_in(response, REFERENCED)) == (200, list(files))
    assert response.headers["Location"] == f"{service}/studies/{study}"
    promises = Promises(local_stack.clients, local_stack.bucket, local_stack.table, partition)
    promises.assert_judged(files)
    promises.assert_recounted(promises.assert_stored_once(files))
    assert kept_in_staging(local_stack, partition) == (["answer"], [])
    for queue in ("IngestDeadLetters", "ValidateDeadLetters", "IndexDeadLetters"):
        assert local_stack.take_messages(queue) == []


# ---------------------------------------------------------------- around it


@pytest.mark.proves("session:checksums")
def test_another_body_than_the_checksums_stores_nothing(
    local_stack: LocalStack, sessions: SessionClient, partition: str, study: str
) -> None:
    body = framed(make_small("one", study))
    state = sessions.open(body).json()
    checksum = sessions.upload(state, body)
    other = ("A" if checksum[0] != "A" else "B") + checksum[1:]
    assert sessions.complete(state["id"], other).status == 202
    answer = answered(local_stack, sessions, state["id"])

    assert answer.status == 400
    assert "checksum" in answer.json()["detail"]
    assert (
        Promises(local_stack.clients, local_stack.bucket, local_stack.table, partition).objects()
        == []
    )
    assert kept_in_staging(local_stack, partition) == (["answer"], [])


@pytest.mark.proves("session:cancel")
def test_a_session_that_is_given_up_leaves_nothing(
    local_stack: LocalStack, sessions: SessionClient, partition: str, study: str
) -> None:
    body = framed(make_small("one", study))
    state = sessions.open(body).json()
    sessions.upload(state, body)
    assert len(kept_in_staging(local_stack, partition)[1]) == 1

    assert sessions.ask("DELETE", f"/{state['id']}").json()["state"] == "cancelled"

    assert kept_in_staging(local_stack, partition) == ([], [])


@pytest.mark.proves("session:large-response")
def test_an_answer_that_no_gateway_passes_is_read_at_its_url(
    local_stack: LocalStack,
    sessions: SessionClient,
    partition: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "MAX_ANSWER_BYTES", 10_000)
    identity = sessions.submit(framed(*[b"x"] * 100))
    local_stack.drain(60.0)

    state = sessions.state(identity)
    response = sessions.response(identity)
    assert (state["state"], state["status"], response.status) == ("final", 409, 303)
    with urllib3.PoolManager(retries=False) as http:
        for url in (response.headers["Location"], state["response_url"]):
            read = http.request("GET", url)
            assert (read.status, read.headers["Content-Type"]) == (200, JSON)
            assert len(read.json()[OTHER]["Value"]) == 100
    assert kept_in_staging(local_stack, partition) == (["answer"], [])


class WorkerDiedError(BaseException):
    """The function is gone: nothing of it catches this."""


@pytest.fixture
def impatient(local_stack: LocalStack) -> Iterator[None]:
    """The queue delivers a dead worker's message again after a second, not after its time."""
    queue = {"QueueUrl": local_stack.queue_url("IngestQueue")}
    sqs, name = local_stack.clients.sqs, "VisibilityTimeout"
    usual = sqs.get_queue_attributes(**queue, AttributeNames=[name])["Attributes"]
    sqs.set_queue_attributes(**queue, Attributes={name: "1"})
    yield
    sqs.set_queue_attributes(**queue, Attributes=usual)


@pytest.mark.proves("session:resumes")
@pytest.mark.usefixtures("impatient")
def test_parts_come_in_any_order_and_again_and_a_dead_worker_is_followed(
    local_stack: LocalStack,
    sessions: SessionClient,
    partition: str,
    study: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = dict(make_image(number, study) for number in range(17))
    body = framed(*files.values())
    state = sessions.open(body).json()
    assert state["parts"] == 2
    sessions.upload(state, body)  # the last part first
    sessions.complete(state["id"], sessions.upload(state, body))

    def die(*_: object) -> None:
        raise WorkerDiedError

    with monkeypatch.context() as patch:
        patch.setattr(Store, "store", die)
        with pytest.raises(WorkerDiedError):
            local_stack.drain()
    assert sessions.state(state["id"])["state"] == "placing"
    table, name = local_stack.clients.dynamodb, local_stack.table
    key = {"pk": {"S": f"{partition}#session/{state['id']}"}, "sk": {"S": "session"}}
    item = table.get_item(TableName=name, Key=key)["Item"]
    table.put_item(TableName=name, Item={**item, "lease_until": {"S": "-"}})  # time passes
    assert sessions.state(state["id"])["stalled"] is True
    assert sessions.complete(state["id"], "").status == 202

    response = answered(local_stack, sessions, state["id"])
    assert (response.status, uids_in(response, REFERENCED)) == (200, list(files))
    promises = Promises(local_stack.clients, local_stack.bucket, local_stack.table, partition)
    promises.assert_stored_once(files)
