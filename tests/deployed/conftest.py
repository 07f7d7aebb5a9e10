"""The packaged product on an emulator of AWS: what the tests of ``make test-deployed`` stand on.

They take a minute or two and need the network once, so that ``make test`` leaves them out. One
package, one emulator and one stack serve them all; ``make test-deployed`` ends with what this
emulator cannot tell.
"""

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.deployed.deploying import deploy, upload
from infra.deployed.emulator import Emulator, install, running
from infra.local import issuer
from infra.package.__main__ import package

collect_ignore_glob = [] if os.environ.get("STOWAGE_DEPLOYED") else ["test_*.py"]

NOT_SHOWN = """
What this emulator cannot tell, and docs/operations.md has on its list for the first deployment:
 * 10 MB of API Gateway and 6 MB of Lambda, and who refuses between 4.5 and 10 MB;
 * what API Gateway does to Content-Encoding and to binary media types before Lambda sees them;
 * throttling, access logs, alarms, metrics, retention: created here, never exercised;
 * conditions of KMS keys, and S3's and DynamoDB's own use of them;
 * presigned URLs of credentials that end before them, parts below 5 MiB, browsers' preflights;
 * a session that outlives its worker's 15 minutes, and what expires by itself;
 * Amazon Linux and its processors: the zip's wheels run on this machine's;
 * time: cold starts, polling and redelivery have the emulator's pace.
"""
PATIENCE = 60.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("STOWAGE_DEPLOYED"):
        terminalreporter.section("not shown")
        terminalreporter.write_line(NOT_SHOWN)


@dataclass(frozen=True)
class Package:
    """What ``make package`` wrote."""

    template: Path
    archive: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Package:
    made = package(tmp_path_factory.mktemp("build"), architecture="x86_64", authorizer="jwt")
    return Package(*made)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(install(), tmp_path_factory.mktemp("emulator")) as started:
        yield started


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Deployment:
    """The stack: its API as a client sees it, its resources as the account's owner does."""

    emulator: Emulator
    template_url: str
    parameters: dict[str, str]
    tokens: Callable[..., str]
    outputs: dict[str, str] = field(default_factory=dict)

    def apply(self, **changed: str) -> None:
        """Create the stack, or update it in place with changed parameters."""
        self.parameters |= changed
        self.outputs = deploy(self.emulator, self.template_url, self.parameters)

    def send(
        self,
        path: str,
        body: bytes = b"",
        token: str | None = None,
        method: str = "POST",
        **headers: str,
    ) -> Answer:
        """Send a request to the deployed API; header names have ``_`` for ``-``."""
        api = f"{self.emulator.url}/restapis/{self.outputs['RestAPIId']}/api/_user_request_"
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"{api}{path}", body, fields, method=method)
        trust = ssl.create_default_context(cafile=self.emulator.certificate)
        try:
            with urllib.request.urlopen(request, context=trust, timeout=60) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Return the table's items whose sort key begins with ``kind``."""
        scanned = self.emulator.client("dynamodb").scan(TableName=self.outputs["TableName"])
        return [item for item in scanned["Items"] if item["sk"]["S"].startswith(kind)]

    def resource(self, logical_id: str) -> str:
        """Return the physical name of a resource."""
        answer = self.emulator.client("cloudformation").describe_stack_resource(
            StackName="stowage", LogicalResourceId=logical_id
        )
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def log_of(self, function: str) -> str:
        """Return what a function wrote, for the message of a test that failed."""
        logs = self.emulator.client("logs")
        group = f"/aws/lambda/{self.resource(function)}"
        events = logs.filter_log_events(logGroupName=group).get("events", [])
        return "\n".join(event["message"] for event in events[-20:])


@pytest.fixture(scope="session")
def deployment(
    built: Package, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    key = issuer.load_or_make_key(tmp_path_factory.mktemp("issuer") / "key.pem")
    with issuer.serve(key) as serving:
        url = upload(emulator, built.template, built.archive)
        parameters = {
            "BaseUri": "https://pacs.example/dicomweb",
            "ReconcileDelaySeconds": "0",
            "StagingEndpoint": emulator.url,
            **serving.parameters(),
        }

        def tokens(*scopes: str, partitions: tuple[str, ...] = ("*",), **changes: Any) -> str:
            return issuer.make_token(key, scopes, partitions, **changes)

        made = Deployment(emulator, url, parameters, tokens)
        made.apply()
        yield made


def eventually(is_true: Callable[[], bool], told: Callable[[], str]) -> None:
    """Wait until something is true; else fail with what is told."""
    ends = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < ends, told()
        time.sleep(0.3)
