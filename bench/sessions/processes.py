"""Processes that are told what to do by lines of JSON, and measured from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.resident import resident

ROOT = Path(__file__).parent.parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Usage:
    """What a process used meanwhile: seconds of CPU, and bytes over its base."""

    cpu: float = 0.0
    peak: int = 0


@contextmanager
def measured(process: int, base: int) -> Iterator[Usage]:
    """Measure a process; what is yielded is filled in at the end.

    Parameters
    ----------
    base : int
        Bytes that it had when it was warm and had nothing to do yet.
    """
    usage = Usage()
    Path(f"/proc/{process}/clear_refs").write_text("5")  # the high-water mark begins anew
    cpu = cpu_seconds(process)
    yield usage
    usage.cpu = cpu_seconds(process) - cpu
    usage.peak = max(resident("VmHWM", process) - base, 0)


def cpu_seconds(process: int) -> float:
    """Return user and system time of all threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Process:
    """A module of the bench as a process; it ends when its input does.

    Parameters
    ----------
    environment : mapping
        All of its environment.
    arguments : str
        The module and its arguments.
    """

    def __init__(self, environment: Mapping[str, str], *arguments: str) -> None:
        self._environment = environment
        self._command = [sys.executable, "-W", "ignore::ResourceWarning", "-m", *arguments]

    def __enter__(self) -> "Process":
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)

    def ask(self, document: object) -> Any:
        """Tell the process a document and return what it says."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        return self.hear()

    def hear(self) -> Any:
        """Return the next document that the process says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._command[3:])} ended")
        return json.loads(line)
