"""What a transaction has still to send: batches in order, halved, cut, or put back whole.

What belongs here: instances on their way, and in which requests they go. What must not: why they
go again (``transaction``).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib.useragent.context import Context
from chalicelib.useragent.model import Instance
from chalicelib.useragent.plan import batches

_ATTEMPTS_AFTER_SPLIT = 2


@dataclass(slots=True)
class Pending:
    """An instance on its way."""

    instance: Instance
    is_uncertain: bool = False
    must_rewrite: bool = False
    was_resent: bool = False
    is_alone: bool = False
    attempts: int = 0


Batch = list[Pending]


def instances_of(batch: Batch) -> list[Instance]:
    """Return the instances, in order."""
    return [one.instance for one in batch]


@dataclass(slots=True)
class BatchQueue:
    """Batches of one transaction, the next first."""

    context: Context
    _batches: deque[Batch] = field(default_factory=deque)

    def __bool__(self) -> bool:
        return bool(self._batches)

    def take(self) -> Batch:
        """Return the next batch; what it holds is attempted once more."""
        batch = self._batches.popleft()
        for one in batch:
            one.attempts += 1
        return batch

    def put_first(self, *several: Batch) -> None:
        """Let batches be the next, in the order given."""
        self._batches.extendleft(reversed(several))

    def put_last(self, batch: Batch) -> None:
        """Let a batch wait for the others."""
        self._batches.append(batch)

    def spare(self, batch: Iterable[Pending]) -> None:
        """Take back an attempt that told nothing of these."""
        for one in batch:
            one.attempts -= 1

    def split(self, batch: Batch, attempts: int | None = None) -> bool:
        """Queue the halves of a batch; False for a single instance.

        Parameters
        ----------
        attempts : int, optional
            Taken for made; by default so many that two are left.
        """
        if len(batch) == 1:
            return False
        if attempts is None:
            attempts = max(self.context.policy.attempts - _ATTEMPTS_AFTER_SPLIT, 0)
        for one in batch:
            one.attempts = attempts
        middle = len(batch) // 2
        self.put_first(batch[:middle], batch[middle:])
        return True

    def cut(self, batch: Batch) -> None:
        """Queue a batch in requests of what the limits are by now; the attempt does not count."""
        self.spare(batch)
        by_uid = {one.instance.sop_instance: one for one in batch}
        cost = self.context.encoder.cost
        parts = batches(instances_of(batch), self.context.limits, cost)
        self.put_first(*([by_uid[one.sop_instance] for one in part] for part in parts))

    def cut_smaller(self, batch: Batch) -> bool:
        """Cut a batch where one so large was never answered before; False if that is not why."""
        size = self.cost(batch)
        if len(batch) == 1 or self.context.doors.by_session(size):
            return False
        if not self.context.limits.unanswered(size):
            return False
        self.cut(batch)
        return True

    def cost(self, batch: Batch) -> int:
        """Return the bytes of a request, as the limits count them."""
        return sum(self.context.encoder.cost(one.instance) for one in batch)
