"""The journal: what is known of every instance, so that nothing is lost and nothing sent twice.

One SQLite file (mode 0600, write-ahead log) for one destination. It holds paths, sizes, times,
UIDs, states and codes; no value of a patient's, no secret, no words of a server's. An instance is
written down as *sent* before the first byte of it leaves and as *referenced* only after the server
has listed it. A process that dies in between leaves *sent*, which the next run takes for unknown.

Paths may carry names of patients where folders do: hence the mode.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from types import TracebackType
from typing import Self, TypeVar

from chalicelib.useragent.headers import Identity
from chalicelib.useragent.journal_entries import (
    REPEATED,
    SETTLED,
    Count,
    Entry,
    entries_of,
    find,
    marks,
    page,
    settled_as,
)
from chalicelib.useragent.journal_file import JournalFile
from chalicelib.useragent.journal_fresh import Fresh
from chalicelib.useragent.journal_sessions import JournalSessions
from chalicelib.useragent.model import Instance, Outcome, State
from chalicelib.useragent.scan import Skipped
from chalicelib.useragent.sources import FileSource

_Item = TypeVar("_Item")
_PENDING = "('found', 'sent', 'unknown', 'unverified', 'failed')"
_KEYS_AT_ONCE = 500
_ROWS_AT_ONCE = 50
"""With the columns of an entry fewer than the 999 values that any SQLite takes."""


class Journal:
    """An open journal; a context manager. Methods may be called from any thread.

    Parameters
    ----------
    path : str
        Created with mode 0600 when it is not there; ``:memory:`` is kept nowhere.
    destination : str, optional
        What the journal is about; None opens whatever it is about.

    Raises
    ------
    UsageError
        The file is no journal, is in use, or is about another destination.
    """

    def __init__(self, path: str | os.PathLike[str], destination: str | None = None) -> None:
        self._file = JournalFile(os.fspath(path), destination)
        self.path = self._file.path
        self._database, self._lock = self._file.database, self._file.lock
        self._transaction = self._file.transaction
        self.sessions = JournalSessions(self._database, self._transaction)
        self.run = int(self.fact("run") or 0)
        self._turn, self._last_id = self._last("turn"), self._last("id")
        self._fresh = Fresh(self._turn)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was written is kept."""
        self._file.close()

    @property
    def destination(self) -> str:
        """What the journal is about."""
        return self.fact("destination")

    def fact(self, name: str) -> str:
        """Return something remembered of the destination, "" where nothing is."""
        return self._file.fact(name)

    def remember(self, name: str, value: str) -> None:
        """Remember something of the destination, such as the largest body that it takes."""
        self._file.remember(name, value)

    # ------------------------------------------------------------------ finding

    def begin_run(self) -> int:
        """Begin a run: entries belong to it once they are found again. Return its number."""
        with self._transaction():
            self.run += 1
            self.remember("run", str(self.run))
            self._database.execute("DELETE FROM skipped")
            self._fresh.skip_to(self._turn)
        return self.run

    def is_known(self, source: FileSource) -> bool:
        """Return whether the file is an entry as it is; then it belongs to this run too."""
        if self.run == 1:  # nothing was entered before; a file named twice is entered once
            return False
        with self._lock:
            self._turn += 1
            cursor = self._database.execute(
                "UPDATE instance SET turn = CASE WHEN run = ?1 THEN turn ELSE ?2 END, run = ?1 "
                "WHERE path = ?3 AND size = ?4 AND mtime_ns = ?5",
                (self.run, self._turn, source.path, source.size, source.mtime_ns),
            )
            if cursor.rowcount == 0:
                return False
            self._fresh.skip_to(self._turn)
            return True

    def add(self, found: Iterable[tuple[FileSource, Identity, str]]) -> None:
        """Enter instances as found; the entry of a file that has changed begins anew."""
        found = tuple(found)
        with self._lock:
            turns = range(self._turn + 1, self._turn + 1 + len(found))
            with self._transaction():
                rows = [self._row(turn, *one) for turn, one in zip(turns, found, strict=True)]
                for some in _few(rows, _ROWS_AT_ONCE):
                    self._database.execute(find(len(some)), tuple(chain.from_iterable(some)))
            self._turn += len(found)
            self._remember_as_fresh(turns, found)

    def _remember_as_fresh(
        self, turns: Sequence[int], found: Sequence[tuple[FileSource, Identity, str]]
    ) -> None:
        """Keep at hand what was entered, unless some of it was there: then its ids are not known.

        A new row's id is one more than the last.
        """
        ids = range(self._last_id + 1, self._last("id") + 1)
        self._last_id += len(ids)
        if len(ids) != len(found):
            self._fresh.skip_to(self._turn)
            return
        self._fresh.enter(
            Entry(key, source, form, identity, turn, State.FOUND)
            for key, turn, (source, identity, form) in zip(ids, turns, found, strict=True)
        )

    def _row(self, turn: int, source: FileSource, one: Identity, form: str) -> tuple[object, ...]:
        return (
            source.path,
            source.size,
            source.mtime_ns,
            form,
            one.sop_class,
            one.sop_instance,
            one.study,
            one.series,
            one.transfer_syntax,
            self.run,
            turn,
        )

    def add_skipped(self, skipped: Iterable[Skipped]) -> None:
        """Enter what is not sent."""
        with self._transaction():
            self._database.executemany(
                "INSERT INTO skipped VALUES (?, ?, ?)",
                [(one.path, one.reason, int(one.is_lost)) for one in skipped],
            )

    # ------------------------------------------------------------------ sending

    def sending(self, instances: Sequence[Instance]) -> None:
        """Write down that instances leave now, before they do."""
        keys = [instance.key for instance in instances]
        self._set("state = 'sent', attempts = attempts + 1", {(): keys})

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of instances."""
        alike: dict[tuple[object, ...], list[int]] = {}
        for one in outcomes:
            alike.setdefault(settled_as(one), []).append(one.instance.key)
        self._set(SETTLED, alike)

    def _set(self, what: str, keys: Mapping[tuple[object, ...], Sequence[int]]) -> None:
        """Change rows by their keys: one statement for all that take the same values.

        A statement for each row would cost more than its work: each lets other threads in.
        """
        statements = [
            (f"UPDATE instance SET {what} WHERE {which}", (*values, *some))
            for values, all_alike in keys.items()
            for which, some in _rows(all_alike)
        ]
        with self._lock if len(statements) == 1 else self._transaction():
            for statement, values in statements:
                self._database.execute(statement, values)

    def take_back(self, instances: Sequence[Instance]) -> None:
        """Write down that instances did not leave, or not for certain: they are sent again.

        Those in a session wait for it to go on.
        """
        with self._transaction():
            self._database.executemany(
                "UPDATE instance SET state = CASE WHEN ? THEN 'unknown' ELSE 'found' END, "
                "uncertain = ? WHERE id = ? AND state = 'sent' AND session IS NULL",
                [(one.is_uncertain, one.is_uncertain, one.key) for one in instances],
            )

    def forget(self) -> None:
        """Take everything for found: it is all sent once more."""
        with self._transaction():
            self._database.execute(
                "UPDATE instance SET state = 'found' WHERE state != 'unknown' AND session IS NULL"
            )

    def resume(self) -> None:
        """Take what an earlier process left as sent for unknown, but for what is in sessions."""
        with self._transaction():
            self._database.execute(
                "UPDATE instance SET state = 'unknown', uncertain = 1 "
                "WHERE state = 'sent' AND session IS NULL"
            )

    # ------------------------------------------------------------------ reading

    def pending(self, after: int, limit: int = 200) -> list[Entry]:
        """Return entries of this run that are to be sent, by turn beyond ``after``.

        By turn, because a run finds old entries in any order while it already sends. Nobody has
        changed what is fresh, because nobody was given it.
        """
        with self._lock:
            fresh = self._fresh.take(after, limit)
        if fresh is not None:
            return fresh
        return self._entries(
            f"run = ? AND turn > ? AND state IN {_PENDING} AND session IS NULL",
            "turn",
            (self.run, after, limit),
        )

    def first_of(self, sop_instance: str, before: int) -> Entry | None:
        """Return the entry of this run with that UID and an earlier turn, if there is one."""
        found = self._entries(
            "sop_instance = ? AND turn < ? AND run = ? AND cause != 'twin'",
            "turn",
            (sop_instance, before, self.run, 1),
        )
        return found[0] if found else None

    def repeated(self, after: int, until: int) -> set[int]:
        """Return the ids of entries whose UID an earlier one of this run has, by turn as given.

        One look-up for a page of ``pending``: entries that are not in it need no ``first_of``.
        """
        with self._lock:
            rows = self._database.execute(REPEATED, (self.run, after, until)).fetchall()
        return {int(row[0]) for row in rows}

    def in_states(self, states: Iterable[State], after: int = 0, limit: int = 200) -> list[Entry]:
        """Return entries of this run in some states, by id beyond ``after``."""
        wanted = ", ".join(f"'{State(state).value}'" for state in states)
        return self._entries(
            f"run = ? AND id > ? AND state IN ({wanted})",
            "id",
            (self.run, after, limit),
        )

    def iterate(self, states: Iterable[State]) -> Iterator[Entry]:
        """Yield entries of this run in some states, in constant memory."""
        wanted, after = tuple(states), 0
        while entries := self.in_states(wanted, after):
            yield from entries
            after = entries[-1].id

    def counts(self) -> dict[State, Count]:
        """Return how many entries of this run are in each state."""
        with self._lock:
            rows = self._database.execute(
                "SELECT state, count(*), sum(size) FROM instance WHERE run = ? GROUP BY state",
                (self.run,),
            ).fetchall()
        return {State(state): Count(count, size) for state, count, size in rows}

    def count_half_sent(self) -> int:
        """Return how many instances of this run are in sessions that were not completed."""
        with self._lock:
            [row] = self._database.execute(
                "SELECT count(*) FROM instance WHERE run = ? AND session IS NOT NULL "
                "AND state = 'sent' AND NOT uncertain",
                (self.run,),
            ).fetchall()
        return int(row[0])

    def count_rewritten(self) -> int:
        """Return how many instances of this run went out as Explicit VR Little Endian (U-04)."""
        with self._lock:
            [row] = self._database.execute(
                "SELECT count(*) FROM instance WHERE run = ? AND rewritten = 1", (self.run,)
            ).fetchall()
        return int(row[0])

    def skipped(self, *, lost_only: bool = False, limit: int = -1) -> Iterator[Skipped]:
        """Yield what this run skipped."""
        with self._lock:
            rows = self._database.execute(
                "SELECT path, reason, is_lost FROM skipped WHERE is_lost >= ? "
                "ORDER BY rowid LIMIT ?",
                (int(lost_only), limit),
            )
        while page := self._page(rows):
            yield from page

    def count_studies(self) -> int:
        """Return how many studies this run has instances of."""
        with self._lock:
            [row] = self._database.execute(
                "SELECT count(DISTINCT study) FROM instance WHERE run = ?", (self.run,)
            ).fetchall()
        return int(row[0])

    def state_of(self, source: FileSource) -> State | None:
        """Return the state of a file as it is, None where the journal does not have it."""
        with self._lock:
            row = self._database.execute(
                "SELECT state FROM instance WHERE path = ? AND size = ? AND mtime_ns = ?",
                (source.path, source.size, source.mtime_ns),
            ).fetchone()
        return State(row[0]) if row else None

    def skipped_by_reason(self) -> list[tuple[str, int]]:
        """Return how many files were skipped for each reason, most frequent first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT reason, count(*) FROM skipped GROUP BY reason ORDER BY 2 DESC, 1"
            ).fetchall()
        return [(str(reason), int(count)) for reason, count in rows]

    def _page(self, rows: sqlite3.Cursor) -> list[Skipped]:
        with self._lock:
            return [Skipped(path, reason, bool(lost)) for path, reason, lost in rows.fetchmany(200)]

    def _entries(self, condition: str, order: str, values: tuple[object, ...]) -> list[Entry]:
        """Return the first entries in the order of a column; the last value says how many."""
        statement = page(f"{condition} ORDER BY {order} LIMIT ?")
        with self._lock:
            [text] = self._database.execute(statement, values).fetchone()
        return sorted(entries_of(text), key=attrgetter(order))  # an aggregate promises no order

    def _last(self, column: str) -> int:
        row = self._database.execute(f"SELECT max({column}) FROM instance").fetchone()
        return int(row[0] or 0)


def _rows(keys: Sequence[int]) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield conditions and their values that name rows: all at once where their keys follow."""
    if keys and keys == list(range(keys[0], keys[0] + len(keys))):
        yield "id BETWEEN ? AND ?", (keys[0], keys[-1])
        return
    for some in _few(keys, _KEYS_AT_ONCE):
        yield f"id IN ({marks(len(some))})", some


def _few(items: Sequence[_Item], count: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), count):
        yield items[start : start + count]
