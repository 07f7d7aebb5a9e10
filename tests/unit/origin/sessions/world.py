"""A deployment on fakes: both doors, the worker, and what a client does with them."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from chalicelib.dicomweb.messages import Headers, HttpRequest, HttpResponse
from chalicelib.dicomweb.sessions import composite_checksum
from chalicelib.origin.intake import IntakePolicy
from chalicelib.origin.server import OriginServer, ServerPolicy
from chalicelib.origin.sessions.door import DoorPolicy, DoorPorts, SessionDoor
from chalicelib.origin.sessions.framing import FramingPorts
from chalicelib.origin.sessions.ingest import Ingest, IngestPolicy, IngestPorts
from chalicelib.origin.sessions.model import Session, SessionName
from chalicelib.origin.sessions.placing import PlacingPorts
from chalicelib.origin.store import Store, StorePorts
from tests.fakes.announcer import MemoryAnnouncer
from tests.fakes.instances import MemoryInstanceStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.sessions import MemoryIngestQueue, MemorySessionStore, MemoryStaging
from tests.fakes.telemetry import MemoryTelemetry

BASE = "https://store.example/api"
CONTENT_TYPE = 'multipart/related; type="application/dicom"; boundary=b'
MAX_PARTS = 2000
LONG = 900.0

Before = Callable[[str, str], None]


def framed(*contents: bytes, kind: str = "application/dicom") -> bytes:
    """Return a body with these parts, its boundary ``b``."""
    head = f"--b\r\nContent-Type: {kind}\r\n\r\n".encode()
    return b"".join(head + content + b"\r\n" for content in contents) + b"--b--\r\n"


class World:
    """Everything. ``before`` is called before each call of a port."""

    def __init__(self, executors: tuple[ThreadPoolExecutor, ThreadPoolExecutor]) -> None:
        self.before: Before = lambda method, key: None
        self.now = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
        self.staging = MemoryStaging(self._before)
        self.sessions = MemorySessionStore(self._before)
        self.queue = MemoryIngestQueue(self._before)
        self.instances = MemoryInstanceStore(self._before)
        self.records = MemoryRecordStore()
        self.announcer = MemoryAnnouncer()
        self.telemetry = MemoryTelemetry()
        self.waits: list[int] = []
        self._identities = count(1)
        self._executors = executors

    def _before(self, method: str, key: str) -> None:
        self.before(method, key)

    def clock(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # ------------------------------------------------------------------ what is deployed

    def _store_ports(self) -> StorePorts:
        return StorePorts(
            self.instances,
            self.records,
            self.announcer,
            self.telemetry,
            self.clock,
            self._executors[0],
        )

    def server(self, *, max_parts: int = MAX_PARTS) -> OriginServer:
        door = SessionDoor(
            DoorPorts(
                self.sessions,
                self.staging,
                self.queue,
                self.telemetry,
                self.clock,
                lambda: f"{next(self._identities):032x}",
            ),
            DoorPolicy(BASE),
        )
        policy = ServerPolicy(BASE, part_limits={"max_parts": max_parts})
        return OriginServer(self._store_ports(), policy, door)

    def ingest(self, *, max_parts: int = MAX_PARTS) -> Ingest:
        reader = self._executors[1]
        placing = PlacingPorts(self.staging, Store(self._store_ports()), reader, self.waits.append)
        ports = IngestPorts(
            self.sessions,
            self.queue,
            FramingPorts(self.staging, reader),
            placing,
            self.telemetry,
            self.clock,
        )
        policy = IngestPolicy(BASE, True, {"max_parts": max_parts}, IntakePolicy())
        return Ingest(ports, policy)

    # ------------------------------------------------------------------ what a client does

    def ask(self, method: str, path: str, document: object = None) -> HttpResponse:
        body = b"" if document is None else json.dumps(document).encode()
        return self.server().answer(HttpRequest(method, path, body=body), lambda: 25.0)

    def post(self, body: bytes, path: str = "/studies", **fields: str) -> HttpResponse:
        """Return what the small door answers to a body."""
        fields = {"Content-Type": CONTENT_TYPE, **fields}
        request = HttpRequest("POST", path, headers=Headers(fields.items()), body=body)
        return self.server().answer(request, lambda: 25.0)

    def open(
        self, body: bytes, resource: str = "/studies", partition: str = "", **fields: str
    ) -> SessionName:
        """Open a session, upload the body and complete it; part_bytes can be cut by `shrink`."""
        fields = {"Content-Type": CONTENT_TYPE, **fields}
        service = f"/partitions/{partition}" if partition else ""
        wanted = {"resource": resource, "headers": fields, "size": len(body)}
        answer = self.ask("POST", f"{service}/sessions", wanted)
        assert answer.status == 201, answer.body
        return SessionName(partition or "default", json.loads(answer.body)["id"])

    def shrink(self, name: SessionName, part_bytes: int) -> None:
        """Cut the session's upload into smaller parts than S3 would take."""
        session = self.sessions.sessions[name]
        plan = replace(session.plan, part_bytes=part_bytes)
        self.sessions.sessions[name] = replace(session, plan=plan)

    def upload(self, name: SessionName, body: bytes) -> str:
        """Upload all parts; return the checksum."""
        plan = self.sessions.sessions[name].plan
        digests = []
        for number in range(1, plan.count + 1):
            start = plan.offset_of(number)
            part = body[start : start + plan.size_of(number)]
            digests.append(sha256(part).digest())
            wanted = {"number": number, "sha256": b64encode(digests[-1]).decode()}
            answer = self.ask("POST", f"{path_of(name)}/urls", {"parts": [wanted]})
            self.staging.put(json.loads(answer.body)["parts"][0]["url"], part)
        return composite_checksum(digests)

    def complete(self, name: SessionName, checksum: str) -> HttpResponse:
        return self.ask("POST", f"{path_of(name)}/complete", {"checksum": checksum})

    def send(self, body: bytes, part_bytes: int = 0, **around: str) -> SessionName:
        """Open, upload and complete."""
        name = self.open(body, **around)
        if part_bytes:
            self.shrink(name, part_bytes)
        answer = self.complete(name, self.upload(name, body))
        assert answer.status == 202, answer.body
        return name

    def session(self, name: SessionName) -> Session:
        return self.sessions.sessions[name]

    def response(self, name: SessionName) -> HttpResponse:
        return self.ask("GET", f"{path_of(name)}/response")

    # ------------------------------------------------------------------ what the queue does

    def work(self, remaining: float = LONG, most: int = 50) -> list[bool]:
        """Deliver what is in the queue until it is empty; what is not done comes again later."""
        done = []
        while self.queue.woken and len(done) < most:
            name, delay = self.queue.woken.pop(0)
            self.later(delay)
            done.append(self.ingest().work(name, lambda: remaining))
            if not done[-1]:
                self.queue.woken.append((name, 960))
        return done

    def stored(self, partition: str = "default") -> dict[str, bytes]:
        """Return the content of each stored instance."""
        return {
            uid: content
            for (where, uid), (content, _) in self.instances.objects.items()
            if where == partition
        }


def path_of(name: SessionName) -> str:
    service = "" if name.partition == "default" else f"/partitions/{name.partition}"
    return f"{service}/sessions/{name.identity}"


@contextmanager
def make_world() -> Iterator[World]:
    with ThreadPoolExecutor(8) as store, ThreadPoolExecutor(4) as reader:
        yield World((store, reader))
