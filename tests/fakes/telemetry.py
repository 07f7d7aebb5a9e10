"""A Telemetry in memory."""

from collections import Counter


class MemoryTelemetry:
    """Implements `origin.ports.Telemetry`; ``lines`` are what an operator would read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []
        self.counts: Counter[str] = Counter()

    def event(self, message: str, **fields: object) -> None:
        self.lines.append((message, fields))

    def count(self, metric: str, value: int = 1) -> None:
        self.counts[metric] += value

    def trouble(self, message: str, error: BaseException, **fields: object) -> None:
        self.event(message, error=type(error).__name__, **fields)
