"""A forwarder on fakes: what is stored, who is out there, and what the clock says."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.forwarding.configuration import Configuration
from chalicelib.forwarding.deliver import Deliverer, DeliverPolicy
from chalicelib.forwarding.destinations import Destinations
from chalicelib.forwarding.document import read_document
from chalicelib.forwarding.forwarder import Forwarder, ForwardPorts
from chalicelib.forwarding.model import Delivery, DeliveryState
from chalicelib.forwarding.resend import Resender
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.index import Indexer
from chalicelib.origin.model import InstanceKey, InstanceRecord, ObjectFacts
from chalicelib.origin.record import record_of
from chalicelib.useragent.auth import Secret
from chalicelib.useragent.retry import RetryPolicy
from tests.builders import make_event
from tests.builders_dicom import Patient, Uids, make_file, uid_of
from tests.fakes.deliveries import MemoryDeliveryStore
from tests.fakes.index import MemoryIndexStore
from tests.fakes.instances import MemoryInstanceStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.useragent.fakes import FakeClock, ScriptedTransport, Step, stores_all

HOME = "https://here.example/api"
THERE = "https://there.example/dicom-web"
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)  # a Monday
STUDY = uid_of("a study")

EVERYTHING_THERE: dict[str, Any] = {
    "version": 1,
    "destinations": [{"name": "there", "url": THERE}],
    "rules": [{"name": "all", "match": {}, "destinations": ["there"]}],
}


def make_document(
    destination: Mapping[str, Any] | None = None, rule: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The document that sends everything there, but for what is said."""
    return EVERYTHING_THERE | {
        "destinations": [EVERYTHING_THERE["destinations"][0] | (destination or {})],
        "rules": [EVERYTHING_THERE["rules"][0] | (rule or {})],
    }


def configured(document: Any) -> Configuration:
    return read_document(json.dumps(document).encode())


def dated(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class World:
    """Fakes, and a forwarder on them. ``postponed`` are events with their seconds."""

    configuration: Configuration = field(default_factory=lambda: configured(EVERYTHING_THERE))
    now: datetime = NOON
    policy: DeliverPolicy = field(default_factory=DeliverPolicy)
    transport: ScriptedTransport = field(default_factory=lambda: ScriptedTransport(stores_all))
    instances: MemoryInstanceStore = field(default_factory=MemoryInstanceStore)
    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    index: MemoryIndexStore = field(default_factory=MemoryIndexStore)
    deliveries: MemoryDeliveryStore = field(default_factory=MemoryDeliveryStore)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    postponed: list[tuple[InstancesStored, int]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    remaining: float = 300.0

    def answering(self, *script: Step) -> "World":
        """Let the destination answer so."""
        self.transport.script = list(script)
        return self

    def store(
        self,
        *names: object,
        is_indexed: bool = True,
        patient: Patient | None = None,
        partition: str = "default",
        **facts: str,
    ) -> list[InstanceKey]:
        """Store instances of one study; return their keys."""
        keys = []
        for name in names:
            content = make_file(Uids.of(name, study=STUDY), patient).encode()
            source = MemorySource(content)
            file = read_dicom_file(source, read_file_meta(source))
            known = ObjectFacts(
                sha256(content).hexdigest(), file.study, file.series, dated(self.now), "r1"
            )
            known = replace(known, **facts)  # type: ignore[arg-type]
            record = record_of(file, partition, known, len(content))
            self.instances.create(partition, file.sop_instance, content, known)
            self.records.write([record])
            keys.append(record.key)
        if is_indexed:
            self.index_all(keys)
        return keys

    def index_all(self, keys: Iterable[InstanceKey]) -> None:
        Indexer(self.records, self.index, lambda _: None).index([make_event(keys)])

    @property
    def destinations(self) -> Destinations:
        return Destinations(
            lambda _: self.transport,
            lambda reference: Secret(self.secrets[reference]),
            FakeClock(),
            RetryPolicy(attempts=2),
        )

    @property
    def deliverer(self) -> Deliverer:
        return Deliverer(
            self.instances, self.deliveries, self.destinations, lambda: self.now, self.policy
        )

    @property
    def forwarder(self) -> Forwarder:
        ports = ForwardPorts(
            lambda: self.configuration,
            self.records,
            self.index,
            self.telemetry,
            lambda: self.now,
        )
        return Forwarder(ports, self.deliverer, HOME)

    @property
    def resender(self) -> Resender:
        return Resender(self.configuration, self.records, self.index, self.deliverer, HOME)

    def forward(self, keys: Iterable[InstanceKey]) -> frozenset[InstanceKey]:
        """Forward what one event announces; return what failed."""
        return self.forwarder.forward(
            [make_event(keys)],
            lambda: self.remaining,
            lambda event, seconds: self.postponed.append((event, seconds)),
        )

    def run_postponed(self) -> frozenset[InstanceKey]:
        """Let the time of the first postponed event come."""
        event, seconds = self.postponed.pop(0)
        self.now += timedelta(seconds=seconds)
        return self.forward(map(event.key_of, event.instances))

    def delivery(self, key: InstanceKey, destination: str = "there") -> Delivery | None:
        return self.deliveries.deliveries.get((destination, key))

    def state(self, key: InstanceKey, destination: str = "there") -> DeliveryState | None:
        delivery = self.delivery(key, destination)
        return delivery.state if delivery else None

    @property
    def sent(self) -> list[str]:
        """SOP Instance UIDs in the order in which they left."""
        return [uid for post in self.transport.posts for uid in post.uids]


def records_of(world: World) -> list[InstanceRecord]:
    return list(world.records.records.values())
