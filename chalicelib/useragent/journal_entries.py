"""The rows of the journal: its tables, and an entry as a value."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.useragent.headers import Identity
from chalicelib.useragent.model import Cause, Instance, Outcome, State
from chalicelib.useragent.sources import FileSource, Source

SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instance (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    form TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    sop_instance TEXT NOT NULL,
    study TEXT NOT NULL,
    series TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    run INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    uncertain INTEGER NOT NULL DEFAULT 0,
    rewritten INTEGER NOT NULL DEFAULT 0,
    cause TEXT NOT NULL DEFAULT '',
    reason INTEGER,
    status INTEGER,
    detail TEXT NOT NULL DEFAULT '',
    session INTEGER,
    place INTEGER,
    body_offset INTEGER
);
CREATE INDEX IF NOT EXISTS instance_by_uid ON instance (sop_instance);
CREATE INDEX IF NOT EXISTS instance_by_turn ON instance (turn);
CREATE TABLE IF NOT EXISTS skipped (
    path BLOB NOT NULL,
    reason TEXT NOT NULL,
    is_lost INTEGER NOT NULL
);
"""
ADDED = {2: ("session INTEGER", "place INTEGER", "body_offset INTEGER")}
"""Columns of an instance that a version added to the one before."""
COLUMNS = (
    "id, path, size, mtime_ns, form, sop_class, sop_instance, study, series, transfer_syntax, "
    "turn, state, attempts, uncertain, rewritten, cause, reason, status, detail, session"
)
_AS_JSON = COLUMNS.replace("path", "hex(path)")
_FIND = """
INSERT INTO instance (path, size, mtime_ns, form, sop_class, sop_instance, study, series,
    transfer_syntax, run, turn, state)
VALUES {rows}
ON CONFLICT (path) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, form = excluded.form,
    sop_class = excluded.sop_class, sop_instance = excluded.sop_instance, study = excluded.study,
    series = excluded.series, transfer_syntax = excluded.transfer_syntax, run = excluded.run,
    turn = excluded.turn, state = 'found', attempts = 0, uncertain = 0, rewritten = 0, cause = '',
    reason = NULL, status = NULL, detail = '', session = NULL
WHERE (instance.size, instance.mtime_ns) != (excluded.size, excluded.mtime_ns)
"""
_FOUND = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'found')"
SETTLED = "state = ?, cause = ?, reason = ?, status = ?, detail = ?, rewritten = ?, uncertain = ?"
REPEATED = """
SELECT id FROM instance WHERE run = ? AND turn > ? AND turn <= ? AND EXISTS (
    SELECT 1 FROM instance AS first WHERE first.sop_instance = instance.sop_instance
    AND first.run = instance.run AND first.turn < instance.turn)
"""


_STATES = {state.value: state for state in State}


class Entry(NamedTuple):
    """A row: one instance and what is known of it.

    ``turn`` orders the entries of a run as they were found in it; ``attempts`` counts how often it
    has left; ``session`` is the number of the store session that the instance is in, if it is in
    one.
    """

    id: int
    source: FileSource
    form: str
    identity: Identity
    turn: int
    state: State
    attempts: int = 0
    is_uncertain: bool = False
    is_rewritten: bool = False
    cause: Cause | None = None
    reason: int | None = None
    status: int | None = None
    detail: str = ""
    session: int | None = None

    @property
    def is_half_sent(self) -> bool:
        """Whether it is in a session that was not completed: nothing is stored of it."""
        return self.session is not None and self.state is State.SENT and not self.is_uncertain

    def instance(self, source: Source | None = None) -> Instance:
        """Return the instance to send."""
        known = self.identity
        return Instance(
            known.sop_class,
            known.sop_instance,
            known.study,
            known.series,
            known.transfer_syntax,
            source or self.source,
            key=self.id,
            is_uncertain=self.is_uncertain,
        )


@dataclass(frozen=True, slots=True)
class Count:
    """Instances of a run in one state, and their bytes."""

    instances: int = 0
    size: int = 0


def marks(count: int) -> str:
    """Return so many places for values."""
    return ", ".join("?" * count)


def find(rows: int) -> str:
    """Return the statement that enters so many rows as found."""
    return _FIND.format(rows=", ".join([_FOUND] * rows))


def page(condition: str) -> str:
    """Return the statement that gives rows as one text, for ``entries_of``.

    One step of the database for all: each lets other threads in, and waits for them afterwards.
    """
    rows = f"SELECT {COLUMNS} FROM instance WHERE {condition}"
    return f"SELECT json_group_array(json_array({_AS_JSON})) FROM ({rows})"


def entries_of(text: str) -> list[Entry]:
    """Return the entries of a page."""
    return [
        entry_of((key, bytes.fromhex(path), *others)) for key, path, *others in json.loads(text)
    ]


def settled_as(one: Outcome) -> tuple[object, ...]:
    """Return the values of SETTLED."""
    is_uncertain = one.state is State.UNKNOWN or one.state is State.UNVERIFIED
    state, cause = str(one.state), str(one.cause)
    return state, cause, one.reason, one.status, one.detail, one.is_rewritten, is_uncertain


def entry_of(row: tuple[Any, ...]) -> Entry:
    """Return the entry that COLUMNS of a row are."""
    source, identity = FileSource(*row[1:4]), Identity(*row[5:10])
    turn, state, attempts, uncertain, rewritten, cause, reason, status, detail, session = row[10:]
    return Entry(
        row[0],
        source,
        row[4],
        identity,
        turn,
        _STATES[state],
        attempts,
        bool(uncertain),
        bool(rewritten),
        Cause(cause) if cause else None,
        reason,
        status,
        detail,
        session,
    )
