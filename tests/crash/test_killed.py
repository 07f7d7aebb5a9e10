"""The process is killed between each two steps; a re-send or reconcile completes what it left.

A step is a call to AWS that changes something: whoever dies before, after or between reads leaves
the same behind. Every test runs through all of them: it kills the process before its first call,
then after its first step, its second, until after its last, when all is done but the answer.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.crash.conftest import Call, Case, MakeCase, Product
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset


def make_file(uid: str, study: str, **attributes: object) -> bytes:
    # One series in two studies: the indexer has most to do then.
    identity = {"StudyInstanceUID": study, "SeriesInstanceUID": "1.2.9", "SOPInstanceUID": uid}
    return encode_file(make_dataset(**identity, **attributes))


FILES = {
    "1.2.3.1": make_file("1.2.3.1", "1.2.3"),
    "1.2.3.2": make_file("1.2.3.2", "1.2.3", StudyID="other"),
    "1.2.4.1": make_file("1.2.4.1", "1.2.4"),
}
SENT = list(FILES.values())
PAIR = {uid: FILES[uid] for uid in ("1.2.3.1", "1.2.4.1")}
"""One instance of each study: what a consumer does for the third is what it does for the first."""
STORING = [*["s3.PutObject"] * 3, "dynamodb.BatchWriteItem", "eventbridge.PutEvents"]
EVERYTHING = ("ReconcileQueue", "ValidateQueue", "IndexQueue")
READS = ("GetItem", "BatchGetItem", "Query", "HeadObject", "GetObject", "GetQueueUrl")

Attempt = Callable[[Case, dict[str, int]], Call]


def each_kill(
    subtests: pytest.Subtests, make_case: MakeCase, attempt: Attempt
) -> Iterator[tuple[Case, Call]]:
    """Yield a fresh case and its attempt, killed at another step each time."""
    calls = attempt(make_case(), {}).calls
    changes = [number for number, call in enumerate(calls, start=1) if not call.endswith(READS)]
    assert changes
    kills = [{"kill_before": 1}, *({"kill_after": number} for number in changes)]
    for kill in kills:
        case = make_case()
        call = attempt(case, kill)
        with subtests.test(killed_after=call.calls):
            assert call.was_killed
            yield case, call


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
    product: Product, make_case: MakeCase, subtests: pytest.Subtests
) -> None:
    def attempt(case: Case, kill: dict[str, int]) -> Call:
        return product.post(case, SENT, **kill)

    for case, killed in each_kill(subtests, make_case, attempt):
        assert len(case.objects()) == killed.calls.count("s3.PutObject")
        assert product.post(case, SENT).referenced == list(FILES)
        case.assert_stored(FILES)
        product.consume("IndexQueue")
        case.assert_kept(FILES)


def test_what_a_killed_request_left_is_completed_by_reconcile_alone(
    product: Product, make_case: MakeCase, subtests: pytest.Subtests
) -> None:
    def attempt(case: Case, kill: dict[str, int]) -> Call:
        return product.post(case, SENT, **kill)

    for case, _ in each_kill(subtests, make_case, attempt):
        left = {uid: FILES[uid] for uid in case.objects()}
        product.consume(*EVERYTHING)
        case.assert_kept(left)
        case.assert_judged(left)


def test_a_resend_may_be_killed_too(
    product: Product, make_case: MakeCase, subtests: pytest.Subtests
) -> None:
    def attempt(case: Case, kill: dict[str, int]) -> Call:
        product.post(case, SENT, kill_before=STORING.index("dynamodb.BatchWriteItem"))
        return product.post(case, SENT, **kill)

    for case, _ in each_kill(subtests, make_case, attempt):
        assert product.post(case, SENT).referenced == list(FILES)
        product.hear()
        case.assert_announced(FILES)


# ------------------------------------------------------------------ a consumer is killed


def test_a_killed_indexer_is_completed_by_the_next_delivery(
    product: Product, make_case: MakeCase, subtests: pytest.Subtests
) -> None:
    def attempt(case: Case, kill: dict[str, int]) -> Call:
        product.post(case, list(PAIR.values()))
        return product.consume("IndexQueue", **kill)[0]

    for case, _ in each_kill(subtests, make_case, attempt):
        case.assert_kept(PAIR)


def test_a_killed_validator_is_completed_by_the_next_delivery(
    product: Product, make_case: MakeCase, subtests: pytest.Subtests
) -> None:
    def attempt(case: Case, kill: dict[str, int]) -> Call:
        product.post(case, list(PAIR.values()))
        return product.consume("ValidateQueue", **kill)[0]

    for case, _ in each_kill(subtests, make_case, attempt):
        case.assert_judged(PAIR)


def test_a_killed_reconcile_is_completed_by_the_next_delivery(
    product: Product, make_case: MakeCase, subtests: pytest.Subtests
) -> None:
    def attempt(case: Case, kill: dict[str, int]) -> Call:
        product.post(case, list(PAIR.values()), kill_before=len(PAIR) + 1)
        return product.consume("ReconcileQueue", **kill)[0]

    for case, _ in each_kill(subtests, make_case, attempt):
        product.hear()
        case.assert_announced(PAIR)


def test_an_event_of_several_instances_that_killed_its_consumer_comes_again_in_pieces(
    product: Product, case: Case
) -> None:
    product.post(case, SENT)
    killed, *again = product.consume("IndexQueue", kill_before=9)
    assert killed.was_killed
    assert any("sqs.SendMessageBatch" in call.calls for call in again)
    case.assert_kept(FILES)
