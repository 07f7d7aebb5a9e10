"""Sessions end to end: who sends, who answers, who works, each in a process of its own and warm."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import urllib3

from bench import plain_upload
from bench.ct import SMALL, ct_instances
from bench.resident import resident
from bench.rows import environment
from bench.sessions.processes import Process, Usage, measured
from bench.stand_in.running import RunningStandIn

QUEUE = "123456789012/ingest"
BATCH = 10
PLAIN_KEY = "body"
_REFERENCED = "00081199"
_SETTINGS = {"STAGING_BUCKET": "staging", "BUCKET": "bench"}
# Over TLS the SDK does not hash bodies once more to sign them; here it is told not to.
_AS_OVER_TLS = "[default]\ns3 =\n  payload_signing_enabled = false\n"


@dataclass(slots=True)
class Told:
    """What became of a session.

    Attributes
    ----------
    stored, listed : int
        Instances that the answer lists, and that the sender says are stored.
    usage : dict
        Of each process, over the whole session.
    seconds, calls : dict
        Of each phase: wall time, and calls to AWS by operation.
    """

    size: int = 0
    status: int = 0
    stored: int = 0
    listed: int = 0
    usage: dict[str, Usage] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, Counter[str]] = field(default_factory=dict)


class Scene:
    """The processes; one session after the other.

    Parameters
    ----------
    place : Path
        A folder with room for all that is sent, twice.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._exits = ExitStack()
        self._http = urllib3.PoolManager()
        self._bases: dict[int, int] = {}

    def __enter__(self) -> "Scene":
        with ExitStack() as exits:
            self._start(exits)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def _start(self, exits: ExitStack) -> None:
        self.stand_in = exits.enter_context(
            RunningStandIn("--directory", str(self.place / "objects"))
        )
        endpoint = self.stand_in.url
        self.environment = (
            environment(endpoint)
            | _SETTINGS
            | {
                "STAGING_ENDPOINT": endpoint,
                "INGEST_QUEUE": f"{endpoint}/{QUEUE}",
                "AWS_CONFIG_FILE": str(self.place / "aws"),
            }
        )
        (self.place / "aws").write_text(_AS_OVER_TLS)
        keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench"}
        self._sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1", **keys)
        self._floor = self._process(exits, "floor")
        api = self._process(exits, "api")
        self.url = self.environment["BASE_URI"] = str(api.hear())
        self._processes = {
            "API": api,
            "sender": self._process(exits, "sender", self.url, str(self.place)),
            "ingest": self._process(exits, "function", "ingest_sessions"),
            "validation": self._process(exits, "function", "validate_instances"),
            "index": self._process(exits, "function", "index_instances"),
        }
        [(_, content)] = ct_instances(1, side=SMALL, study=999_999)
        (self.place / "warm.dcm").write_bytes(content)
        self.run([self.place / "warm.dcm"])
        self._bases = {pid: resident("VmRSS", pid) for pid in self._watched().values()}

    def _process(self, exits: ExitStack, name: str, *arguments: str) -> Process:
        module = f"bench.sessions.{name}"
        return exits.enter_context(Process(self.environment, module, *arguments))

    def run(self, paths: Sequence[Path]) -> Told:
        """Send the files in one session; return what became of it when all have worked on it."""
        told = Told()
        with ExitStack() as exits:
            for name, pid in self._watched().items():
                base = self._bases.get(pid, 0)
                told.usage[name] = exits.enter_context(measured(pid, base))
            with self._phase(told, "sender"):
                accepted = self._processes["sender"].ask([str(path) for path in paths])
            told.seconds["sender"], session = accepted["seconds"], accepted["session"]
            with self._phase(told, "ingest"):
                self._ingest()
            told.listed = self._processes["sender"].hear()
            self._look(session, told)
            for name in ("validation", "index"):
                with self._phase(told, name):
                    self._consume(name, session)
        return told

    def floor(self, size: int, instance: int) -> float:
        """Return the CPU seconds of `bench.sessions.floor` for what was uploaded plainly."""
        with measured(self._floor.pid, 0) as usage:
            self._floor.ask({"key": PLAIN_KEY, "size": size, "instance": instance})
        return usage.cpu

    def upload_plainly(self, paths: Sequence[Path]) -> dict[str, float]:
        """Return what `bench.plain_upload` measures for the same files."""
        return plain_upload.measured(paths, self.environment, "--key", PLAIN_KEY)

    def _watched(self) -> dict[str, int]:
        pids = {name: process.pid for name, process in self._processes.items()}
        return pids | {"stand-in": self.stand_in.pid}

    @contextmanager
    def _phase(self, told: Told, name: str) -> Iterator[None]:
        before, start = self._calls(), time.perf_counter()
        yield
        told.seconds[name] = time.perf_counter() - start
        told.calls[name] = self._calls() - before

    def _calls(self) -> Counter[str]:
        return Counter(self.stand_in.stats()["calls"])

    def _ingest(self) -> None:
        """Deliver messages until there are none: each worker that leaves wakes the next."""
        url = self.environment["INGEST_QUEUE"]
        receive = partial(self._sqs.receive_message, QueueUrl=url, VisibilityTimeout=3600)
        while found := receive().get("Messages"):
            [message] = found
            answer = self._processes["ingest"].ask(_delivery("ingest", [message["Body"]]))
            _require_success(answer)
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def _consume(self, name: str, session: str) -> None:
        events = [json.loads(one["Detail"]) for one in self.stand_in.held()["events"]]
        bodies = [json.dumps({"detail": one}) for one in events if one["request_id"] == session]
        for first in range(0, len(bodies), BATCH):
            batch = _delivery(name, bodies[first : first + BATCH])
            _require_success(self._processes[name].ask(batch))

    def _look(self, session: str, told: Told) -> None:
        """Fill in what the service says of a session that must be final."""
        state = self._get(f"sessions/{session}")
        if state["state"] != "final":
            raise RuntimeError(f"the session is {state['state']}")
        module = self._get(f"sessions/{session}/response")
        told.size, told.status = state["size"], state["status"]
        told.stored = len(module.get(_REFERENCED, {}).get("Value", []))

    def _get(self, path: str) -> Any:
        return self._http.request("GET", f"{self.url}/{path}").json()


def _delivery(queue: str, bodies: Iterable[str]) -> dict[str, Any]:
    """Return the event of a batch of messages."""
    records = [
        {
            "messageId": str(number),
            "receiptHandle": str(number),
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
            "awsRegion": "us-east-1",
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}


def _require_success(answer: dict[str, Any]) -> None:
    if answer["batchItemFailures"]:
        raise RuntimeError(f"failed: {answer['batchItemFailures']}")
