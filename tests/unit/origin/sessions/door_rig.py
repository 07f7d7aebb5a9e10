"""The server with its session resources, on fakes whose calls can be made to fail."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from chalicelib.dicomweb.messages import Headers, HttpRequest, HttpResponse
from chalicelib.dicomweb.sessions import MIN_PART_BYTES, SessionState, composite_checksum
from chalicelib.origin.server import OriginServer, ServerPolicy
from chalicelib.origin.sessions.door import DoorPolicy, DoorPorts, SessionDoor
from chalicelib.origin.sessions.model import Answer, Session, SessionName
from chalicelib.origin.store import StorePorts
from tests.fakes.announcer import MemoryAnnouncer
from tests.fakes.instances import MemoryInstanceStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.sessions import MemoryIngestQueue, MemorySessionStore, MemoryStaging
from tests.fakes.telemetry import MemoryTelemetry

BASE = "https://store.example/api"
NOW = datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)
SUBJECT = "modality-7"
MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'
PART = MIN_PART_BYTES
CONTENT = (b"first" * PART)[:PART], b"and last"
"""The parts of a body of two."""
SIZE = sum(map(len, CONTENT))
CHECKSUM = composite_checksum(sha256(part).digest() for part in CONTENT)
OTHER_CHECKSUM = composite_checksum([bytes(32), bytes(32)])


def digest(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()


def opening(**changes: Any) -> dict[str, Any]:
    """The document that opens a session for a body of two parts; None takes a member away."""
    headers = {"Content-Type": MULTIPART, "Accept": "application/dicom+json"}
    document = {"resource": "/studies", "headers": headers, "size": SIZE, **changes}
    return {name: value for name, value in document.items() if value is not None}


class Rig:
    """A server, its fakes, and requests to it.

    ``failing`` maps calls of ports (``read-session``, ``begin``, ``wake`` …) to what they raise,
    ``at`` to what happens once before them; ``calls`` are those that were made.
    """

    def __init__(
        self, *, strict: bool = False, max_bytes: int = 1 << 40, partition: str = "default"
    ) -> None:
        self.now = NOW
        self.failing: dict[str, Exception] = {}
        self.at: dict[str, Callable[[], object]] = {}
        self.calls: list[str] = []
        self.sessions = MemorySessionStore(self._before)
        self.staging = MemoryStaging(self._before)
        self.queue = MemoryIngestQueue(self._before)
        self.telemetry = MemoryTelemetry()
        self.partition = partition
        numbers = count(1)
        door = SessionDoor(
            DoorPorts(
                self.sessions,
                self.staging,
                self.queue,
                self.telemetry,
                lambda: self.now,
                lambda: f"{next(numbers):032x}",
            ),
            DoorPolicy(BASE, strict, max_bytes),
        )
        ports = StorePorts(
            MemoryInstanceStore(),
            MemoryRecordStore(),
            MemoryAnnouncer(),
            self.telemetry,
            lambda: self.now,
            ThreadPoolExecutor(1),
        )
        self.server = OriginServer(ports, ServerPolicy(BASE, strict=strict), door)

    def _before(self, method: str, key: str) -> None:
        self.calls.append(method)
        self.at.pop(method, lambda: None)()
        if method in self.failing:
            raise self.failing[method]

    @property
    def path(self) -> str:
        """Of the sessions of the service."""
        default = self.partition == "default"
        return "/sessions" if default else f"/partitions/{self.partition}/sessions"

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def send(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any] | str | bytes = b"",
        subject: str | None = SUBJECT,
        **fields: str,
    ) -> HttpResponse:
        """Send a request; ``path`` is below the sessions of the service."""
        text = json.dumps(document) if isinstance(document, Mapping) else document
        body = text.encode() if isinstance(text, str) else text
        headers = Headers((("Content-Type", "application/json"), *fields.items()))
        request = HttpRequest(
            method, self.path + path, (), headers, body, request_id="request-1", subject=subject
        )
        return self.server.answer(request, lambda: 25.0)

    def open(self, subject: str | None = SUBJECT, **changes: Any) -> str:
        """Open a session; return the path of it."""
        response = self.send("POST", "", opening(**changes), subject)
        assert response.status == 201, response.body
        return f"/{told(response)['id']}"

    def put(self, path: str, *numbers: int) -> None:
        """Upload parts of ``CONTENT``."""
        parts = [{"number": n, "sha256": digest(CONTENT[n - 1])} for n in numbers]
        answer = self.send("POST", f"{path}/urls", {"parts": parts})
        for one in told(answer)["parts"]:
            self.staging.put(one["url"], CONTENT[one["number"] - 1])

    def uploaded(self, **changes: Any) -> str:
        """Open a session and upload its parts; return the path of it."""
        path = self.open(**changes)
        self.put(path, 1, 2)
        return path

    def completed(self, **changes: Any) -> str:
        """Open a session, upload its parts and complete it; return the path of it."""
        path = self.uploaded(**changes)
        response = self.send("POST", f"{path}/complete", {"checksum": CHECKSUM})
        assert response.status == 202, response.body
        return path

    def kept(self, path: str) -> Session:
        """Return the record of a session."""
        return self.sessions.sessions[SessionName(self.partition, path[1:])]

    def change(self, path: str, **changes: Any) -> Session:
        """Change the record of a session as a worker would."""
        return self.sessions.write(replace(self.kept(path), **changes))

    def finish(self, path: str, body: str = "{}", status: int = 200, size: int = 0) -> Answer:
        """Write a session's answer as a worker would; ``size`` claims another one."""
        headers = (("Content-Type", "application/dicom+json"), ("Location", f"{BASE}/studies/1.2"))
        answer = Answer(status, headers, size or len(body.encode()))
        session = self.change(path, state=SessionState.FINAL, answer=answer)
        self.staging.write(session.answer_key, [body.encode()], headers[0][1])
        return answer


def told(response: HttpResponse) -> Any:
    """Return the JSON of an answer."""
    return json.loads(response.body)


def header(response: HttpResponse, name: str) -> str | None:
    return Headers(response.headers).get(name)


def is_problem(response: HttpResponse, status: int) -> bool:
    """Whether a request was refused with this status, and the problem says so."""
    problem = told(response)
    return (
        response.status == problem["status"] == status
        and header(response, "Content-Type") == "application/problem+json"
        and problem["request_id"] == header(response, "X-Request-Id") == "request-1"
    )
