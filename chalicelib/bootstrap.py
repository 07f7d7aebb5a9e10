"""The composition root: ports meet adapters, once per warm function.

Imports stand inside the functions that need them: each Lambda function imports only what it uses,
and pays for nothing else at a cold start.
"""

import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chalicelib import settings as settings_module
from chalicelib.limits import file_limits, intake_policy, part_limits, session_limits
from chalicelib.settings import Settings
from chalicelib.telemetry import PowertoolsTelemetry

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.sessions import DynamoDbSessionStore
    from chalicelib.adapters.dynamodb.table import Table
    from chalicelib.adapters.ingest_queue import SqsIngestQueue
    from chalicelib.adapters.s3 import S3InstanceStore
    from chalicelib.adapters.s3_staging import S3Staging
    from chalicelib.adapters.sqs import SqsRequeue
    from chalicelib.forwarding.current import CurrentConfiguration
    from chalicelib.forwarding.deliver import Deliverer, DeliverPolicy
    from chalicelib.forwarding.forwarder import Forwarder
    from chalicelib.forwarding.resend import Resender
    from chalicelib.origin.audit import Auditor
    from chalicelib.origin.authorize import Authorizer
    from chalicelib.origin.index import Indexer
    from chalicelib.origin.reconcile import Reconciler
    from chalicelib.origin.server import OriginServer
    from chalicelib.origin.sessions.door import SessionDoor
    from chalicelib.origin.sessions.ingest import Ingest
    from chalicelib.origin.store import StorePorts
    from chalicelib.origin.validate.validator import Validator


@cache
def settings() -> Settings:
    """Return the settings of this function."""
    return settings_module.load()


@cache
def telemetry() -> PowertoolsTelemetry:
    """Return this function's log and metrics."""
    return PowertoolsTelemetry()


@cache
def origin_server() -> "OriginServer":
    """Return the origin server behind the API."""
    from chalicelib.dicomweb.cors import CorsPolicy
    from chalicelib.origin.server import OriginServer, ServerPolicy
    from chalicelib.origin.store import StorePolicy

    configured = settings()
    policy = ServerPolicy(
        base_uri=configured.base_uri,
        strict=configured.strict,
        explain=configured.explain,
        part_limits=part_limits(configured, configured.max_parts),
        max_inflated_bytes=configured.max_inflated_bytes,
        session_limits=session_limits(configured),
        intake=intake_policy(configured),
        store=StorePolicy(limits=file_limits(configured)),
        cors=CorsPolicy(configured.cors_origins),
    )
    return OriginServer(_store_ports(_instances()), policy, _session_door())


def _session_door() -> "SessionDoor | None":
    from chalicelib.origin.sessions.door import DoorPolicy, DoorPorts, SessionDoor

    configured = settings()
    if not configured.staging_bucket:
        return None
    ports = DoorPorts(
        sessions=_sessions(),
        staging=_staging(_client("s3")),
        queue=_ingest_queue(),
        telemetry=telemetry(),
        clock=_now,
        make_identity=partial(secrets.token_hex, 16),
    )
    policy = DoorPolicy(configured.base_uri, configured.strict, configured.max_session_bytes)
    return SessionDoor(ports, policy)


@cache
def ingest() -> "Ingest":
    """Return what the ingest function runs."""
    from chalicelib.adapters.memory import return_large_buffers
    from chalicelib.adapters.s3 import S3InstanceStore
    from chalicelib.adapters.s3_copy import S3Copier
    from chalicelib.origin.sessions.framing import FramingPorts
    from chalicelib.origin.sessions.ingest import Ingest, IngestPolicy, IngestPorts
    from chalicelib.origin.sessions.placing import PlacingPorts
    from chalicelib.origin.store import Store, StorePolicy

    return_large_buffers()
    configured = settings()
    # Nobody waits for an answer here, and a copy inside S3 answers when it is done.
    client = _client("s3", configured.concurrency + _COPIES + _READERS, read_timeout=60.0)
    copier = S3Copier(
        client,
        configured.staging_bucket,
        configured.bucket,
        ThreadPoolExecutor(_COPIES, thread_name_prefix="copy"),
    )
    instances = S3InstanceStore(client, configured.bucket, _wait(), copier)
    staging = _staging(client)
    reader = ThreadPoolExecutor(_READERS, thread_name_prefix="read")
    store = Store(_store_ports(instances), StorePolicy(limits=file_limits(configured)))
    ports = IngestPorts(
        sessions=_sessions(),
        queue=_ingest_queue(),
        framing=FramingPorts(staging, reader),
        placing=PlacingPorts(staging, store, reader, _wait()),
        telemetry=telemetry(),
        clock=_now,
    )
    policy = IngestPolicy(
        base_uri=configured.base_uri,
        explain=configured.explain,
        part_limits=part_limits(configured, configured.max_session_parts),
        intake=intake_policy(configured),
    )
    return Ingest(ports, policy)


_COPIES = 16
_READERS = 4


def _store_ports(instances: "S3InstanceStore") -> "StorePorts":
    from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
    from chalicelib.adapters.eventbridge import EventBridgeAnnouncer
    from chalicelib.origin.store import StorePorts

    return StorePorts(
        instances=instances,
        records=DynamoDbRecordStore(_table()),
        announcer=EventBridgeAnnouncer(_client("events"), settings().event_bus),
        telemetry=telemetry(),
        clock=_now,
        executor=ThreadPoolExecutor(settings().concurrency, thread_name_prefix="store"),
    )


def _sessions() -> "DynamoDbSessionStore":
    from chalicelib.adapters.dynamodb.sessions import DynamoDbSessionStore

    return DynamoDbSessionStore(_table())


def _staging(client: Any) -> "S3Staging":
    from chalicelib.adapters.clients import make_signer
    from chalicelib.adapters.s3_staging import S3Staging

    configured = settings()
    signer = make_signer(configured.staging_endpoint)
    return S3Staging(client, signer, configured.staging_bucket, _now)


def _ingest_queue() -> "SqsIngestQueue":
    from chalicelib.adapters.ingest_queue import SqsIngestQueue
    from chalicelib.entrypoints.sessions import encode_wake

    return SqsIngestQueue(sqs(), settings().ingest_queue, encode_wake)


@cache
def validator() -> "Validator":
    """Return what the validation function runs."""
    from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
    from chalicelib.origin.validate.reporting import report_verdict
    from chalicelib.origin.validate.validator import Validator

    report = partial(report_verdict, telemetry())
    return Validator(_instances(), DynamoDbVerdictStore(_table()), report)


@cache
def indexer() -> "Indexer":
    """Return what the indexing function runs."""
    from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
    from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
    from chalicelib.origin.index import Indexer

    return Indexer(DynamoDbRecordStore(_table()), DynamoDbIndexStore(_table()), _wait())


@cache
def reconciler() -> "Reconciler":
    """Return what the reconcile function runs."""
    from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
    from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
    from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
    from chalicelib.adapters.eventbridge import EventBridgeAnnouncer
    from chalicelib.origin.reconcile import Reconciler
    from chalicelib.origin.record import read_record

    return Reconciler(
        instances=_instances(),
        records=DynamoDbRecordStore(_table()),
        verdicts=DynamoDbVerdictStore(_table()),
        index=DynamoDbIndexStore(_table()),
        announcer=EventBridgeAnnouncer(_client("events"), settings().event_bus),
        make_record=partial(read_record, _instances(), file_limits(settings())),
    )


@cache
def authorizer() -> "Authorizer":
    """Return what the authorizing function runs."""
    from chalicelib.adapters.jwks import KeySet, fetch_json
    from chalicelib.adapters.jwt import JwtRules, JwtVerifier
    from chalicelib.origin.authorize import Authorizer, GrantRules

    configured = settings_module.load_token_settings()
    keys = KeySet(partial(fetch_json, configured.keys_url), time.monotonic)
    rules = JwtRules(
        configured.issuer, configured.audience, configured.algorithms, configured.leeway
    )
    return Authorizer(
        JwtVerifier(keys, rules),
        GrantRules(
            configured.scope_prefix, configured.partitions_claim, configured.default_partitions
        ),
    )


@cache
def auditor() -> "Auditor":
    """Return what the auditing function runs."""
    from chalicelib.adapters.cloudwatch_logs import CloudWatchAuditLog
    from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
    from chalicelib.origin.audit import Auditor

    log = CloudWatchAuditLog(_client("logs"), settings_module.load_audit_log(), _now)
    return Auditor(DynamoDbRecordStore(_table()), log, settings().base_uri)


@cache
def requeue() -> "SqsRequeue":
    """Return what sends pieces of a message back to its queue."""
    from chalicelib.adapters.sqs import SqsRequeue

    return SqsRequeue(sqs())


@cache
def sqs() -> Any:
    """Return the client that queues are written with."""
    return _client("sqs")


@cache
def forwarder() -> "Forwarder":
    """Return what the forwarding function runs."""
    from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
    from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
    from chalicelib.forwarding.forwarder import Forwarder, ForwardPorts

    ports = ForwardPorts(
        configuration=_forward_configuration(),
        records=DynamoDbRecordStore(_table()),
        index=DynamoDbIndexStore(_table()),
        telemetry=telemetry(),
        clock=_now,
    )
    return Forwarder(ports, _deliverer(), settings().base_uri)


def resender() -> "Resender":
    """Return what an operator's command sends with."""
    from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
    from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
    from chalicelib.forwarding.deliver import DeliverPolicy
    from chalicelib.forwarding.resend import Resender

    return Resender(
        configuration=_forward_configuration()(),
        records=DynamoDbRecordStore(_table()),
        index=DynamoDbIndexStore(_table()),
        # Nothing ends this call from outside, so a claim lasts as long as a slow line may need.
        deliverer=_deliverer(DeliverPolicy(lease=3600.0)),
        base_uri=settings().base_uri,
    )


def _forward_configuration() -> "CurrentConfiguration":
    from chalicelib.adapters.documents import document_at
    from chalicelib.forwarding.current import CurrentConfiguration

    configured = settings_module.load_forward_settings()
    document = document_at(configured.rules, _client("s3")) if configured.rules else None
    return CurrentConfiguration(document, _now, configured.is_local)


def _deliverer(policy: "DeliverPolicy | None" = None) -> "Deliverer":
    from chalicelib.adapters.dynamodb.deliveries import DynamoDbDeliveryStore
    from chalicelib.adapters.secrets import ReferencedSecrets
    from chalicelib.forwarding.deliver import Deliverer, DeliverPolicy
    from chalicelib.forwarding.destinations import Destinations
    from chalicelib.forwarding.transport import GuardedTransport
    from chalicelib.useragent.clock import SystemClock
    from chalicelib.useragent.transport import Timeouts

    destinations = Destinations(
        make_transport=partial(
            GuardedTransport,
            allows_loopback=settings_module.load_forward_settings().is_local,
            timeouts=Timeouts(connect=5.0, idle=45.0),
        ),
        read_secret=ReferencedSecrets(
            partial(_client, "secretsmanager"), partial(_client, "ssm"), settings_module.variable
        ),
        clock=SystemClock(),
    )
    return Deliverer(
        _instances(),
        DynamoDbDeliveryStore(_table()),
        destinations,
        _now,
        policy or DeliverPolicy(),
    )


@cache
def _instances() -> "S3InstanceStore":
    from chalicelib.adapters.s3 import S3InstanceStore

    return S3InstanceStore(_client("s3"), settings().bucket, _wait())


@cache
def _table() -> "Table":
    from chalicelib.adapters.dynamodb.table import Table

    # The SDK's own look at every attribute costs twice what the call does; encoders are tested.
    client = _client("dynamodb", parameter_validation=False)
    return Table(client, settings().table, _wait())


@cache
def _client(service: str, connections: int | None = None, **options: Any) -> Any:
    from chalicelib.adapters.clients import make_client

    return make_client(service, connections or settings().concurrency, **options)


def _wait() -> Callable[[int], None]:
    from chalicelib.adapters.waiting import jittered

    return jittered(time.sleep, random.random)


def _now() -> datetime:
    return datetime.now(UTC)
