"""How much memory a process has."""

from pathlib import Path


def resident(name: str, process: int | str = "self") -> int:
    """Return bytes of a program alone, by default of this one: ``VmRSS`` now, ``VmHWM`` at most.

    ``ru_maxrss`` of getrusage counts what forked it too.
    """
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024
