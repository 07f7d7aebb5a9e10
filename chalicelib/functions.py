"""The Lambda functions: an AWS event in, an AWS answer out, through one entrypoint each.

The batch utilities are imported by the functions that use them: the API's cold start pays for none.
What is counted and logged of an event's outcome is here, because it is the same for none of the
adapters below and no business of the origin above.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from chalice.app import Request, Response, SQSEvent

from chalicelib import bootstrap
from chalicelib.adapters.s3 import parse_object_key
from chalicelib.entrypoints.api_gateway import to_http_request, to_proxy_answer
from chalicelib.origin import metrics
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.reconcile import ObjectName


def answer(request: Request) -> Response:
    """Answer a request of the API."""
    context = request.lambda_context
    try:
        response = bootstrap.origin_server().answer(
            to_http_request(request.to_original_event()),
            remaining=lambda: context.get_remaining_time_in_millis() / 1000,
        )
    finally:
        bootstrap.telemetry().flush()
    body, status, headers = to_proxy_answer(response)
    return Response(body, headers, status)


def validate(event: SQSEvent) -> dict[str, Any]:
    """Judge the instances that a batch of events announces."""
    return _consume(event, _validate)


def index(event: SQSEvent) -> dict[str, Any]:
    """Bring the index up to what a batch of events announces."""
    return _consume(event, _index)


def reconcile(event: SQSEvent) -> dict[str, Any]:
    """Complete what some minutes after its creation lacks a record, a verdict or the index."""
    from chalicelib.entrypoints.sqs import consume_notifications

    telemetry = bootstrap.telemetry()
    warn = telemetry.warning
    try:
        return consume_notifications(event.to_dict(), _reconcile, parse_object_key, warn)
    finally:
        telemetry.flush()


def _consume(
    event: SQSEvent, consume: Callable[[Sequence[InstancesStored]], Collection[InstanceKey]]
) -> dict[str, Any]:
    from chalicelib.entrypoints.sqs import consume_events

    telemetry = bootstrap.telemetry()
    try:
        return consume_events(event.to_dict(), consume, bootstrap.requeue(), telemetry.warning)
    finally:
        telemetry.flush()


def _validate(events: Sequence[InstancesStored]) -> Collection[InstanceKey]:
    failed: list[InstanceKey] = []
    for event in events:
        lost = bootstrap.validator().validate(event)
        failed += lost
        _log_consumed("validated", event, len(lost))
    return failed


def _index(events: Sequence[InstancesStored]) -> Collection[InstanceKey]:
    telemetry = bootstrap.telemetry()
    report = bootstrap.indexer().index(events)
    for change in report.changes:
        if change.new_conflicts:
            telemetry.count(metrics.STUDIES_IN_CONFLICT)
            telemetry.warning(
                "study in conflict",
                partition=change.study.partition,
                study=change.study.study,
                attributes=list(change.new_conflicts),
            )
    for event in events:
        lost = [key for key in map(event.key_of, event.instances) if key in report.failed]
        telemetry.count(metrics.INSTANCES_INDEXED, len(event.instances) - len(lost))
        _log_consumed("indexed", event, len(lost))
    return report.failed


def _reconcile(names: Sequence[ObjectName]) -> Collection[ObjectName]:
    telemetry = bootstrap.telemetry()
    report = bootstrap.reconciler().reconcile(names)
    telemetry.count(metrics.INSTANCES_RECONCILED, len(report.announced))
    for key in report.announced:
        telemetry.warning(
            "instance reconciled",
            partition=key.partition,
            study=key.study,
            sop_instance=key.sop_instance,
            recorded=key in report.recorded,
        )
    return report.failed


def _object_name(key: str) -> ObjectName | None:
    named = parse_object_key(key)
    return ObjectName(*named) if named else None


def _log_consumed(done: str, event: InstancesStored, failed: int) -> None:
    """Write the one line that each consumer writes of each event."""
    telemetry = bootstrap.telemetry()
    telemetry.count(metrics.EVENTS_CONSUMED)
    telemetry.event(
        f"event {done}",
        partition=event.partition,
        study=event.study,
        request_id=event.request_id,
        cause=event.cause.value,
        instances=len(event.instances),
        failed=failed,
    )
