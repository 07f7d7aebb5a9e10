"""Whatever AWS does meanwhile: what was acknowledged is stored, recorded, judged and indexed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.proxy import CODES, CONNECTION

pytestmark = pytest.mark.xdist_group("faults")  # it happens once
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def happened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.scenario"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    print(ran.stdout)
    told: dict[str, object] = json.loads(ran.stdout.splitlines()[-1])
    return told


def test_what_was_acknowledged_is_whole_and_all_else_absent_or_whole(
    happened: dict[str, int],
) -> None:
    """The scenario has looked at every object, record, verdict and aggregate."""
    assert happened["acknowledged"] >= 150
    assert happened["acknowledged"] <= happened["held"] <= 250


def test_clients_were_told_of_the_trouble(happened: dict[str, dict[str, int]]) -> None:
    """Nothing but success and "try again": no fault of AWS is the sender's."""
    assert set(happened["statuses"]) <= {"200", "202", "503"}


def test_every_service_failed_in_many_ways(happened: dict[str, dict[str, int]]) -> None:
    struck = {tuple(name.split(" ", 1)) for name in happened["struck"]}

    for service in CODES:
        assert len({fault for of, fault in struck if of == service}) >= 3
    assert {fault for _, fault in struck} >= set(CONNECTION)
