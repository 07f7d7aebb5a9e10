"""Store (PS3.18 10.5.2): arrivals become objects, records and events; each has one outcome.

An instance is stored when its object and its record are accepted. The event comes after and
cannot fail the store: reconcile announces what the bus did not take.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import TypeVar

from chalicelib.dicomweb.dicom_file import DicomFileLimits
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.store_instances import Failed, Stored
from chalicelib.origin import metrics
from chalicelib.origin.events import AnnouncedInstance, Cause, InstancesStored
from chalicelib.origin.intake import OUT_OF_TIME, Arrival
from chalicelib.origin.model import InstanceKey, InstanceRecord, ObjectFacts
from chalicelib.origin.ports import (
    Announcer,
    Clock,
    InstanceStore,
    RecordStore,
    Remaining,
    Telemetry,
    Unavailable,
)
from chalicelib.origin.record import record_of
from chalicelib.origin.sameness import Sameness, match_sibling, match_stored
from chalicelib.origin.times import timestamp
from chalicelib.standard.reasons import FailureReason

RECORDS_PER_WRITE = 25
"""What one batch write of the table takes."""

MAX_FACT_CHARACTERS = 128
"""Of a subject or request id: twelve bytes each when percent-encoded, and 2 KB is what object
metadata may hold. Cut here, so that the record says what the object says."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class StorePorts:
    """What storing needs of the world. ``executor`` runs as many calls at once as it has threads,
    which is the size of the connection pools too."""

    instances: InstanceStore
    records: RecordStore
    announcer: Announcer
    telemetry: Telemetry
    clock: Clock
    executor: Executor


@dataclass(frozen=True, slots=True)
class StorePolicy:
    """Seconds are those left of the function's time.

    ``last_put``: no new put is begun with less left. ``last_deposit``: puts still under way are
    given up, so that one that hangs does not cost the others their records. ``last_wait``: the
    answer is given, whatever is still under way; what is under way then is not promised.
    """

    last_put: float = 5.0
    last_deposit: float = 3.0
    last_wait: float = 1.5
    limits: DicomFileLimits = field(default_factory=DicomFileLimits)


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What storing needs to know of the request around the arrivals."""

    partition: str
    request_id: str
    subject: str
    remaining: Remaining
    via: str = ""


@dataclass(frozen=True, slots=True)
class _Deposited:
    """An arrival whose object is there: what its record is, and what the event will say."""

    arrival: Arrival
    record: InstanceRecord
    observations: frozenset[str]
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Refused:
    """An arrival that is not stored, or not certainly."""

    arrival: Arrival
    failed: Failed


_Deposit = _Deposited | _Refused


class Store:
    """Stores the arrivals of a request."""

    def __init__(self, ports: StorePorts, policy: StorePolicy | None = None) -> None:
        self._ports = ports
        self._policy = policy or StorePolicy()

    def store(
        self, arrivals: Sequence[Arrival], request: StoreRequest
    ) -> dict[int, Stored | Failed]:
        """Store the arrivals; return the outcome of each by its slot in the response.

        Never raises for what a port or a part does: what is not certainly stored has failed.
        """
        received = timestamp(self._ports.clock())
        groups = _by_instance(arrivals)
        submit = self._ports.executor.submit
        tasks = [(group, submit(self._settle, group, request, received)) for group in groups]
        deposits: list[_Deposit] = []
        for group, task in tasks:
            settled = self._await(task, request, self._policy.last_deposit)
            deposits += settled or [_refused(arrival, OUT_OF_TIME) for arrival in group]
        deposited = [deposit for deposit in deposits if isinstance(deposit, _Deposited)]
        accepted = self._write_records([d.record for d in deposited], request)
        self._announce([d for d in deposited if d.record.key in accepted], request)
        return {deposit.arrival.slot: _outcome(deposit, accepted) for deposit in deposits}

    def _settle(
        self, group: Sequence[Arrival], request: StoreRequest, received: str
    ) -> list[_Deposit]:
        """Settle the arrivals of one SOP Instance UID in request order: the first stored wins."""
        winner: _Deposited | None = None
        deposits: list[_Deposit] = []
        for arrival in group:
            if winner is not None:
                deposit = self._beside(arrival, winner, request)
            elif deposits and _is_transient(deposits[-1]):
                deposit = _refused(arrival, _SIBLING_FAILED)
            else:
                deposit = self._deposit(arrival, request, received)
                winner = deposit if isinstance(deposit, _Deposited) else None
            deposits.append(deposit)
        return deposits

    def _deposit(self, arrival: Arrival, request: StoreRequest, received: str) -> _Deposit:
        """Create the object, or find what an object that is there already means."""
        file = arrival.file
        if request.remaining() < self._policy.last_put:
            return _refused(arrival, OUT_OF_TIME)
        facts = ObjectFacts(
            sha256=arrival.sha256,
            study=file.study,
            series=file.series,
            received=received,
            request_id=request.request_id[:MAX_FACT_CHARACTERS],
            subject=request.subject[:MAX_FACT_CHARACTERS],
            source_form=arrival.source_form,
            via=request.via,
        )
        try:
            # Before the put: what no record can be made of shall not be there without one.
            record = record_of(file, request.partition, facts, len(arrival.content))
            if self._ports.instances.create(
                request.partition, file.sop_instance, arrival.content, facts
            ):
                return _Deposited(arrival, record, arrival.observations, is_new=True)
            return self._deposit_again(arrival, request, facts.request_id)
        except InstanceError as error:
            return _refused(arrival, error)
        except Unavailable:
            return _refused(arrival, _UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - an unknown fault must not become a success
            return self._unknown(error, arrival, request)

    def _deposit_again(
        self, arrival: Arrival, request: StoreRequest, own_request_id: str
    ) -> _Deposit:
        """Match the arrival with the object that is there: a re-send, a rewrap, or a duplicate.

        Our own put is among them, when its answer was lost and the SDK sent it again.
        """
        uid = arrival.file.sop_instance
        stored = self._ports.instances.find(request.partition, uid)
        if stored is None:
            raise Unavailable("an object that exists cannot be found")
        match = match_stored(
            arrival, request.partition, stored, self._ports.instances, self._policy.limits
        )
        record = record_of(match.file, request.partition, stored.facts, stored.size)
        observations = arrival.observations
        if match.sameness is Sameness.REWRAPPED:
            observations = match.file.observations | {"rewrapped"}
        is_new = stored.facts.request_id == own_request_id
        return _Deposited(arrival, record, observations, is_new)

    def _beside(self, arrival: Arrival, winner: _Deposited, request: StoreRequest) -> _Deposit:
        """Return the deposit of a later part with the winner's UID."""
        try:
            sameness = match_sibling(arrival, winner.arrival, self._policy.limits)
        except InstanceError as error:
            return _refused(arrival, error)
        except Exception as error:  # noqa: BLE001 - nor may it cost the winner its success
            return self._unknown(error, arrival, request)
        rewrapped = {"rewrapped"} if sameness is Sameness.REWRAPPED else set()
        return _Deposited(arrival, winner.record, winner.observations | rewrapped, winner.is_new)

    def _unknown(self, error: Exception, arrival: Arrival, request: StoreRequest) -> _Refused:
        self._ports.telemetry.trouble(
            "instance not stored",
            error,
            sop_instance=arrival.file.sop_instance,
            request_id=request.request_id,
        )
        return _refused(arrival, _PROCESSING_FAILURE)

    def _write_records(
        self, records: Sequence[InstanceRecord], request: StoreRequest
    ) -> frozenset[InstanceKey]:
        """Write the records in batches side by side; return the keys that were accepted."""
        batches = [
            tuple({record.key: record for record in batch}.values())
            for batch in _batches(records, RECORDS_PER_WRITE)
        ]
        tasks = [self._ports.executor.submit(self._ports.records.write, batch) for batch in batches]
        accepted: set[InstanceKey] = set()
        for task in tasks:
            written = self._await(task, request, self._policy.last_wait)
            accepted |= written or frozenset()
        return frozenset(accepted)

    def _announce(self, accepted: Sequence[_Deposited], request: StoreRequest) -> None:
        """Send one event per study. What the bus does not take is counted, and fails nothing."""
        resent = sum(not deposited.is_new for deposited in accepted)
        self._ports.telemetry.count(metrics.INSTANCES_RESENT, resent)
        events = [piece for event in _events(accepted, request) for piece in event.split()]
        if not events:
            return
        task = self._ports.executor.submit(self._ports.announcer.announce, events)
        left_over = self._await(task, request, self._policy.last_wait)
        for event in events if left_over is None else left_over:
            self._ports.telemetry.count(metrics.EVENTS_NOT_SENT)
            self._ports.telemetry.event(
                "event not sent", study=event.study, instances=len(event.instances)
            )

    def _await(self, task: Future[_Result], request: StoreRequest, until: float) -> _Result | None:
        """Return the result, None when it failed or is not there with ``until`` seconds left."""
        try:
            return task.result(max(request.remaining() - until, 0.0))
        except FutureTimeoutError:
            task.cancel()
        except Exception as error:  # noqa: BLE001 - an unknown fault must not become a success
            self._ports.telemetry.trouble("store failed", error, request_id=request.request_id)
        return None


_UNAVAILABLE = InstanceError(
    FailureReason.STORE_UNAVAILABLE, "The store is throttled or does not answer; send it again."
)
_SIBLING_FAILED = InstanceError(
    FailureReason.STORE_UNAVAILABLE,
    "An earlier part with this SOP Instance UID could not be stored now; send both again.",
)
_PROCESSING_FAILURE = InstanceError(
    FailureReason.PROCESSING_FAILURE, "Storing this instance failed; the log has the cause."
)
_NO_RECORD = InstanceError(
    FailureReason.STORE_UNAVAILABLE,
    "The instance's record was not accepted now; send the instance again.",
)


def _refused(arrival: Arrival, error: InstanceError) -> _Refused:
    return _Refused(arrival, arrival.failed(error))


def _outcome(deposit: _Deposit, accepted: frozenset[InstanceKey]) -> Stored | Failed:
    if isinstance(deposit, _Refused):
        return deposit.failed
    arrival = deposit.arrival
    if deposit.record.key not in accepted:
        return arrival.failed(_NO_RECORD)
    return Stored(arrival.reference, arrival.warning)


def _is_transient(deposit: _Deposit) -> bool:
    return isinstance(deposit, _Refused) and deposit.failed.reason.transient


def _by_instance(arrivals: Iterable[Arrival]) -> list[list[Arrival]]:
    """Return the arrivals grouped by SOP Instance UID, in request order."""
    groups: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        groups.setdefault(arrival.file.sop_instance, []).append(arrival)
    return list(groups.values())


def _batches(items: Sequence[InstanceRecord], size: int) -> Iterator[Sequence[InstanceRecord]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _events(accepted: Iterable[_Deposited], request: StoreRequest) -> Iterator[InstancesStored]:
    """Yield one event per study; an instance sent twice is announced once, all it showed kept."""
    studies: dict[str, dict[InstanceKey, list[_Deposited]]] = {}
    for deposited in accepted:
        key = deposited.record.key
        studies.setdefault(key.study, {}).setdefault(key, []).append(deposited)
    for study, instances in studies.items():
        is_new = any(d.is_new for deposits in instances.values() for d in deposits)
        yield InstancesStored(
            partition=request.partition,
            study=study,
            request_id=request.request_id,
            cause=Cause.STORED if is_new else Cause.RESENT,
            instances=tuple(
                AnnouncedInstance(
                    key.series,
                    key.sop_instance,
                    deposits[0].record.sop_class,
                    tuple(sorted(frozenset().union(*(d.observations for d in deposits)))),
                )
                for key, deposits in instances.items()
            ),
        )
