"""What a person sees: live progress, or lines where there is no terminal; and the summary."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar

from chalicelib.useragent.progress import Progress
from chalicelib.useragent.report import ExitCode, Report

_SHOWN_FAILURES = 20
_SHOWN_REASONS = 10
_SECONDS_BETWEEN_LINES = 5.0
_VERDICTS = {
    ExitCode.ALL_STORED: ("green", "All instances are stored."),
    ExitCode.SOME_FAILED: ("red", "Some instances are not stored."),
    ExitCode.NOTHING_STORED: ("red", "Nothing is stored."),
    ExitCode.UNVERIFIED: ("yellow", "Of some instances it is not known whether they are stored."),
}


@contextmanager
def shown(console: Console, progress: Progress, *, is_quiet: bool) -> Iterator[None]:
    """Show a run's progress while the body of the ``with`` goes on."""
    if is_quiet:
        yield
        return
    done = threading.Event()
    show = _show_live if console.is_terminal else _show_lines
    thread = threading.Thread(target=show, args=(console, progress, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _show_live(console: Console, progress: Progress, done: threading.Event) -> None:
    columns = (
        TextColumn("{task.fields[instances]}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[failures]}"),
    )
    with Bar(*columns, console=console, transient=True, refresh_per_second=5) as bar:
        task = bar.add_task("send", total=None, instances="", failures="")
        while not done.wait(0.2):
            _update(bar, task, progress)
        _update(bar, task, progress)


def _update(bar: Bar, task: TaskID, progress: Progress) -> None:
    found = f"{progress.found}{'+' if progress.is_scanning else ''}"
    failures = _failures(progress)
    bar.update(
        task,
        total=None if progress.is_scanning else progress.found_bytes,
        completed=min(progress.moved_bytes, progress.found_bytes),
        instances=f"{progress.settled}/{found} instances",
        failures=f"[red]{failures}[/red]" if failures else escape(progress.waiting),
    )


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print a line as it is: paths and servers' words are no markup, and are not wrapped.

    What is not printable, such as what would command the terminal, is shown as an escape.
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    console.print(shown, style=style, highlight=False, markup=False, soft_wrap=True)


def _failures(progress: Progress) -> str:
    words = [f"{progress.failed} failed"] if progress.failed else []
    if progress.unverified:
        words.append(f"{progress.unverified} unverified")
    return ", ".join(words)


def _show_lines(console: Console, progress: Progress, done: threading.Event) -> None:
    started = time.monotonic()
    while not done.wait(_SECONDS_BETWEEN_LINES):
        say(console, _line(progress, time.monotonic() - started))


def _line(progress: Progress, seconds: float) -> str:
    """Return where a run is in one line: instances, bytes, rate, time left, failures."""
    moved = min(progress.moved_bytes, progress.found_bytes)
    rate = moved / seconds if seconds > 0 else 0.0
    more = "+" if progress.is_scanning else ""
    words = [
        f"{progress.settled}/{progress.found}{more} instances",
        f"{size_words(moved)} of {size_words(progress.found_bytes)}{more}",
    ]
    left = progress.found_bytes - moved
    if left or progress.is_scanning:
        words.append(f"{size_words(rate)}/s")
    if left and rate > 0 and not progress.is_scanning:
        words.append(f"{left / rate:.0f} s left")
    words += [word for word in (_failures(progress), progress.waiting) if word]
    return ", ".join(words)


def size_words(size: float) -> str:
    """Return a size for a person, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def print_summary(console: Console, report: Report) -> None:
    """Print what a run came to, and each failure with its file, reason and what to do."""
    colour, verdict = _VERDICTS[report.exit_code]
    lines = [
        f"[bold {colour}]{verdict}[/]",
        f"  stored      {report.stored} of {report.total}",
    ]
    if report.failed:
        lines.append(f"  failed      {report.failed}")
    if report.half_sent:
        lines.append(f"  half sent   {report.half_sent}: run the same command again")
    if report.unverified:
        lines.append(f"  unverified  {report.unverified}")
    if report.rewritten:
        lines.append(f"  rewritten   {report.rewritten} as Explicit VR Little Endian")
    if report.sent_bytes and report.seconds > 0:
        rate = f"{size_words(report.sent_bytes / report.seconds)}/s"
        lines.append(f"  sent        {size_words(report.sent_bytes)} ({rate})")
    if report.stopped:
        lines.append(f"[red]Stopped:[/red] {escape(report.stopped)}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    _print_skipped(console, report)
    _print_failures(console, report)


def _print_skipped(console: Console, report: Report) -> None:
    reasons = report.journal.skipped_by_reason()
    for reason, count in reasons[:_SHOWN_REASONS]:
        say(console, f"  skipped     {count}: {reason}")
    if len(reasons) > _SHOWN_REASONS:
        say(console, "  ... and more reasons; see --json")


def _print_failures(console: Console, report: Report) -> None:
    for failure in islice(report.failures(), _SHOWN_FAILURES):
        say(console, failure.path, style="bold")
        said = f" - the server says: {failure.said}" if failure.said else ""
        say(console, f"    {failure.words}{said}")
        if failure.advice:
            say(console, f"    {failure.advice}", style="dim")
    left = report.failed + report.unverified - _SHOWN_FAILURES
    if left > 0:
        say(console, f"... and {left} more; see --json")
