"""A Requeue in memory."""

from collections.abc import Sequence

from chalicelib.origin.ports import Unavailable


class MemoryRequeue:
    """Implements `origin.ports.Requeue`; while ``unavailable`` it takes nothing."""

    def __init__(self) -> None:
        self.sent: dict[str, list[str]] = {}
        self.unavailable = False

    def send(self, queue_arn: str, bodies: Sequence[str]) -> None:
        if self.unavailable:
            raise Unavailable
        self.sent.setdefault(queue_arn, []).extend(bodies)
