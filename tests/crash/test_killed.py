"""The process is killed between each two steps; a re-send or reconcile completes what it left.

A step is a call to AWS that changes something: whoever dies before, after or between reads leaves
the same behind. Every test runs through all of them: it kills the process before its first call,
then after its first step, its second, until after its last, when all is done but the answer.
"""

from tests.crash.conftest import FILES, SENT, Call, Case, EachKill, Product

PAIR = {uid: FILES[uid] for uid in ("1.2.3.1", "1.2.4.1")}
"""One instance of each study: what a consumer does for the third is what it does for the first."""
STORING = [*["s3.PutObject"] * 3, "dynamodb.BatchWriteItem", "eventbridge.PutEvents"]
BEFORE_RECORDS = 4
EVERYTHING = ("ReconcileQueue", "ValidateQueue", "IndexQueue")


def test_an_unharmed_request_makes_these_steps(product: Product, case: Case) -> None:
    call = product.post(case, SENT)
    assert (call.status, call.referenced) == (200, list(FILES))
    assert call.calls == STORING
    case.assert_stored(FILES)
    product.consume(*EVERYTHING)
    case.assert_kept(FILES)
    case.assert_judged(FILES)


# ------------------------------------------------------------------ the origin server is killed


def test_what_a_killed_request_left_is_completed_by_a_resend(
    product: Product, each_kill: EachKill
) -> None:
    def attempt(case: Case, **kill: int) -> Call:
        return product.post(case, SENT, **kill)

    def check(case: Case, killed: Call) -> None:
        assert len(case.objects()) == killed.calls.count("s3.PutObject")
        assert product.post(case, SENT).referenced == list(FILES)
        product.hear()
        case.assert_announced(FILES)

    each_kill(attempt, check)


def test_what_a_killed_request_left_is_completed_by_reconcile_alone(
    product: Product, each_kill: EachKill
) -> None:
    def attempt(case: Case, **kill: int) -> Call:
        return product.post(case, SENT, **kill)

    def check(case: Case, _: Call) -> None:
        left = {uid: FILES[uid] for uid in case.objects()}
        product.consume(*EVERYTHING)
        case.assert_kept(left)
        case.assert_judged(left)

    each_kill(attempt, check)


def test_a_resend_may_be_killed_too(product: Product, each_kill: EachKill) -> None:
    def attempt(case: Case, **kill: int) -> Call:
        product.post(case, SENT, kill_before=BEFORE_RECORDS)
        return product.post(case, SENT, **kill)

    def check(case: Case, _: Call) -> None:
        assert product.post(case, SENT).referenced == list(FILES)
        product.hear()
        case.assert_announced(FILES)

    each_kill(attempt, check)


# ------------------------------------------------------------------ a consumer is killed


def test_a_killed_indexer_is_completed_by_the_next_delivery(
    product: Product, each_kill: EachKill
) -> None:
    def attempt(case: Case, **kill: int) -> Call:
        product.post(case, list(PAIR.values()))
        return product.consume("IndexQueue", **kill)[0]

    each_kill(attempt, lambda case, _: case.assert_kept(PAIR))


def test_a_killed_validator_is_completed_by_the_next_delivery(
    product: Product, each_kill: EachKill
) -> None:
    def attempt(case: Case, **kill: int) -> Call:
        product.post(case, list(PAIR.values()))
        return product.consume("ValidateQueue", **kill)[0]

    each_kill(attempt, lambda case, _: case.assert_judged(PAIR))


def test_a_killed_reconcile_is_completed_by_the_next_delivery(
    product: Product, each_kill: EachKill
) -> None:
    def attempt(case: Case, **kill: int) -> Call:
        product.post(case, list(PAIR.values()), kill_before=len(PAIR) + 1)
        return product.consume("ReconcileQueue", **kill)[0]

    def check(case: Case, _: Call) -> None:
        product.hear()
        case.assert_announced(PAIR)

    each_kill(attempt, check)


def test_an_event_of_several_instances_that_killed_its_consumer_comes_again_in_pieces(
    product: Product, case: Case
) -> None:
    product.post(case, SENT)
    killed, *again = product.consume("IndexQueue", kill_before=9)
    assert killed.was_killed
    assert any("sqs.SendMessageBatch" in call.calls for call in again)
    case.assert_kept(FILES)
