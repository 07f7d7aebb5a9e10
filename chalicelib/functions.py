"""The Lambda functions: an AWS event in, an AWS answer out, through one entrypoint each.

The batch utilities are imported by the functions that use them: the API's cold start pays for none.
What is counted and logged of an event's outcome is here, because it is the same for none of the
adapters below and no business of the origin above.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from chalice.app import AuthRequest, Request, Response, SQSEvent

from chalicelib import bootstrap
from chalicelib.adapters.s3 import parse_object_key
from chalicelib.entrypoints.api_gateway import to_http_request, to_proxy_answer
from chalicelib.origin import metrics
from chalicelib.origin.audit import Announcement
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import InstanceKey

if TYPE_CHECKING:
    from chalicelib.origin.reconcile import ObjectName
    from chalicelib.origin.sessions.model import SessionName


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


def authorize(request: AuthRequest) -> dict[str, Any]:
    """Return the policy of a token's sender, or refuse it. What is logged holds no part of it."""
    from chalicelib.entrypoints.authorizer import Unauthorized, to_policy
    from chalicelib.origin.authorize import TokenRefused

    telemetry = bootstrap.telemetry()
    try:
        grant = bootstrap.authorizer().authorize(request.token)
    except TokenRefused as refused:
        telemetry.count(metrics.TOKENS_REFUSED)
        telemetry.event("token refused", reason=refused.reason)
        raise Unauthorized from None
    finally:
        telemetry.flush()
    return to_policy(grant, request.method_arn)


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


def audit(event: SQSEvent) -> dict[str, Any]:
    """Write the audit messages of a batch of events. Nothing of a patient's is logged here."""
    from chalicelib.entrypoints.announcements import consume_announcements

    telemetry = bootstrap.telemetry()
    try:
        return consume_announcements(event.to_dict(), _audit, telemetry.warning)
    finally:
        telemetry.flush()


def forward(event: SQSEvent) -> dict[str, Any]:
    """Send on what a batch of events announces, as the rules say."""
    from chalicelib.adapters.postponing import postpone_to_origin

    records = event.to_dict()["Records"]
    postpone = postpone_to_origin(bootstrap.sqs(), records)

    def run(events: Sequence[InstancesStored]) -> Collection[InstanceKey]:
        context: Any = event.context
        failed = bootstrap.forwarder().forward(
            events, lambda: context.get_remaining_time_in_millis() / 1000, postpone
        )
        for one in events:
            lost = failed.intersection(map(one.key_of, one.instances))
            _log_consumed("forwarded", one, len(lost))
        return failed

    return _consume(event, run)


def ingest(event: SQSEvent) -> dict[str, Any]:
    """Bring a store session on: frame its body, place its instances, write its answer."""
    from chalicelib.entrypoints.sessions import consume_wakes

    context: Any = event.context

    def work(name: "SessionName") -> bool:
        return bootstrap.ingest().work(name, lambda: context.get_remaining_time_in_millis() / 1000)

    try:
        return consume_wakes(event.to_dict(), work)
    finally:
        bootstrap.telemetry().flush()


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


def _reconcile(names: "Sequence[ObjectName]") -> "Collection[ObjectName]":
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


def _audit(announcement: Announcement) -> None:
    bootstrap.auditor().audit(announcement)
    _log_consumed("audited", announcement.event, 0)


def _object_name(key: str) -> "ObjectName | None":
    from chalicelib.origin.reconcile import ObjectName

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
