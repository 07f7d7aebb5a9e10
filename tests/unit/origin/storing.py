"""A store on fakes, and instances that arrive at it, for tests of what becomes of them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.resources import Studies
from chalicelib.dicomweb.store_instances import Failed, Stored
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.intake import Arrival, IncomingPart, IntakePolicy, take_in
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.ports import Remaining
from chalicelib.origin.store import Store, StorePolicy, StorePorts, StoreRequest
from chalicelib.standard.reasons import FailureReason
from tests.fakes.announcer import MemoryAnnouncer
from tests.fakes.instances import MemoryInstanceStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset

NOW = datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)
UID = "1.2.3.4"
CANARY = "Canary^Name"


def make_file(uid: str = UID, **attributes: object) -> bytes:
    return encode_file(make_dataset(SOPInstanceUID=uid, PatientName=CANARY, **attributes))


def arrive(*files: bytes) -> list[Arrival]:
    """The files as consecutive parts of one request; all of them can be stored."""
    taken = [
        take_in(
            IncomingPart(number, Headers(), memoryview(one)), Studies("default"), IntakePolicy()
        )
        for number, one in enumerate(files, start=1)
    ]
    arrivals = [replace(one, observations=frozenset()) for one in taken if isinstance(one, Arrival)]
    assert len(arrivals) == len(files)
    return arrivals


@dataclass
class World:
    """A store and all it sees; ``at`` is what happens before a call on an instance's object."""

    executor: ThreadPoolExecutor
    at: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    announcer: MemoryAnnouncer = field(default_factory=MemoryAnnouncer)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    policy: StorePolicy = field(default_factory=StorePolicy)

    def __post_init__(self) -> None:
        self.instances = MemoryInstanceStore(self._before)

    def _before(self, method: str, uid: str) -> None:
        self.calls.append((method, uid))
        self.at.get((method, uid), lambda: None)()

    def store(self, *files: bytes, **around: Any) -> list[Stored | Failed]:
        """What became of the files, in the order of their parts; see `store_arrivals`."""
        return self.store_arrivals(arrive(*files), **around)

    def store_arrivals(
        self,
        arrivals: list[Arrival],
        request_id: str = "request-1",
        subject: str = "",
        remaining: Remaining = lambda: 25.0,
    ) -> list[Stored | Failed]:
        ports = StorePorts(
            self.instances,
            self.records,
            self.announcer,
            self.telemetry,
            lambda: NOW,
            self.executor,
        )
        request = StoreRequest("default", request_id, subject, remaining)
        outcomes = Store(ports, self.policy).store(arrivals, request)
        return [outcomes[arrival.slot] for arrival in arrivals]

    def content(self, uid: str = UID) -> bytes:
        return self.instances.objects["default", uid][0]

    def announced(self) -> list[InstanceKey]:
        return [event.key_of(one) for event in self.announcer.sent for one in event.instances]


@contextmanager
def make_world(threads: int = 8) -> Iterator[World]:
    with ThreadPoolExecutor(threads) as executor:
        yield World(executor)


def fail(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def reasons(outcomes: Iterable[Stored | Failed]) -> list[FailureReason | None]:
    """The Failure Reason of each outcome, None for what is stored."""
    return [one.reason if isinstance(one, Failed) else None for one in outcomes]


def only_event(world: World) -> InstancesStored:
    [event] = world.announcer.sent
    return event
