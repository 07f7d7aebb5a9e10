"""An Announcer in memory."""

from collections.abc import Sequence

from chalicelib.origin.events import InstancesStored


class MemoryAnnouncer:
    """Implements `origin.ports.Announcer`; while ``unavailable`` it takes nothing.

    ``sent`` holds what it took; ``refusing`` studies are left over.
    """

    def __init__(self) -> None:
        self.sent: list[InstancesStored] = []
        self.refusing: set[str] = set()
        self.unavailable = False

    def announce(self, events: Sequence[InstancesStored]) -> tuple[InstancesStored, ...]:
        left_over = tuple(e for e in events if self.unavailable or e.study in self.refusing)
        self.sent += [event for event in events if event not in left_over]
        return left_over
