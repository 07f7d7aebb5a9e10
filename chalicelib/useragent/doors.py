"""Which door instances go through: ``POST`` for small bodies, a store session for any size.

The rule, and what it costs (``docs/stowage-send.md`` has the sums): an instance that one request
cannot hold goes by session. So do many small ones from 32 MB on, in lots of up to 256 MiB or 2000
instances; what is less goes by requests, where the answer is at hand a moment later.

What belongs here: the rule, and what is known of a server's doors. What must not: going through
one (``transaction``, ``session_post``).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from threading import Lock

from chalicelib.dicomweb.sessions import RELATION
from chalicelib.useragent.model import Instance
from chalicelib.useragent.payloads import PLAIN, DicomEncoder, Encoder
from chalicelib.useragent.plan import BatchLimits, batches
from chalicelib.useragent.transport import Response

SESSION_FROM_BYTES = 32_000_000
"""Eight requests cost one and a half to three times what a session does; below, its wait tells."""
LOT_BYTES = 256 * 1024 * 1024
"""Of a session: more is no cheaper by the byte, and the journal is told of less at a time."""
LOT_INSTANCES = 2000
"""Of a session: what one answer lists, and one batch holds in memory."""

_MAX_BODY, _MAX_SESSION, _MAX_PARTS = "max_body_bytes", "max_session_bytes", "max_session_parts"
FACTS = (_MAX_BODY, _MAX_SESSION, _MAX_PARTS)
"""What a server says, or a refusal teaches, of its doors; worth remembering."""


class Door(StrEnum):
    """What the user chooses."""

    AUTO = "auto"
    SMALL = "small"
    SESSION = "session"


class Doors:
    """What is known of a destination's doors; shared by threads.

    Parameters
    ----------
    limits : BatchLimits
        Of the small door.
    choice : Door
        ``SMALL`` never opens a session, ``SESSION`` opens one for everything.
    lot_bytes, lot_instances : int
        What one session is filled up to.
    """

    def __init__(
        self,
        limits: BatchLimits,
        choice: Door = Door.AUTO,
        *,
        lot_bytes: int = LOT_BYTES,
        lot_instances: int = LOT_INSTANCES,
    ) -> None:
        self.limits = limits
        self.choice = choice
        self._lot_bytes = lot_bytes
        self._lot_instances = lot_instances
        self._said: dict[str, int] = {}
        self._is_refused = False
        self._lock = Lock()

    @property
    def has_sessions(self) -> bool:
        """Whether sessions may be opened."""
        if self.choice is Door.SMALL or self._is_refused:
            return False
        return self.choice is Door.SESSION or _MAX_SESSION in self._said

    @property
    def facts(self) -> Mapping[str, int]:
        """What is known by name, as ``learn`` takes it."""
        return {} if self._is_refused else dict(self._said)

    @property
    def lot_bytes(self) -> int:
        """Bytes that a session is filled up to."""
        return min(self._lot_bytes, self._said.get(_MAX_SESSION) or self._lot_bytes)

    @property
    def lot_instances(self) -> int:
        """Instances that a session is filled up to."""
        return min(self._lot_instances, self._said.get(_MAX_PARTS) or self._lot_instances)

    def learn(self, named: Mapping[str, int]) -> None:
        """Take note of limits that a server tells; sessions are offered where one is theirs."""
        with self._lock:
            self._said |= {name: named[name] for name in FACTS if named.get(name)}
            self._keep_to_small_door()

    def refused(self, response: Response, size: int) -> bool:
        """Take note of a 413 of the small door; return whether a session may take the body.

        Only that sessions are there is taken from the link: their URL is made from the
        destination's own, because credentials go there.
        """
        is_linked = any(RELATION in one for one in response.headers.all("Link"))
        if not is_linked and not self.has_sessions:
            return False
        with self._lock:
            said = min(_limit_of(response) or size - 1, size - 1)
            self._said[_MAX_BODY] = min(said, self._said.get(_MAX_BODY, said))
            self._said.setdefault(_MAX_SESSION, 1 << 40)
            self._keep_to_small_door()
        return self.has_sessions

    def refused_session(self, size: int) -> None:
        """Take note that a session was too large (413): the next are half of it."""
        with self._lock:
            self._lot_bytes = max(1, min(self._lot_bytes, size // 2))

    def withdraw(self) -> None:
        """Take note that sessions are not there, or not for us, after all."""
        self._is_refused = True

    def by_session(self, size: int) -> bool:
        """Return whether a body goes by session: one that a single request cannot hold."""
        if not self.has_sessions:
            return False
        return self.choice is Door.SESSION or size > self._small_bytes

    def is_worth_a_session(self, size: int) -> bool:
        """Return whether many instances of this size together are better sent by one session."""
        return self.by_session(size) and (self.choice is Door.SESSION or size >= SESSION_FROM_BYTES)

    def _keep_to_small_door(self) -> None:
        if _MAX_BODY in self._said:
            self.limits.lower_bytes(self._said[_MAX_BODY])

    @property
    def _small_bytes(self) -> int:
        return self._said.get(_MAX_BODY) or self.limits.max_bytes


def can_go_by_session(encoder: Encoder) -> bool:
    """Return whether sessions take the payloads: DICOM files without a coding."""
    return isinstance(encoder, DicomEncoder) and encoder.wire == PLAIN


def lots(
    instances: Iterable[Instance], doors: Doors, cost: Callable[[Instance], int]
) -> Iterator[list[Instance]]:
    """Yield batches in order, each for the door that it goes through.

    Parameters
    ----------
    instances : iterable of Instance
        Read only as far as the batches that were asked for, and one session ahead.
    doors : Doors
        Looked at for each instance.
    cost : callable
        Bytes that an instance adds to a body.
    """
    lot: list[Instance] = []
    uids: set[str] = set()
    total = 0
    for instance in instances:
        size = cost(instance)
        most_bytes, most = _room(doors, instance)
        is_full = len(lot) >= most or total + size > most_bytes
        if lot and (is_full or instance.sop_instance in uids):
            yield from _cut(lot, total, doors, cost)
            lot, uids, total = [], set(), 0
        lot.append(instance)
        uids.add(instance.sop_instance)
        total += size
    if lot:
        yield from _cut(lot, total, doors, cost)


def _room(doors: Doors, instance: Instance) -> tuple[int, int]:
    """Return what may be gathered: no more than a request of what is made and held in memory."""
    limits = doors.limits
    if getattr(instance.source, "is_held", False):
        return limits.first_bytes, limits.max_parts
    if doors.has_sessions:
        return doors.lot_bytes, doors.lot_instances
    return limits.max_bytes, limits.max_parts


def _cut(
    lot: list[Instance], total: int, doors: Doors, cost: Callable[[Instance], int]
) -> Iterator[list[Instance]]:
    if doors.is_worth_a_session(total):
        yield lot
    else:
        yield from batches(lot, doors.limits, cost)


def _limit_of(response: Response) -> int | None:
    """Return the bytes that a 413's problem names as its limit, None where it names none."""
    try:
        limit = json.loads(response.body)["limit"]
        named, value = limit["name"], limit["value"]
    except (ValueError, KeyError, TypeError):
        return None
    return value if named == _MAX_BODY and isinstance(value, int) and value > 0 else None
