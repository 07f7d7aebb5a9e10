"""What a run came to: counts, exit code, and each failure in words with what to do."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TextIO

from chalicelib.useragent.journal import Journal
from chalicelib.useragent.journal_entries import Count, Entry
from chalicelib.useragent.model import Cause, State
from chalicelib.useragent.reasons import advice_for, outcome_words
from chalicelib.useragent.sources import label_of

REPORT_VERSION = 1
_OPEN = (State.SENT, State.UNKNOWN, State.UNVERIFIED)
_LINE_BREAK = "\n"


class ExitCode(IntEnum):
    """What the command's exit says."""

    ALL_STORED = 0
    SOME_FAILED = 1
    USAGE = 2
    NOTHING_STORED = 3
    UNVERIFIED = 4


@dataclass(frozen=True, slots=True)
class Failure:
    """One instance, or file, that is not stored for certain."""

    path: str
    state: str
    sop_instance: str
    words: str
    advice: str
    reason: int | None = None
    status: int | None = None
    said: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to; failures are read from the journal as they are asked for.

    Attributes
    ----------
    half_sent : int
        Instances in store sessions that were not completed: sent in part, and not stored.
    stopped : str
        Why the run ended before its end, "" when it did not.
    said : mapping of int to str
        The server's own words by the journal's id, for some failures.
    """

    journal: Journal
    counts: Mapping[State, Count]
    lost: int
    rewritten: int
    half_sent: int = 0
    stopped: str = ""
    seconds: float = 0.0
    sent_bytes: int = 0
    said: Mapping[int, str] = field(default_factory=dict, repr=False)

    @property
    def total(self) -> int:
        """Instances of the run."""
        return sum(count.instances for count in self.counts.values())

    def count(self, *states: State) -> int:
        """Return the instances in these states."""
        return sum(self.counts[state].instances for state in states if state in self.counts)

    @property
    def stored(self) -> int:
        return self.count(State.REFERENCED, State.WARNED)

    @property
    def unverified(self) -> int:
        return self.count(*_OPEN) - self.half_sent

    @property
    def failed(self) -> int:
        return self.count(State.FAILED, State.FOUND) + self.half_sent + self.lost

    @property
    def exit_code(self) -> ExitCode:
        """What is not known outweighs what is known to have failed."""
        if self.unverified:
            return ExitCode.UNVERIFIED
        if not self.stored:
            return ExitCode.NOTHING_STORED
        return ExitCode.SOME_FAILED if self.failed else ExitCode.ALL_STORED

    def failures(self) -> Iterator[Failure]:
        """Yield what is not stored for certain: failed first, then unverified, lost and unsent."""
        for state in (State.FAILED, *_OPEN, State.FOUND):
            for entry in self.journal.iterate((state,)):
                yield self.failure_of(entry)
        for skipped in self.journal.skipped(lost_only=True):
            path = label_of(skipped.path)
            yield Failure(path, "skipped", "", skipped.reason, "Look at the file and run again.")

    def failure_of(self, entry: Entry) -> Failure:
        """Return an entry in words."""
        words, advice = words_of(entry)
        return Failure(
            entry.source.label,
            entry.state.value,
            entry.identity.sop_instance,
            words,
            advice,
            entry.reason,
            entry.status,
            self.said.get(entry.id, ""),
        )


def words_of(entry: Entry) -> tuple[str, str]:
    """Return why an entry is in its state, and what to do."""
    if entry.state is State.FOUND:
        return "Not sent", "Run the same command again."
    if entry.is_half_sent:
        return "Half uploaded, and not stored yet", "Run the same command again."
    if entry.cause is None or entry.state in (State.SENT, State.UNKNOWN):
        return "No answer came for it", "Run the same command again."
    words = outcome_words(entry.cause, entry.reason, entry.status, entry.detail)
    return words, advice_for(entry.cause, entry.reason)


def make_report(
    journal: Journal,
    *,
    stopped: str = "",
    seconds: float = 0.0,
    sent_bytes: int = 0,
    said: Mapping[int, str] | None = None,
) -> Report:
    """Return the report of the journal's last run."""
    return Report(
        journal,
        journal.counts(),
        sum(1 for _ in journal.skipped(lost_only=True)),
        journal.count_rewritten(),
        journal.count_half_sent(),
        stopped,
        seconds,
        sent_bytes,
        said or {},
    )


def write_json(report: Report, out: TextIO) -> None:
    """Write the report as one JSON object, instance by instance, in constant memory."""
    summary = {
        "version": REPORT_VERSION,
        "destination": report.journal.destination,
        "journal": label_of(os.fsencode(report.journal.path)),
        "exit_code": int(report.exit_code),
        "stopped": report.stopped,
        "instances": report.total,
        "stored": report.stored,
        "failed": report.failed,
        "unverified": report.unverified,
        "rewritten_as_explicit_vr_little_endian": report.rewritten,
        "seconds": round(report.seconds, 3),
        "bytes_sent": report.sent_bytes,
    }
    out.write(json.dumps(summary, ensure_ascii=False, indent=1)[:-2])
    _write_list(out, "outcomes", (_outcome(report, one) for one in report.journal.iterate(State)))
    skipped: Iterator[dict[str, object]] = (
        {"path": label_of(one.path), "reason": one.reason} for one in report.journal.skipped()
    )
    _write_list(out, "skipped", skipped)
    out.write("\n}\n")


def _write_list(out: TextIO, name: str, members: Iterator[dict[str, object]]) -> None:
    out.write(f',\n "{name}": [')
    for index, member in enumerate(members):
        out.write("," if index else "")
        out.write(_LINE_BREAK + "  " + json.dumps(member, ensure_ascii=False))
    out.write("\n ]")


def _outcome(report: Report, entry: Entry) -> dict[str, object]:
    failure = report.failure_of(entry)
    stored_plainly = entry.state is State.REFERENCED and entry.cause is Cause.LISTED
    known: dict[str, object] = {
        "path": failure.path,
        "sop_instance_uid": entry.identity.sop_instance,
        "study_instance_uid": entry.identity.study,
        "state": entry.state.value,
        "cause": entry.cause.value if entry.cause else "",
        "why": "" if stored_plainly else failure.words,
        "what_to_do": "" if stored_plainly else failure.advice,
        "server_said": failure.said,
        "reason": f"{entry.reason:04X}" if entry.reason is not None else "",
        "status": entry.status,
        "attempts": entry.attempts if entry.attempts > 1 else None,
        "rewritten": entry.is_rewritten,
    }
    return {name: value for name, value in known.items() if value not in ("", None, False)}
