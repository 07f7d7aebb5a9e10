"""What the command ``stowage`` does inside a deployment: rules and re-sending.

The command's own package stands below this one and names it as text, so that a user agent
without a deployment needs nothing of it.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from chalicelib.dicomweb.errors import InstanceError
from chalicelib.forwarding.document import read_document
from chalicelib.forwarding.dry_run import explain, record_of_file
from chalicelib.forwarding.nodes import ConfigurationError
from chalicelib.forwarding.resend import NothingToSend, Resender, ResendReport
from chalicelib.origin.ports import Unavailable
from chalicelib.settings import SettingsError

OK, SOME_FAILED, USAGE = 0, 1, 2


class Say(Protocol):
    """Prints a line."""

    def __call__(self, line: str) -> None: ...


def try_rules(
    rules: Path,
    instance: Path,
    say: Say,
    *,
    partition: str = "default",
    source: str = "",
    is_local: bool = False,
) -> int:
    """Say what a rules file would do with a DICOM file; return the exit status."""
    try:
        configuration = read_document(rules.read_bytes(), is_local=is_local)
        record = record_of_file(instance.read_bytes(), partition, source)
    except ConfigurationError as error:
        say(f"{rules}: {error}")
        return USAGE
    except InstanceError as error:
        say(f"{instance}: {error.detail}")
        return USAGE
    for line in explain(configuration, record):
        say(line)
    return OK


def resend_study(study: str, destination: str, say: Say, *, partition: str, again: bool) -> int:
    """Send a study to a destination; return the exit status."""
    return _run(
        lambda resender: iter([resender.study(partition, study, destination, again=again)]), say
    )


def resend_changed(say: Say, *, partition: str, days: int, rule: str) -> int:
    """Send what the rules match of the last days' studies; return the exit status."""
    return _run(lambda one: one.changed_rules(partition, _recent(one, partition, days), rule), say)


class _Sends(Protocol):
    def __call__(self, resender: Resender) -> Iterator[ResendReport]: ...


def _run(send: _Sends, say: Say) -> int:
    from chalicelib import bootstrap

    is_clean = True
    try:
        for report in send(bootstrap.resender()):
            say(_line(report))
            is_clean = is_clean and report.is_clean
    except (NothingToSend, ConfigurationError, SettingsError) as error:
        say(f"Error: {error}")
        return USAGE
    except Unavailable:
        say("Error: AWS could not be asked just now; the same command goes on where it was.")
        return SOME_FAILED
    return OK if is_clean else SOME_FAILED


def _recent(resender: Resender, partition: str, days: int) -> Iterator[str]:
    today = resender.deliverer.clock().date()
    for back in range(days):
        day = (today - timedelta(days=back)).isoformat()
        yield from (study.study for study in resender.index.recent(partition, day))


def _line(report: ResendReport) -> str:
    place = f"study {report.study} to {report.destination}"
    if report.is_in_conflict:
        return f"{place}: in conflict, not sent"
    told = [f"{count} {state.value}" for state, count in sorted(report.states.items())]
    for count, word in (
        (report.skipped, "not sent again"),
        (report.refused, "never sent there: it came from there or has been there"),
        (report.waiting, "left, try again later"),
    ):
        if count:
            told.append(f"{count} {word}")
    return f"{place}: {', '.join(told) or 'nothing to send'}"
