"""The rows of the bench: each measures one thing beside something measured in the same run.

Nothing here passes or fails on a clock. ``aim`` is what the row should show; a reader judges.
"""

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ct import SMALL, ct_instances
from bench.events import store_request
from bench.orthanc import find_orthanc, running_orthanc
from bench.stand_in.running import RunningStandIn
from bench.truth import judge

ROOT = Path(__file__).parent.parent
LATENCY = 0.025
BARE_CALLS = 10
"""AWS calls of one request of eight by bare boto3: 8 puts, 1 batch, 1 event."""
PARTIAL = ("s3.PutObject:503", "s3.PutObject:lost", "dynamodb:unprocessed", "events:failed")
LIBRARIES = "import boto3, chalice.app, pydicom, pybase64, aws_lambda_powertools"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    measured, baseline : float or None
        Both in ``unit``; None where there is nothing to say.
    beside : str
        What the baseline is.
    aim : str
        What the row should show.
    note : str
        What a reader must know to read the numbers.
    """

    name: str
    measured: float | None
    unit: str
    baseline: float | None = None
    beside: str = ""
    aim: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return measured by baseline."""
        if self.measured is None or not self.baseline:
            return None
        return self.measured / self.baseline


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure.

    Attributes
    ----------
    requests, warm : int
        Requests measured, and those before them that are not.
    imports : int
        Processes of which the best import counts.
    faulty : int
        Requests measured while AWS fails in part.
    percents : tuple of int
        How much of AWS fails then.
    is_quick : bool
        Whether sizes are small.
    """

    requests: int
    warm: int
    imports: int
    faulty: int
    percents: tuple[int, ...]
    is_quick: bool = False

    @classmethod
    def of(cls, *, quick: bool) -> "Plan":
        """Return the plan of a full or a quick run."""
        return cls(2, 1, 1, 2, (20,), is_quick=True) if quick else cls(8, 2, 5, 12, (1, 20))


def environment(endpoint: str) -> dict[str, str]:
    """Return the product's environment with the stand-in as AWS."""
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "BUCKET": "bench",
        "TABLE": "bench",
        "EVENT_BUS": "bench",
        "BASE_URI": "https://bench.invalid/api",
    }


def door(stand_in: RunningStandIn, *arguments: str) -> dict[str, Any]:
    """Run ``python -m bench.door`` in a fresh process and return what it measured."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench.door", *arguments],
        cwd=ROOT,
        env=environment(stand_in.url),
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(ran.stdout))


@functools.cache
def everyday(plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """Store eight everyday instances a request: what `bench.door` and the stand-in counted."""
    with RunningStandIn(latency=LATENCY) as stand_in:
        sizes = ("--requests", str(plan.requests), "--warm", str(plan.warm))
        found = require_stored(door(stand_in, "store", *sizes, "--bare"))
        return found, stand_in.stats()


def require_stored(found: dict[str, Any]) -> dict[str, Any]:
    """Return ``found``; refuse to report on requests that were not stored whole."""
    for answer in found["outcomes"]:
        if answer["status"] != 200 or answer["listed"] != answer["sent"]:
            raise RuntimeError(f"not stored: status {answer['status']}, {answer['said']}")
    return found


def per_instance(found: dict[str, Any], name: str, count: int = 8) -> float:
    """Return the median of a measure in milliseconds per instance."""
    return float(statistics.median(found[name])) * 1000 / count


def store_rows(plan: Plan) -> Iterator[Row]:
    """Measure eight everyday instances a request."""
    found, stats = everyday(plan)
    cpu = per_instance(found, "cpu")
    note = (
        f"json.loads of the event is {per_instance(found, 'json'):.2f} ms of it; over plain HTTP "
        "boto3 also hashes the payload to sign it, and TLS is not in it"
    )
    floor = per_instance(found, "floor")
    yield Row("CPU per 0.5 MB CT, 8 a request", cpu, "ms", floor, "base64+find+SHA-256", note=note)
    bare = per_instance(found, "sdk_cpu")
    yield Row("the same beside boto3 alone", cpu, "ms", bare, "same calls by bare boto3")
    requests = plan.requests + plan.warm
    total = sum(stats["calls"].values())
    yield Row(
        "AWS calls per instance, first store",
        (total - BARE_CALLS * requests) / (8 * requests),
        "calls",
        BARE_CALLS / 8,
        "8 puts + 1 batch + 1 event",
        "1.25",
        f"stand-in: most in flight {stats['most_in_flight']}, "
        f"{stats['cpu_seconds'] * 1000 / total:.2f} ms CPU a call",
    )
    wall = statistics.median(found["wall"]) * 1000
    trips = statistics.median(found["trips"]) * 1000
    yield Row("wall, 8 instances", wall, "ms", trips, "3 round trips in a row", "<= 150 ms")


def small_rows(plan: Plan) -> Iterator[Row]:
    """Measure 300 small instances in one request."""
    with RunningStandIn(latency=LATENCY) as stand_in:
        sizes = ("--count", "300", "--side", str(SMALL), "--warm", "1")
        requests = ("--requests", str(max(plan.requests // 3, 1)))
        found = require_stored(door(stand_in, "store", *sizes, *requests, "--bare"))
    wall, bare = (statistics.median(found[name]) * 1000 for name in ("wall", "sdk_wall"))
    cpu, bare_cpu = (per_instance(found, name, 300) for name in ("cpu", "sdk_cpu"))
    yield Row(
        "wall, 300 small in one request", wall, "ms", bare, "bare boto3, 32 threads", "<= 2 s"
    )
    yield Row("CPU per small CT, 300 a request", cpu, "ms", bare_cpu, "same calls by bare boto3")


def memory_rows(plan: Plan) -> Iterator[Row]:
    """Measure the peak of one request of eight everyday instances."""
    with RunningStandIn() as stand_in, tempfile.TemporaryDirectory() as folder:
        large = store_request(ct_instances(8, study=2))
        small = store_request(ct_instances(1, side=SMALL, study=1))
        files = [Path(folder, name) for name in ("small.json", "large.json")]
        for file, request in zip(files, (small, large), strict=True):
            file.write_bytes(request.event())
        found = door(stand_in, "memory", *map(str, files))
    peak = (found["peak"] - found["base"]) / 1e6
    note = f"base {found['base'] / 1e6:.0f} MB; the event's text (2.7 x) is in it"
    yield Row(
        "peak memory over base", peak, "MB", len(large.body) / 1e6, "body size", "<= 5 x", note
    )


def import_rows(plan: Plan) -> Iterator[Row]:
    """Measure a cold start: importing the product, and its first answer; best of several."""
    libraries = cold_start(plan, LIBRARIES, "http://127.0.0.1:9")
    imported = cold_start(plan, "import app", "http://127.0.0.1:9")
    yield Row("cold import of app", imported, "ms", libraries, "its libraries alone")
    with RunningStandIn() as stand_in, tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(store_request(ct_instances(1, side=SMALL)).event())
        first = f"import app; app.app(json.load(open({file.name!r})), Context())"
        answered = cold_start(plan, first, stand_in.url)
    yield Row("cold import and first answer", answered, "ms", libraries, "its libraries alone")


def cold_start(plan: Plan, statement: str, endpoint: str) -> float:
    """Return the milliseconds that ``statement`` takes in a new process, best of several."""
    program = (
        "import json, time; from bench.events import Context; start = time.perf_counter(); "
        f"{statement}; print(); print(time.perf_counter() - start)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-W", "ignore::ResourceWarning", "-c", program],
            cwd=ROOT,
            env=environment(endpoint),
            stdout=subprocess.PIPE,
            check=True,
        )
        for _ in range(plan.imports)
    ]
    return min(float(run.stdout.split()[-1]) for run in runs) * 1000


def faulty_rows(plan: Plan) -> Iterator[Row]:
    """Measure the door while AWS fails in part, and hold its answers against what is held."""
    for percent in plan.percents:
        faults = [f"{kind}:{percent / 100}" for kind in PARTIAL]
        with RunningStandIn(latency=LATENCY) as stand_in:
            stand_in.inject(*faults)
            sizes = ("--requests", str(plan.faulty), "--warm", "1", "--study", "1000")
            found = door(stand_in, "store", *sizes)
            held = stand_in.held()
        cpu, baseline = (per_instance(run, "cpu") for run in (found, everyday(plan)[0]))
        yield Row(
            f"CPU per CT, {percent} % partial failures",
            cpu,
            "ms",
            baseline,
            "without failures",
            "every answer true",
            judge(found["outcomes"], held),
        )


def orthanc_rows(plan: Plan) -> Iterator[Row]:
    """Measure Orthanc's CPU for the same payloads, beside ours of the same run."""
    program = find_orthanc()
    name = "CPU per 0.5 MB CT beside Orthanc"
    if program is None:
        yield Row(name, None, "ms", note="not installed (Debian: orthanc, orthanc-dicomweb)")
        return
    ours = per_instance(everyday(plan)[0], "cpu")
    with running_orthanc(program) as orthanc:
        bodies = [store_request(ct_instances(8, study=n)).body for n in range(plan.requests + 1)]
        statuses = {orthanc.store(bodies[0])}
        before = orthanc.cpu_seconds()
        statuses |= {orthanc.store(body) for body in bodies[1:]}
        theirs = (orthanc.cpu_seconds() - before) * 125 / plan.requests
    said = ", ".join(map(str, sorted(statuses)))
    note = f"Orthanc on local disk, no AWS to call; it answered {said}"
    yield Row(name, ours, "ms", theirs, "Orthanc's process", note=note)


SECTIONS: dict[str, Callable[[Plan], Iterator[Row]]] = {
    "store": store_rows,
    "small": small_rows,
    "memory": memory_rows,
    "import": import_rows,
    "faults": faulty_rows,
    "orthanc": orthanc_rows,
}
