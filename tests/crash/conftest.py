"""The product against a stand-in for AWS that outlives it, and the promises it must keep.

::

    def test_something(product: Product, case: Case) -> None:
        product.post(case, files, kill_before=3)    # dies before its third call to AWS
        product.post(case, files)                   # a fresh process, unharmed
        product.consume("IndexQueue")
        case.assert_kept(...)

Functions run in forks of one child process (`tests.crash.child`), the stand-in in another. Each
case has a partition of its own and begins with empty queues and an empty table.
"""

import base64
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session

from chalicelib.origin.events import decode_event
from chalicelib.origin.model import InstanceKey, InstanceRecord
from infra.local.clients import DEFAULT_REGION, Clients
from infra.local.gateway_event import GatewayRequest, Match, make_event
from infra.local.provision import Provisioned, provision
from infra.local.pumps import Pump
from infra.local.stack import shared_environment
from infra.local.template import load_template
from tests.promises import Promises
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset

ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
CONSUMERS = {
    "ValidateQueue": "validate_instances",
    "IndexQueue": "index_instances",
    "ReconcileQueue": "reconcile_objects",
    "IngestQueue": "ingest_sessions",
}
_partitions = count()
_requests = count()


@contextmanager
def python(module: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A child process that ends when its standard input does."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**inherited, **CREDENTIALS, "AWS_DEFAULT_REGION": DEFAULT_REGION, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
            process.communicate(timeout=10)
        finally:
            process.kill()


@dataclass(frozen=True)
class World:
    """The stand-in for AWS, with the template's resources."""

    url: str
    clients: Clients
    resources: Provisioned

    @property
    def bucket(self) -> str:
        return self.resources.outputs["BucketName"]

    @property
    def table(self) -> str:
        return self.resources.outputs["TableName"]

    def forget(self) -> None:
        """Empty the queues and the table: the stand-in looks at every item of it in a query."""
        for queue in CONSUMERS:
            list(self.take(queue))
        dynamodb, table = self.clients.dynamodb, self.table
        keys = dynamodb.scan(TableName=table, ProjectionExpression="pk, sk")["Items"]
        for start in range(0, len(keys), 25):
            deletions = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + 25]]
            dynamodb.batch_write_item(RequestItems={table: deletions})

    def lapse_leases(self) -> None:
        """Let so much time pass that no worker holds a session any more."""
        dynamodb, table = self.clients.dynamodb, self.table
        for item in dynamodb.scan(TableName=table)["Items"]:
            if item["sk"]["S"] == "session":
                dynamodb.put_item(TableName=table, Item={**item, "lease_until": {"S": ""}})

    def let_arrive(self, late: Mapping[str, Any]) -> int:
        """Send a request that was on its way for long; return the status of its answer."""
        body = base64.b64decode(late["body"])
        headers = {**late["headers"], "Content-Length": str(len(body))}
        request = AWSPreparedRequest(late["method"], late["url"], headers, body, False)
        return int(URLLib3Session().send(request).status_code)

    def take(self, queue: str) -> Iterator[str]:
        """Take the messages from a queue (SQS lets one be purged once a minute only)."""
        sqs, url = self.clients.sqs, self.resources.resources[queue].ref
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            handles = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            sqs.delete_message_batch(QueueUrl=url, Entries=handles)
            yield from (message["Body"] for message in messages)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with python("tests.crash.aws") as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        clients = make_clients(url)
        parameters: dict[str, str | int] = {
            "BaseUri": "http://test",
            "ReconcileDelaySeconds": 0,
            "StagingEndpoint": url,
        }
        yield World(url, clients, provision(load_template(), clients, parameters))


def make_clients(url: str) -> Clients:
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=DEFAULT_REGION
    )
    made = {
        service: session.client(service, endpoint_url=url)
        for service in ("s3", "sqs", "dynamodb", "events", "logs")
    }
    account = session.client("sts", endpoint_url=url).get_caller_identity()["Account"]
    return Clients(**made, account=account, region=DEFAULT_REGION)


# ------------------------------------------------------------------ the functions


@dataclass(frozen=True)
class Call:
    """What became of one invocation: ``answer`` is None when the process was killed.

    ``late`` are requests to AWS that have yet to arrive, for `World.let_arrive`.
    """

    answer: Any
    calls: Sequence[str]
    late: Sequence[dict[str, Any]]

    @property
    def was_killed(self) -> bool:
        return self.answer is None

    @property
    def status(self) -> int:
        return int(self.answer["statusCode"])

    @property
    def retry_after(self) -> str | None:
        value: str | None = self.answer["headers"].get("Retry-After")
        return value

    @property
    def referenced(self) -> list[str]:
        """SOP Instance UIDs of Referenced SOP Sequence."""
        items = self.module.get("00081199", {"Value": []})["Value"]
        return [item["00081155"]["Value"][0] for item in items]

    @property
    def failed(self) -> dict[str, int]:
        """Failure Reasons by SOP Instance UID, of Failed SOP Sequence."""
        items = self.module.get("00081198", {"Value": []})["Value"]
        return {item["00081155"]["Value"][0]: item["00081197"]["Value"][0] for item in items}

    @property
    def module(self) -> dict[str, Any]:
        module: dict[str, Any] = json.loads(self.answer["body"])
        return module


class ProcessKilledError(Exception):
    """Tells a pump that the function's process was killed."""


class Product:
    """Calls the product's functions; ``harm`` is what `tests.crash.child` can do to a call."""

    def __init__(self, world: World, child: subprocess.Popen[str]) -> None:
        self._child = child
        self.world = world
        self.announced: set[InstanceKey] = set()
        self._made: list[Call] = []
        self._harm: dict[str, Any] = {}
        self._pumps = {queue: self._make_pump(queue) for queue in CONSUMERS}

    def invoke(self, function: str, event: Any, **harm: Any) -> Call:
        """Call a function in a process of its own."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(
            json.dumps({"function": function, "event": event, **harm}),
            file=self._child.stdin,
            flush=True,
        )
        ended = json.loads(self._child.stdout.readline())
        told = [json.loads(line) for line in ended["told"]]
        assert not [one["raised"] for one in told if "raised" in one]
        assert ended["signal"] in (0, 9), f"ended by signal {ended['signal']}"
        [answer] = [one["answer"] for one in told if "answer" in one] or [None]
        assert (answer is None) == (ended["signal"] == 9)
        calls = [one["call"] for one in told if "call" in one]
        return Call(answer, calls, [one["late"] for one in told if "late" in one])

    def post(self, case: "Case", files: Sequence[bytes], **harm: Any) -> Call:
        """POST files to the Studies resource of the case's partition, as a new request."""
        request = GatewayRequest(
            "POST",
            f"/partitions/{case.partition}/studies",
            (("Content-Type", CONTENT_TYPE),),
            framed(files),
        )
        match = Match("/partitions/{partition}/studies", {"partition": case.partition})
        return self._ask(request, match, **harm)

    def ask_session(
        self, case: "Case", method: str, session: str = "", aspect: str = "", **document: Any
    ) -> Any:
        """Ask the session resources of the case's partition; return the answer's document."""
        names = {"session": session, "aspect": aspect}
        given = {name: value for name, value in names.items() if value}
        path, template = (
            f"/partitions/{case.partition}/sessions",
            "/partitions/{partition}/sessions",
        )
        for name, value in given.items():
            path, template = f"{path}/{value}", f"{template}/{{{name}}}"
        request = GatewayRequest(method, path, (), json.dumps(document).encode())
        call = self._ask(request, Match(template, {"partition": case.partition, **given}))
        assert call.status < 300, call.answer
        return json.loads(call.answer["body"])

    def _ask(self, request: GatewayRequest, match: Match, **harm: Any) -> Call:
        event = make_event(
            request,
            match,
            is_binary=bool(request.headers),
            stage="api",
            now=datetime.now(UTC),
            request_id=f"request-{next(_requests)}",
        )
        return self.invoke("api_handler", event, **harm)

    def consume(self, *queues: str, **harm: Any) -> list[Call]:
        """Deliver the queues until they are empty; only the first batch comes to harm."""
        self._harm, made = harm, self._made
        made.clear()
        while any([self._pumps[queue].deliver() for queue in queues]):  # noqa: C419 - each of them
            assert len(made) < 100, "the queues do not empty"
        return list(made)

    def _make_pump(self, queue: str) -> Pump:
        def call(event: Any) -> Any:
            if queue == "IngestQueue":
                self.world.lapse_leases()
            if queue == "IndexQueue":
                self.announced.update(_announced_by(event))
            made = self.invoke(CONSUMERS[queue], event, **({} if self._made else self._harm))
            self._made.append(made)
            if made.was_killed:
                raise ProcessKilledError
            return made.answer

        name = self.world.resources.resources[queue].attributes["QueueName"]
        return Pump(self.world.clients, name, call, retry_after=0)

    def hear(self) -> None:
        """Take what the bus told the index, without indexing it."""
        for body in self.world.take("IndexQueue"):
            self.announced.update(_announced_by({"Records": [{"body": body}]}))


def _announced_by(event: Any) -> Iterator[InstanceKey]:
    for record in event["Records"]:
        stored = decode_event(json.loads(record["body"])["detail"])
        yield from map(stored.key_of, stored.instances)


@pytest.fixture(scope="session")
def product(world: World) -> Iterator[Product]:
    environment = shared_environment(world.resources)
    # One thread at a time, so that the order of the calls to AWS is the same in every run.
    with python(
        "tests.crash.child", AWS_ENDPOINT_URL=world.url, CONCURRENCY="1", **environment
    ) as child:
        yield Product(world, child)


# ------------------------------------------------------------------ the promises


class Case(Promises):
    """A partition, and what must be true of it; ``files`` are by SOP Instance UID."""

    def __init__(self, product: Product) -> None:
        world = product.world
        super().__init__(world.clients, world.bucket, world.table, f"crash-{next(_partitions)}")
        self._product = product

    def assert_announced(self, files: Mapping[str, bytes]) -> list[InstanceRecord]:
        """Promises 1 to 3: one object each and no other, all recorded and announced."""
        records = self.assert_stored_once(files)
        assert self._product.announced.issuperset(record.key for record in records)
        return records

    def assert_kept(self, files: Mapping[str, bytes]) -> None:
        """Promises 1 to 4, once the index has consumed its queue."""
        self.assert_recounted(self.assert_announced(files))


MakeCase = Callable[[], Case]


@pytest.fixture
def make_case(product: Product) -> MakeCase:
    def make() -> Case:
        product.world.forget()
        return Case(product)

    return make


@pytest.fixture
def case(make_case: MakeCase) -> Case:
    return make_case()


@pytest.fixture(autouse=True)
def quiet_pumps(caplog: pytest.LogCaptureFixture) -> None:
    """Kills are what these tests are about; nobody needs to read of them."""
    caplog.set_level(logging.CRITICAL, "infra.local.pumps")


# ------------------------------------------------------------------ kills

READS = (
    "GetItem",
    "BatchGetItem",
    "Query",
    "HeadObject",
    "GetObject",
    "GetQueueUrl",
    "ListParts",
)
"""Operations that change nothing: who dies around one leaves nothing new behind."""


class Attempt(Protocol):
    """Prepares a case, and makes the call that is to be killed."""

    def __call__(self, case: Case, **kill: int) -> Call: ...


EachKill = Callable[[Attempt, Callable[[Case, Call], None]], None]


@pytest.fixture
def each_kill(subtests: pytest.Subtests, make_case: MakeCase) -> EachKill:
    """Kill an attempt at another step each time, and check what can be made of the rest."""

    def run(attempt: Attempt, check: Callable[[Case, Call], None]) -> None:
        calls = attempt(make_case()).calls
        changes = [number for number, call in enumerate(calls, start=1) if not call.endswith(READS)]
        assert changes
        for kill in [{"kill_before": 1}, *({"kill_after": number} for number in changes)]:
            case = make_case()
            killed = attempt(case, **kill)
            with subtests.test(killed_after=killed.calls):
                assert killed.was_killed
                check(case, killed)

    return run


# ------------------------------------------------------------------ what is sent


def make_file(uid: str, study: str, **attributes: object) -> bytes:
    # One series in two studies: the indexer has most to do then.
    identity = {"StudyInstanceUID": study, "SeriesInstanceUID": "1.2.9", "SOPInstanceUID": uid}
    return encode_file(make_dataset(**identity, **attributes))


FILES = {
    "1.2.3.1": make_file("1.2.3.1", "1.2.3"),
    "1.2.3.2": make_file("1.2.3.2", "1.2.3", StudyID="other"),
    "1.2.4.1": make_file("1.2.4.1", "1.2.4"),
}
"""Three instances of two studies, by SOP Instance UID."""
CONTENT_TYPE = 'multipart/related; type="application/dicom"; boundary=b'


def framed(files: Iterable[bytes]) -> bytes:
    parts = (b"--b\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % file for file in files)
    return b"".join(parts) + b"--b--\r\n"


SENT = list(FILES.values())
