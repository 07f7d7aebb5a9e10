"""Store sessions in the journal: what a process that was killed had uploaded, for the next.

A session's body is made again from its boundary and its instances in order; files are held to the
size and time that their rows have. Nothing here is a secret: URLs of parts are not written down.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from chalicelib.dicomweb.sessions import PartPlan
from chalicelib.useragent.journal_entries import COLUMNS, Entry, entry_of
from chalicelib.useragent.open_session import Member, OpenSession

SESSION_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    boundary TEXT NOT NULL,
    size INTEGER NOT NULL,
    part_bytes INTEGER NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS session_part (
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (session, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instance_by_session ON instance (session, place)
    WHERE session IS NOT NULL;
"""


class JournalSessions:
    """Rows of sessions. Methods may be called from any thread.

    Parameters
    ----------
    database : sqlite3.Connection
    transaction : callable
        Begins one; only one is open at a time.
    """

    def __init__(
        self,
        database: sqlite3.Connection,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._database = database
        self._transaction = transaction

    def add(self, session: OpenSession) -> None:
        """Write down a session; its instances are *sent*, and no request sends them beside it."""
        with self._transaction():
            cursor = self._database.execute(
                "INSERT INTO session (url, boundary, size, part_bytes) VALUES (?, ?, ?, ?)",
                (session.url, session.boundary, session.plan.size, session.plan.part_bytes),
            )
            session.key = cursor.lastrowid or 0
            self._database.executemany(
                "UPDATE instance SET state = 'sent', session = ?, place = ?, body_offset = ?, "
                "rewritten = ? WHERE id = ?",
                [
                    (session.key, place, one.offset, int(one.is_rewritten), one.key)
                    for place, one in enumerate(session.members)
                ],
            )

    def add_part(self, session: OpenSession, number: int) -> None:
        """Write down that a part has arrived."""
        with self._transaction():
            self._database.execute(
                "INSERT OR REPLACE INTO session_part VALUES (?, ?, ?)",
                (session.key, number, session.digests[number]),
            )

    def complete(self, session: OpenSession) -> None:
        """Write down that the server is asked to store it: from now on it may have."""
        with self._transaction():
            self._database.execute("UPDATE session SET completed = 1 WHERE id = ?", (session.key,))
            self._database.execute(
                "UPDATE instance SET uncertain = 1 WHERE session = ?", (session.key,)
            )

    def remove(self, session: OpenSession) -> None:
        """Forget a session; what was not completed was not sent."""
        with self._transaction():
            self._database.execute(
                "UPDATE instance SET session = NULL, state = CASE "
                "WHEN state = 'sent' AND NOT ?1 THEN 'found' ELSE state END WHERE session = ?2",
                (session.was_completed, session.key),
            )
            self._database.execute("DELETE FROM session_part WHERE session = ?", (session.key,))
            self._database.execute("DELETE FROM session WHERE id = ?", (session.key,))

    def claim(self, session: OpenSession, run: int) -> None:
        """Let the instances of a session belong to a run, before all that are found in it.

        Their turn has come: should the session end without an answer, whoever went on with it
        sends them anew, and nobody else takes them for pending meanwhile.
        """
        with self._transaction():
            self._database.execute(
                "UPDATE instance SET run = ?, turn = 0 WHERE session = ?", (run, session.key)
            )

    def kept(self) -> Iterator[tuple[OpenSession, list[Entry]]]:
        """Yield sessions that were not closed, oldest first, with their instances in order."""
        with self._transaction():
            rows = self._database.execute("SELECT * FROM session ORDER BY id").fetchall()
        for key, url, boundary, size, part_bytes, completed in rows:
            with self._transaction():
                found = self._database.execute(
                    f"SELECT body_offset, {COLUMNS} FROM instance WHERE session = ? ORDER BY place",
                    (key,),
                ).fetchall()
                parts = self._database.execute(
                    "SELECT number, sha256 FROM session_part WHERE session = ?", (key,)
                ).fetchall()
            entries = [entry_of(row[1:]) for row in found]
            members = [
                Member(entry.id, row[0], entry.is_rewritten)
                for row, entry in zip(found, entries, strict=True)
            ]
            plan = PartPlan(size, part_bytes)
            session = OpenSession(
                url, boundary, plan, members, dict(parts), bool(completed), key=key
            )
            yield session, entries
