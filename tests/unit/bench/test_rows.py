"""The bench measures the same bytes each time and believes no answer unchecked."""

import io
import json

import pytest
from pydicom import dcmread

from bench.ct import SMALL, ct_instances
from bench.events import BOUNDARY, store_request
from bench.rows import Row
from bench.truth import judge

SENT = ["2.25.71", "2.25.72"]
HELD = {
    "objects": {"bench": [f"default/instances/{uid}.dcm" for uid in SENT]},
    "items": {"bench": [{"pk": {"S": "default#1.2"}, "sk": {"S": f"1.3#{uid}"}} for uid in SENT]},
}


def answer(listed: list[str], failed: list[str]) -> dict[str, object]:
    return {"status": 200, "sent": SENT, "listed": listed, "failed": failed}


def test_two_runs_make_the_same_instances() -> None:
    assert list(ct_instances(2, side=SMALL)) == list(ct_instances(2, side=SMALL))


def test_an_instance_names_itself_alike_in_both_places() -> None:
    uid, content = list(ct_instances(2, side=SMALL))[1]
    dataset = dcmread(io.BytesIO(content))
    assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID == uid
    assert len(dataset.PixelData) == 2 * SMALL * SMALL


def test_300_small_instances_fit_a_synchronous_invocation() -> None:
    request = store_request(ct_instances(300, side=SMALL))
    assert len(set(request.uids)) == 300
    assert request.body.count(BOUNDARY.encode()) == 301
    assert len(request.event()) < 6_000_000
    assert json.loads(request.event())["isBase64Encoded"] is True


@pytest.mark.parametrize(
    ("listed", "failed", "held", "verdict"),
    [
        (SENT, [], HELD, "true"),
        (SENT[:1], SENT[1:], HELD, "true"),
        (SENT[:1], [], HELD, "WRONG: 0 listed, not held; 1 answers incomplete"),
        (SENT, [], {**HELD, "items": {}}, "WRONG: 2 listed, not held; 0 answers incomplete"),
        (SENT, [], {**HELD, "objects": {}}, "WRONG: 2 listed, not held; 0 answers incomplete"),
    ],
)
def test_a_listed_instance_must_be_held_and_each_accounted_for(
    listed: list[str], failed: list[str], held: dict[str, object], verdict: str
) -> None:
    assert judge([answer(listed, failed)], held).startswith(f"{verdict} (")


def test_a_row_without_a_baseline_has_no_ratio() -> None:
    assert Row("r", 3.0, "ms", 2.0).ratio == 1.5
    assert Row("r", None, "ms").ratio is None
