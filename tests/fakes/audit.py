"""An AuditLog in memory."""

from collections.abc import Sequence

from chalicelib.origin.audit import Transfer
from chalicelib.origin.ports import Unavailable


class MemoryAuditLog:
    """Implements `origin.audit.AuditLog`; while ``unavailable`` it takes nothing."""

    def __init__(self) -> None:
        self.transfers: list[Transfer] = []
        self.unavailable = False

    def write(self, transfers: Sequence[Transfer]) -> None:
        if self.unavailable:
            raise Unavailable
        self.transfers += transfers
