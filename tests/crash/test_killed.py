"""The process is killed between each two steps; a re-send or reconcile completes what it left.

A step is a call to AWS. Every test runs through all of them: it kills the process before its first
call, then before its second, until it lives to answer, and once more after its last.
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
STORING = [*["s3.PutObject"] * 3, "dynamodb.BatchWriteItem", "eventbridge.PutEvents"]
MOST_STEPS = 60


def each_kill(
    subtests: pytest.Subtests, make_case: MakeCase, attempt: Callable[[Case, dict[str, int]], Call]
) -> Iterator[Case]:
    """Yield a fresh case after an attempt that was killed, for each step it may be killed at."""
    for step in range(1, MOST_STEPS):
        case = make_case()
        call = attempt(case, {"kill_before": step})
        with subtests.test(killed_after=call.calls):
            if not call.was_killed:
                break
            yield case
    else:
        pytest.fail(f"more than {MOST_STEPS} steps")
    case = make_case()
    with subtests.test(killed_after="all"):
        assert attempt(case, {"kill_after": step - 1}).was_killed
        yield case


def test_an_unharmed_request_makes_these_steps(product: Product, case: Case) -> None:
    call = product.post(case, SENT)
    assert (call.status, call.referenced) == (200, list(FILES))
    print(call)
    assert call.calls == STORING
    product.consume("IndexQueue")
    case.assert_kept(FILES)
