"""What a cold start costs when the product comes from its zip, as it does in Lambda."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from bench.rows import ROOT, Plan, Row, environment

ARCHIVE = ROOT / "build" / "deployment.zip"


def zip_rows(plan: Plan) -> Iterator[Row]:
    """Measure what a cold start imports, from the unpacked zip of `make package`."""
    name = "cold import of app, from the zip"
    if not ARCHIVE.exists():
        yield Row(name, None, "ms", note="no zip here: make package")
        return
    with tempfile.TemporaryDirectory() as folder:
        compiled, sources = Path(folder, "compiled"), Path(folder, "sources")
        for target in (compiled, sources):
            zipfile.ZipFile(ARCHIVE).extractall(target)
        for file in sources.rglob("*.pyc"):
            file.unlink()
        measured, baseline = (isolated_import(plan, one) for one in (compiled, sources))
    note = f"zip of {ARCHIVE.stat().st_size / 1e6:.1f} MB; settings read, adapters built"
    yield Row(name, measured, "ms", baseline, "without its bytecode", "<= 400 ms", note)


def isolated_import(plan: Plan, code: Path) -> float:
    """Return the milliseconds of the API function's start, best of several."""
    program = (
        f"import sys, time; sys.path.insert(0, {str(code)!r}); start = time.perf_counter(); "
        "import app; app.functions.bootstrap.origin_server(); print(time.perf_counter() - start)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", program],
            cwd=code,
            env=environment("http://127.0.0.1:9"),
            stdout=subprocess.PIPE,
            check=True,
        )
        for _ in range(max(plan.imports, 2))
    ]
    return min(float(run.stdout) for run in runs) * 1000
