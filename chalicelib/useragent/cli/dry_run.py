"""What would be sent, without sending: the plan."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.useragent.acquired import Acquirer
from chalicelib.useragent.errors import SourceError, UsageError
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.journal_entries import Entry
from chalicelib.useragent.model import Instance, State
from chalicelib.useragent.payloads import Encoder, Piece
from chalicelib.useragent.plan import BatchLimits, batches
from chalicelib.useragent.scan import Found, Skipped, scan
from chalicelib.useragent.sender import SendOptions


@dataclass(slots=True)
class Plan:
    """What a run would do."""

    instances: int = 0
    size: int = 0
    requests: int = 0
    rewritten: int = 0
    of_other_studies: int = 0
    already_stored: int = 0
    studies: int = 0
    skipped: list[tuple[str, int]] = field(default_factory=list)


def make_plan(
    options: SendOptions, encoder: Encoder, limits: BatchLimits, journal_path: Path
) -> Plan:
    """Return the plan of a command, without touching its journal or the network."""
    plan = Plan()
    with (
        tempfile.TemporaryDirectory(prefix="stowage-") as folder,
        Journal(Path(folder) / "plan", "a plan") as draft,
    ):
        draft.begin_run()
        _scan_into(draft, options)
        stored = _stored_before(journal_path) if not options.sends_again else None
        for batch in batches(_chosen(draft, options, stored, plan), limits, encoder.cost):
            plan.requests += 1
            plan.instances += len(batch)
            plan.size += sum(one.source.size for one in batch)
            plan.rewritten += sum(encoder.is_rewritten(Piece(one)) for one in batch)
        plan.studies = draft.count_studies()
        plan.skipped = draft.skipped_by_reason()
        if stored is not None:
            stored.close()
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


def _stored_before(path: Path) -> Journal | None:
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
