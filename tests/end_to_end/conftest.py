"""The whole product, running: what end-to-end tests are written against.

::

    def test_something(local_stack: LocalStack, post: Post) -> None:
        answer = post("/studies", body, {"Content-Type": "application/dicom"})
        local_stack.drain()                       # validation and indexing have consumed it
        local_stack.clients.s3.head_object(Bucket=local_stack.bucket, Key=...)

One stack serves all tests of a worker; each test begins with empty queues. Objects and records of
earlier tests are still there: use ``partition`` for a name of the test's own, or fresh UIDs.
Functions consume only when ``drain`` is called; a message that fails comes back at once, and
reaches its dead letters after five deliveries. Reconcile's delay is 15 minutes unless a test
calls ``set_reconcile_delay(0)`` before it stores.
"""

import http.client
import uuid
from collections.abc import Iterator, Mapping
from typing import Protocol
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from infra.local.stack import LocalStack
from tests.end_to_end.answer import Answer
from tests.end_to_end.guarded import Guarded, guarded_stack

RECONCILE_DELAY = 900


class Post(Protocol):
    """Sends one request to the stack and returns the answer."""

    def __call__(
        self,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer: ...


@pytest.fixture(scope="session")
def running_stack() -> Iterator[LocalStack]:
    """The worker's one stack; tests take ``local_stack``."""
    with LocalStack(
        parameters={"ReconcileDelaySeconds": RECONCILE_DELAY},
        are_pumps_started=False,
        retry_after=0,
    ) as stack:
        yield stack


@pytest.fixture
def local_stack(running_stack: LocalStack) -> LocalStack:
    """The running stack, with empty queues: URL, boto3 clients, names, ``drain()``."""
    try:
        running_stack.clients.dynamodb.describe_table(TableName=running_stack.table)
    except ClientError:  # another test of this worker has reset the stand-in's state
        running_stack.create_resources()
    running_stack.set_reconcile_delay(RECONCILE_DELAY)
    for queue in running_stack.template.of_type("AWS::SQS::Queue"):
        running_stack.take_messages(queue.logical_id)
    return running_stack


@pytest.fixture
def partition() -> str:
    """A partition that no other test uses."""
    return f"p-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def study() -> str:
    """A study that no other test has."""
    return f"2.25.{uuid.uuid4().int}"


@pytest.fixture
def post(local_stack: LocalStack) -> Post:
    """Send requests to the stack, each on a connection of its own."""
    host = urlsplit(local_stack.url).netloc

    def send(
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    return send


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The worker's one stack that asks for tokens."""
    with guarded_stack(tmp_path_factory.mktemp("guarded")) as stack:
        yield stack
