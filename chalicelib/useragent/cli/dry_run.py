"""What would be sent, without sending: the plan."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.useragent.acquired import Acquirer
from chalicelib.useragent.doors import Doors, lots
from chalicelib.useragent.errors import SourceError, UsageError
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.journal_entries import Entry
from chalicelib.useragent.model import Instance, State
from chalicelib.useragent.payloads import Encoder, Piece
from chalicelib.useragent.scan import Found, Skipped, scan
from chalicelib.useragent.sender import SendOptions
from chalicelib.useragent.session_ledger import remembered_doors


@dataclass(slots=True)
class Plan:
    """What a run would do."""

    instances: int = 0
    size: int = 0
    requests: int = 0
    sessions: int = 0
    rewritten: int = 0
    of_other_studies: int = 0
    already_stored: int = 0
    studies: int = 0
    skipped: list[tuple[str, int]] = field(default_factory=list)


def make_plan(options: SendOptions, encoder: Encoder, doors: Doors, journal_path: Path) -> Plan:
    """Return the plan of a command, without touching its journal or the network.

    Which door is told as far as earlier runs have learnt what the server offers.
    """
    plan = Plan()
    with (
        tempfile.TemporaryDirectory(prefix="stowage-") as folder,
        Journal(Path(folder) / "plan", "a plan") as draft,
    ):
        draft.begin_run()
        _scan_into(draft, options)
        before = _journal_of(journal_path)
        if before is not None:
            doors.learn(remembered_doors(before))
        stored = None if options.sends_again else before
        for batch in lots(_chosen(draft, options, stored, plan), doors, encoder.cost):
            by_session = doors.by_session(sum(encoder.cost(one) for one in batch))
            plan.sessions += by_session
            plan.requests += not by_session
            plan.instances += len(batch)
            plan.size += sum(one.source.size for one in batch)
            plan.rewritten += sum(encoder.is_rewritten(Piece(one)) for one in batch)
        plan.studies = draft.count_studies()
        plan.skipped = draft.skipped_by_reason()
        if before is not None:
            before.close()
    return plan


def _scan_into(draft: Journal, options: SendOptions) -> None:
    for one in scan(options.paths, can_acquire=options.acquirer is not None):
        if isinstance(one, Found) and one.form and options.acquirer is not None:
            _acquire_into(draft, one, options.acquirer)
        elif isinstance(one, Skipped):
            draft.add_skipped([one])
        elif one.identity is not None:
            draft.add([(one.source, one.identity, "")])


def _acquire_into(draft: Journal, one: Found, acquirer: Acquirer) -> None:
    try:
        draft.add([(one.source, acquirer.identify(one.source.path), one.form)])
    except SourceError as error:
        draft.add_skipped([Skipped(one.source.path, error.detail, is_lost=True)])


def _journal_of(path: Path) -> Journal | None:
    try:
        return Journal(path) if path.exists() else None
    except UsageError:
        return None


def _chosen(
    draft: Journal, options: SendOptions, stored: Journal | None, plan: Plan
) -> Iterator[Instance]:
    for entry in draft.iterate((State.FOUND,)):
        if options.study and entry.identity.study != options.study:
            plan.of_other_studies += 1
        elif stored is not None and _is_stored(stored, entry):
            plan.already_stored += 1
        else:
            yield entry.instance()


def _is_stored(journal: Journal, entry: Entry) -> bool:
    state = journal.state_of(entry.source)
    return state is not None and state.is_stored
