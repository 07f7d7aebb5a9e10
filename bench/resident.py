"""How much memory this process has."""

from pathlib import Path


def resident(name: str) -> int:
    """Return bytes of this program alone: ``VmRSS`` now, ``VmHWM`` at most.

    ``ru_maxrss`` of getrusage counts what forked it too.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024
