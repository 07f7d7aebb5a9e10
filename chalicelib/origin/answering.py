"""The answer to a Store request around its module: header fields, and what operators are told.

Both doors answer by this: a request at once, a session when its last part is placed.
"""

from collections.abc import Collection, Iterable
from http import HTTPStatus

from chalicelib.dicomweb.negotiation import ResponseFormat
from chalicelib.dicomweb.resources import study_url
from chalicelib.dicomweb.store_instances import Outcome, Stored, Tally, status_of_tally
from chalicelib.origin import metrics
from chalicelib.origin.ports import Telemetry

RETRY_AFTER_SECONDS = 5


def answer_headers(
    status: HTTPStatus,
    studies: Collection[str],
    *,
    form: ResponseFormat,
    base_uri: str,
    partition: str,
) -> tuple[tuple[str, str], ...]:
    """Return the header fields of an answer (PS3.18 Table 10.5.3-2).

    Parameters
    ----------
    studies : collection of str
        Those of stored instances.
    """
    headers = [("Content-Type", form.content_type)]
    if len(studies) == 1:
        # Both hold one URL, so several studies leave them out.
        url = study_url(base_uri, partition, *studies)
        headers += [("Location", url), ("Content-Location", url)]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
    return tuple(headers)


def report_outcomes(telemetry: Telemetry, request_id: str, outcomes: Iterable[Outcome]) -> None:
    """Count outcomes and write a line for each failure: UIDs, codes and numbers."""
    stored = failed = 0
    for outcome in outcomes:
        if isinstance(outcome, Stored):
            stored += 1
            continue
        failed += 1
        telemetry.event(
            "instance failed",
            request_id=request_id,
            reason=f"{outcome.reason.code:04X}",
            part=outcome.explanation.part,
            detail=outcome.explanation.detail,
        )
    telemetry.count(metrics.INSTANCES_STORED, stored)
    telemetry.count(metrics.INSTANCES_FAILED, failed)


def report_answer(
    telemetry: Telemetry,
    *,
    request_id: str,
    partition: str,
    tally: Tally,
    studies: Collection[str],
) -> None:
    """Write the one line of a request that was answered with a module."""
    telemetry.event(
        "store answered",
        request_id=request_id,
        partition=partition,
        status=int(status_of_tally(tally)),
        stored=tally.stored,
        failed=tally.failed,
        studies=sorted(studies),
    )
