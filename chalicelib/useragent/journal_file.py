"""The journal's file: opened, locked, brought up to this version, and bound to its destination.

What belongs here: the SQLite database as a file, its transactions, and what is remembered by name.
What must not: instances (``journal``) and sessions (``journal_sessions``).
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.useragent.errors import UsageError
from chalicelib.useragent.journal_entries import ADDED, SCHEMA, SCHEMA_VERSION
from chalicelib.useragent.journal_sessions import SESSION_SCHEMA

MEMORY = ":memory:"
_PAGES_BETWEEN_CHECKPOINTS = 4000
"""16 MB of log: a page that is written often is brought home once, and senders wait less for it."""


class JournalFile:
    """An open file. ``lock`` is held by whoever uses ``database``; ``transaction`` takes it.

    Parameters
    ----------
    path : str
        Created with mode 0600 when it is not there; ``:memory:`` is kept nowhere.
    destination : str or None
        What the journal is about; None opens whatever it is about, to be read.

    Raises
    ------
    UsageError
        The file is no journal, is in use, or is about another destination.
    """

    def __init__(self, path: str, destination: str | None) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._holder: int | None = None
        if path != MEMORY:
            if destination is None and not os.path.exists(path):
                raise UsageError(f"There is no journal {path}.")
            self._create(is_writer=destination is not None)
        self.database = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        try:
            self._prepare()
            self._bind(destination)
        except sqlite3.DatabaseError:
            self.close()
            raise UsageError(f"{path} is not a journal.") from None
        except UsageError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; what was written is kept."""
        with self.lock:
            self.database.close()
            if self._holder is not None:
                os.close(self._holder)
                self._holder = None

    def fact(self, name: str) -> str:
        """Return something remembered of the destination, "" where nothing is."""
        with self.lock:
            row = self.database.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def remember(self, name: str, value: str) -> None:
        """Remember something of the destination, such as the largest body that it takes."""
        with self.lock:
            self.database.execute(
                "INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (name, value),
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of what is written inside, or nothing."""
        with self.lock:
            self.database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.database.execute("ROLLBACK")
                raise
            self.database.execute("COMMIT")

    def _create(self, *, is_writer: bool) -> None:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            os.close(descriptor)
            if is_writer:
                os.chmod(self.path, 0o600)
                self._holder = _hold(f"{self.path}.lock")
        except OSError as error:
            raise UsageError(f"The journal cannot be opened: {error.strerror}.") from None

    def _prepare(self) -> None:
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.execute("PRAGMA cache_size = -2000")  # KiB
        self.database.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_BETWEEN_CHECKPOINTS}")
        self._migrate()
        self.database.executescript(SCHEMA + SESSION_SCHEMA)

    def _migrate(self) -> None:
        """Bring a journal of an earlier version up to this one, in place."""
        if not self._is_of_version_1():
            return
        with self.transaction():
            if self._is_of_version_1():  # another process may have been here first
                for column in ADDED[SCHEMA_VERSION]:
                    self.database.execute(f"ALTER TABLE instance ADD COLUMN {column}")
                self.remember("schema", str(SCHEMA_VERSION))

    def _is_of_version_1(self) -> bool:
        tables = self.database.execute("SELECT name FROM sqlite_master").fetchall()
        return ("fact",) in tables and self.fact("schema") == "1"

    def _bind(self, destination: str | None) -> None:
        version = self.fact("schema")
        if version not in ("", str(SCHEMA_VERSION)):
            raise UsageError(f"{self.path} was written by another version of this program.")
        if destination is None:
            return
        if self.fact("destination") not in ("", destination):
            raise UsageError(
                f"{self.path} is about another destination: {self.fact('destination')}"
            )
        self.remember("schema", str(SCHEMA_VERSION))
        self.remember("destination", destination)


def _hold(path: str) -> int | None:
    """Return a lock that ends with the process, None where the system has none."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - not a POSIX system
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise UsageError("Another process is sending with this journal.") from None
    return descriptor
