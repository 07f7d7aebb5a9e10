"""An origin server on fakes, in this process: for what has to be measured or made to fail."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from chalicelib.dicomweb.dicom_file import DicomFileLimits
from chalicelib.dicomweb.messages import Headers, HttpRequest
from chalicelib.dicomweb.structure import StructureLimits
from chalicelib.origin.intake import IntakePolicy
from chalicelib.origin.ports import Remaining
from chalicelib.origin.server import OriginServer, ServerPolicy
from chalicelib.origin.store import StorePorts
from chalicelib.settings import Settings
from tests.fakes.announcer import MemoryAnnouncer
from tests.fakes.instances import MemoryInstanceStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.telemetry import MemoryTelemetry


@dataclass(frozen=True)
class FakeAnswer:
    """An answer of the fake origin server."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeOrigin:
    """The origin server with nothing real behind it."""

    executor: ThreadPoolExecutor
    limits: DicomFileLimits = field(default_factory=DicomFileLimits)
    instances: MemoryInstanceStore = field(default_factory=MemoryInstanceStore)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)

    @classmethod
    @contextmanager
    def running(cls, max_elements: int = Settings.max_elements) -> Iterator[Self]:
        """Yield one whose data sets may have this many elements."""
        with ThreadPoolExecutor(2) as executor:
            yield cls(executor, DicomFileLimits(StructureLimits(max_elements=max_elements)))

    def post(
        self,
        body: bytes,
        content_type: str,
        headers: Sequence[tuple[str, str]] = (),
        remaining: Remaining = lambda: 25.0,
    ) -> FakeAnswer:
        """Answer a POST to the Studies resource."""
        ports = StorePorts(
            self.instances,
            MemoryRecordStore(),
            MemoryAnnouncer(),
            self.telemetry,
            lambda: datetime(2026, 5, 1, tzinfo=UTC),
            self.executor,
        )
        intake = IntakePolicy(limits=self.limits)
        server = OriginServer(ports, ServerPolicy("https://pacs.example", intake=intake))
        fields = Headers((*headers, ("Content-Type", content_type)))
        request = HttpRequest("POST", "/studies", headers=fields, body=body)
        answer = server.answer(request, remaining)
        return FakeAnswer(answer.status, dict(answer.headers), answer.body.encode())
