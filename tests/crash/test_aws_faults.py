"""AWS throttles, fails in parts, loses answers and writes late: no success is untrue, none is lost.

After every fault the client sends again, or reconcile looks, and all promises are kept.
"""

import pytest

from chalicelib.standard.reasons import FailureReason
from tests.crash.conftest import FILES, SENT, Case, Product
from tests.crash.faults import VICTIM

UNAVAILABLE = FailureReason.STORE_UNAVAILABLE.code
PROCESSING_FAILURE = FailureReason.PROCESSING_FAILURE.code
OTHERS = [uid for uid in FILES if uid != VICTIM]


def resend_and_index(product: Product, case: Case) -> None:
    assert product.post(case, SENT).referenced == list(FILES)
    product.consume("IndexQueue")
    case.assert_kept(FILES)


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        ("one put slowed down once", 6),
        ("two puts met", 7),
        ("table throttled once", 6),
        ("one record unprocessed once", 6),
        ("answer to a put lost once", 7),
        ("answer of the table lost once", 6),
        ("answer of the bus lost once", 6),
        ("records twice", 5),
    ],
)
def test_what_one_more_call_cures_is_a_success(
    product: Product, case: Case, fault: str, calls: int
) -> None:
    call = product.post(case, SENT, faults=[fault])
    assert (call.status, call.referenced, call.failed) == (200, list(FILES), {})
    assert len(call.calls) == calls
    product.hear()
    case.assert_announced(FILES)


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("one put slowed down", {VICTIM: UNAVAILABLE}),
        ("all puts slowed down", dict.fromkeys(FILES, UNAVAILABLE)),
        ("one put denied", {VICTIM: PROCESSING_FAILURE}),
        ("one put late", {VICTIM: UNAVAILABLE}),
        ("table throttled", dict.fromkeys(FILES, UNAVAILABLE)),
        ("one record unprocessed", {VICTIM: UNAVAILABLE}),
        ("answers of the table lost", dict.fromkeys(FILES, UNAVAILABLE)),
        ("records late", dict.fromkeys(FILES, UNAVAILABLE)),
    ],
)
def test_what_a_resend_cures_is_503_with_the_whole_module(
    product: Product, case: Case, fault: str, failed: dict[str, int]
) -> None:
    call = product.post(case, SENT, faults=[fault])
    assert (call.status, call.retry_after) == (503, "5")
    assert call.failed == failed
    assert call.referenced == [uid for uid in FILES if uid not in failed]
    case.assert_stored({uid: FILES[uid] for uid in call.referenced})
    assert product.post(case, SENT).referenced == list(FILES)
    product.hear()
    case.assert_announced(FILES)


def test_the_answers_to_all_puts_may_be_lost(product: Product, case: Case) -> None:
    call = product.post(case, SENT, faults=["answers to puts lost", "looks slowed down"])
    assert (call.status, call.failed) == (503, dict.fromkeys(FILES, UNAVAILABLE))
    assert case.objects() == sorted(FILES)
    resend_and_index(product, case)


@pytest.mark.parametrize("fault", ["bus down", "one event refused"])
def test_what_the_bus_did_not_take_is_announced_by_reconcile(
    product: Product, case: Case, fault: str
) -> None:
    call = product.post(case, SENT, faults=[fault])
    assert (call.status, call.referenced) == (200, list(FILES))
    product.consume("ReconcileQueue", "IndexQueue")
    case.assert_kept(FILES)


# ------------------------------------------------------------------ late writes


def test_a_put_that_arrives_after_the_resend_changes_nothing(product: Product, case: Case) -> None:
    late = product.post(case, SENT, faults=["one put late"]).late
    product.post(case, SENT)
    assert {product.world.let_arrive(one) for one in late} == {412}
    product.consume("IndexQueue")
    case.assert_kept(FILES)


def test_a_put_that_arrives_after_the_answer_is_completed_by_reconcile(
    product: Product, case: Case
) -> None:
    first, *repeated = product.post(case, SENT, faults=["one put late"]).late
    assert product.world.let_arrive(first) == 200
    assert {product.world.let_arrive(one) for one in repeated} == {412}
    product.consume("ReconcileQueue", "IndexQueue")
    case.assert_kept(FILES)


@pytest.mark.parametrize("fault", ["records late", "records twice"])
def test_records_that_arrive_when_all_is_done_change_nothing(
    product: Product, case: Case, fault: str
) -> None:
    late = product.post(case, SENT, faults=[fault]).late
    resend_and_index(product, case)
    assert {product.world.let_arrive(one) for one in late} == {200}
    product.consume("ReconcileQueue", "IndexQueue")
    case.assert_kept(FILES)


def test_records_may_arrive_late_from_a_request_whose_put_lost(
    product: Product, case: Case
) -> None:
    """Two requests meet; the one that lost writes the record of the one that won."""
    product.post(case, SENT, kill_before=4)
    late = product.post(case, SENT, faults=["records late"]).late
    resend_and_index(product, case)
    assert {product.world.let_arrive(one) for one in late} == {200}
    case.assert_kept(FILES)


# ------------------------------------------------------------------ consumers


@pytest.mark.parametrize(
    "fault",
    [
        "reads throttled",
        "queries throttled",
        "aggregates throttled",
        "answers to aggregates lost",
    ],
)
def test_an_indexer_that_is_throttled_gets_its_messages_again(
    product: Product, case: Case, fault: str
) -> None:
    product.post(case, SENT)
    first, *_ = product.consume("IndexQueue", faults=[fault])
    assert first.answer["batchItemFailures"]
    case.assert_kept(FILES)


@pytest.mark.parametrize(
    "fault",
    [
        "looks slowed down",
        "reads throttled",
        "objects unreadable",
        "one record unprocessed",
        "table throttled",
        "queries throttled",
        "bus down",
        "one event refused",
    ],
)
def test_a_reconcile_that_is_throttled_gets_its_messages_again(
    product: Product, case: Case, fault: str
) -> None:
    product.post(case, SENT, kill_before=4)
    first, *_ = product.consume("ReconcileQueue", faults=[fault])
    assert first.answer["batchItemFailures"]
    product.hear()
    case.assert_announced(FILES)
