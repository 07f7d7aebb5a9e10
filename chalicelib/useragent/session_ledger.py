"""A run's ledger of store sessions: in the journal, and on the screen."""

from collections.abc import Callable
from threading import Lock

from chalicelib.useragent.doors import FACTS
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.journal_entries import Entry
from chalicelib.useragent.journal_sessions import JournalSessions
from chalicelib.useragent.open_session import OpenSession


class JournalLedger:
    """Writes sessions down before anything leaves, so that ``kill -9`` costs a part at most.

    Parameters
    ----------
    rows : JournalSessions
    moved : callable
        Told the bytes of sessions under way that have arrived, whenever they change.
    """

    keeps = True

    def __init__(self, rows: JournalSessions, moved: Callable[[int], None]) -> None:
        self._rows = rows
        self._moved = moved
        self._lock = Lock()
        self._bytes: dict[int, int] = {}

    def opened(self, session: OpenSession) -> None:
        """Write down that it was opened."""
        self._rows.add(session)

    def resumed(self, session: OpenSession) -> None:
        """Count what an earlier process uploaded."""
        self._move(session, sum(session.plan.size_of(number) for number in session.digests))

    def uploaded(self, session: OpenSession, number: int) -> None:
        """Write down that a part has arrived."""
        self._rows.add_part(session, number)
        self._move(session, session.plan.size_of(number))

    def completing(self, session: OpenSession) -> None:
        """Write down that it may be stored from now on."""
        self._rows.complete(session)

    def closed(self, session: OpenSession) -> None:
        """Forget it; its instances are settled, or counted anew when they are sent again."""
        self._rows.remove(session)
        with self._lock:
            self._bytes.pop(session.key, None)
            self._moved(sum(self._bytes.values()))

    def _move(self, session: OpenSession, size: int) -> None:
        with self._lock:
            arrived = self._bytes.get(session.key, 0) + size
            self._bytes[session.key] = min(arrived, session.plan.size)
            self._moved(sum(self._bytes.values()))


def can_go_on(session: OpenSession, entries: list[Entry]) -> bool:
    """Return whether a session that was left is worth going on with.

    What was completed is: its answer tells. Else the body must be there to be made again, and a
    file that an instance is made of does not promise the same bytes.
    """
    if session.was_completed:
        return bool(entries)
    return bool(entries) and all(not one.form and one.source.is_there for one in entries)


def remembered_doors(journal: Journal) -> dict[str, int]:
    """Return what earlier runs learnt of the destination's doors, as ``Doors.learn`` takes it."""
    facts = ((name, journal.fact(name)) for name in FACTS)
    return {name: int(value) for name, value in facts if value}
