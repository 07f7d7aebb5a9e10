"""Rows of the bench for the user agent: what it costs to send a folder.

The far end is a sink in a process of its own. A bare streaming loop and dicomweb-client send the
same folder to it, in turns; every run is a process of its own.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.ct import ct_instances
from bench.rows import ROOT, Plan, Row

INSTANCES = 50
"""For each request of the plan; the sink answers 4 MB with one answer."""

Found = dict[str, list[float]]
"""By measure, of each run."""


def useragent_rows(plan: Plan) -> Iterator[Row]:
    """Measure rate, CPU and memory."""
    count = INSTANCES * plan.requests
    with tempfile.TemporaryDirectory(prefix="bench-send-") as place, running_sink() as url:
        folder = Path(place, "study")
        folder.mkdir()
        for number, (_, content) in enumerate(ct_instances(count)):
            (folder / f"{number:05d}").write_bytes(content)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        ours, bare, other = _measured(plan, folder, url, count)
    rate, bare_rate, other_rate = (_median(one, "rate") * size for one in (ours, bare, other))
    note = f"{count} instances, {size:.0f} MB; best runs: " + ", ".join(
        f"{name} {max(one['rate']) * size:.0f}"
        for name, one in (("stowage", ours), ("bare", bare), ("dicomweb-client", other))
    )
    yield Row("rate of sending to a sink", rate, "MB/s", bare_rate, "bare loop", ">= 0.9", note)
    yield Row("the same beside dicomweb-client", rate, "MB/s", other_rate, "dicomweb-client")
    cpu, bare_cpu, other_cpu = (_median(one, "cpu") * 1000 / count for one in (ours, bare, other))
    note = f"the bare loop takes {bare_cpu:.2f} ms"
    yield Row("CPU to send a 0.5 MB CT", cpu, "ms", other_cpu, "dicomweb-client", "<= 0.3 ms", note)
    peak, bare_peak, other_peak = (_median(one, "peak") / 1e6 for one in (ours, bare, other))
    note = f"the bare loop takes {bare_peak:.1f} MB; dicomweb-client {other_peak / size:.1f} x all"
    yield Row(
        "memory to send it all, over base", peak, "MB", other_peak, "dicomweb-client", "<= 64 MB",
        note,
    )  # fmt: skip


@contextmanager
def running_sink() -> Iterator[str]:
    """Run the sink and give its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sink"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/dicom-web"
    finally:
        process.communicate(timeout=10)


def _measured(plan: Plan, folder: Path, url: str, count: int) -> tuple[Found, Found, Found]:
    """Send the folder with each sender in turn, as often as the plan has it, after one for all."""
    found: dict[str, Found] = {}
    runs = max(plan.requests // 2, 1)
    for turn in range(runs + 1):
        for which in ("stowage", "bare", "dicomweb-client"):
            one = _run(which, folder, url)
            if one["listed"] != count:
                raise RuntimeError(f"{which}: {one['listed']} of {count} are listed")
            one["rate"] = 1 / one["wall"]
            if turn:
                for name, value in one.items():
                    found.setdefault(which, {}).setdefault(name, []).append(value)
    return found["stowage"], found["bare"], found["dicomweb-client"]


def _run(which: str, folder: Path, url: str) -> dict[str, float]:
    words = [sys.executable, "-W", "ignore", "-m", "bench.senders", which, str(folder), url]
    ran = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(ran.stdout))


def _median(found: Found, name: str) -> float:
    return statistics.median(found[name])
