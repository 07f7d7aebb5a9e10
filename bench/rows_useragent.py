"""Rows of the bench for the user agent: what it costs to send a folder.

The far end is a sink in a process of its own. A bare streaming loop and dicomweb-client send to it
in turns with the user agent; every run is a process of its own. The folder is large enough that
what a run costs once (threads, opening and closing the journal) is a few hundredths of it;
dicomweb-client, which holds all in memory, sends a part of it. As the machine's speed drifts, the
rates are compared turn by turn too.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.ct import ct_instances
from bench.rows import ROOT, Plan, Row

INSTANCES = 250
"""For each request of the plan: enough for several of 16 MB on each connection."""
SHARE = 5
"""dicomweb-client sends one of so many instances."""

Found = dict[str, list[float]]
"""By measure, of each run: MB in a second, milliseconds of CPU for an instance, bytes at most."""


def useragent_rows(plan: Plan) -> Iterator[Row]:
    """Measure rate, CPU and memory."""
    count = INSTANCES * plan.requests
    with tempfile.TemporaryDirectory(prefix="bench-send-") as place, running_sink() as url:
        folder, part = Path(place, "study"), Path(place, "part")
        folder.mkdir()
        part.mkdir()
        for number, (_, content) in enumerate(ct_instances(count)):
            (folder / f"{number:05d}").write_bytes(content)
            if number % SHARE == 0:
                (part / f"{number:05d}").hardlink_to(folder / f"{number:05d}")
        os.sync()  # or what is written home meanwhile is counted
        size, part_size = _size(folder), _size(part)
        ours, bare, other = _measured(plan, folder, part, url)
    rate, bare_rate, other_rate = (_median(one, "rate") for one in (ours, bare, other))
    pairs = sorted(one / other for one, other in zip(ours["rate"], bare["rate"], strict=True))
    note = (
        f"{count} instances, {size:.0f} MB; by turns {statistics.median(pairs):.2f} of the bare "
        f"loop ({pairs[0]:.2f} to {pairs[-1]:.2f})"
    )
    yield Row("rate of sending to a sink", rate, "MB/s", bare_rate, "bare loop", ">= 0.9", note)
    note = f"which sends {part_size:.0f} MB"
    yield Row(
        "the same beside dicomweb-client", rate, "MB/s", other_rate, "dicomweb-client", note=note
    )
    cpu, bare_cpu, other_cpu = (_median(one, "cpu") for one in (ours, bare, other))
    note = f"the bare loop takes {bare_cpu:.2f} ms; at best {min(ours['cpu']):.2f} and "
    note += f"{min(bare['cpu']):.2f} ms"
    yield Row("CPU to send a 0.5 MB CT", cpu, "ms", other_cpu, "dicomweb-client", "<= 0.3 ms", note)
    peak, bare_peak, other_peak = (_median(one, "peak") / 1e6 for one in (ours, bare, other))
    note = f"the bare loop takes {bare_peak:.1f} MB; "
    note += f"dicomweb-client {other_peak / part_size:.1f} x all that it sends"
    yield Row(
        "memory to send it all, over base", peak, "MB", other_peak, "dicomweb-client", "<= 64 MB",
        note,
    )  # fmt: skip


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


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


def _measured(plan: Plan, folder: Path, part: Path, url: str) -> tuple[Found, Found, Found]:
    """Send with each sender in turn, twice for each request of the plan, after one turn for all."""
    found: dict[str, Found] = {}
    senders = {"stowage": folder, "bare": folder, "dicomweb-client": part}
    for turn in range(2 * plan.requests + 1):
        for which, what in senders.items():
            one = _run(which, what, url)
            if turn:
                for name, value in one.items():
                    found.setdefault(which, {}).setdefault(name, []).append(value)
    return found["stowage"], found["bare"], found["dicomweb-client"]


def _run(which: str, folder: Path, url: str) -> dict[str, float]:
    words = [sys.executable, "-W", "ignore", "-m", "bench.senders", which, str(folder), url]
    ran = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found = json.loads(ran.stdout)
    count = sum(1 for _ in folder.iterdir())
    if found["listed"] != count:
        raise RuntimeError(f"{which}: {found['listed']} of {count} are listed")
    return {
        "rate": _size(folder) / found["wall"],
        "cpu": found["cpu"] * 1000 / count,
        "peak": found["peak"],
    }


def _median(found: Found, name: str) -> float:
    return statistics.median(found[name])
