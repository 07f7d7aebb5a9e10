"""``stowage send`` and ``stowage status``."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import click
from rich.console import Console

from chalicelib.useragent.acquired import Acquirer, is_acquire_there
from chalicelib.useragent.capabilities import apply_limits, read_limits
from chalicelib.useragent.cli.dry_run import Plan, make_plan
from chalicelib.useragent.cli.operations import resend, rules
from chalicelib.useragent.cli.options import acquire_options, send_options
from chalicelib.useragent.cli.screen import print_summary, say, shown, size_words
from chalicelib.useragent.cli.settings import (
    AuthChoice,
    check_clear_text,
    client_options,
    default_journal,
    make_auth,
    make_destination,
    make_doors,
    make_encoder,
    make_limits,
    make_proxy,
    state_folder,
)
from chalicelib.useragent.client import Destination, StoreClient
from chalicelib.useragent.clock import SystemClock
from chalicelib.useragent.concurrency import AdaptiveGate
from chalicelib.useragent.doors import Doors
from chalicelib.useragent.errors import DestinationError, UsageError, UserAgentError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.report import ExitCode, Report, make_report, write_json
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.sender import Sender, SendOptions
from chalicelib.useragent.sources import label_of
from chalicelib.useragent.transport import HttpTransport, Timeouts, Tls

_EXIT_CODES = """
\b
Exit codes:
  0  all instances are stored
  1  some failed
  2  the command makes no sense as given
  3  nothing is stored
  4  of some it is not known (unverified)
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stowage", message="stowage %(version)s")
def main() -> None:
    """Store DICOM instances at any DICOMweb (STOW-RS) server, and never lose one."""


main.add_command(rules)
main.add_command(resend)


@main.command(epilog=_EXIT_CODES)
@send_options
def send(**given: Any) -> None:
    """Send files and folders: what is DICOM in them, told by content.

    Nothing counts as stored that the server did not list as stored. What is known of every
    instance is kept in a journal: if the command is interrupted or killed, the same command goes
    on where it was.

    \b
    Examples:
      stowage send CT/ --to https://pacs.example/dicom-web
      stowage send CT/ --to https://pacs.example/dicom-web --dry-run
      STOWAGE_PASSWORD=... stowage send CT/ --to https://pacs.example/dicom-web --user ada
      stowage send CT/ --to https://pacs.example/dicom-web --bearer-file token --json report.json
      stowage send CT/ --to https://abc.execute-api.eu-central-1.amazonaws.com/api \\
              --aws-region eu-central-1
      stowage send wound.jpg --to https://pacs.example/dicom-web --template study.dcm
    """
    sys.exit(_guarded(lambda: _send(given, os.environ)))  # noqa: TID251 - the one reader here


@main.command()
@click.option("--journal", type=click.Path(dir_okay=False), help="The journal; all by default.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, allow_dash=True))
def status(journal: str | None, json_file: str | None) -> None:
    """Say what journals know: what is stored, what failed and why, what is left.

    \b
    Examples:
      stowage status
      stowage status --journal ct.journal --json -
    """
    environ = os.environ  # noqa: TID251 - the one reader here
    sys.exit(_guarded(lambda: _status(journal, json_file, environ)))


def _guarded(run: Callable[[], int]) -> int:
    try:
        return run()
    except UsageError as error:
        click.echo(f"Error: {error}", err=True)
        return ExitCode.USAGE
    except DestinationError as error:
        click.echo(f"Error: {error}", err=True)
        return ExitCode.NOTHING_STORED
    except UserAgentError as error:
        click.echo(f"Error: {error}", err=True)
        return ExitCode.SOME_FAILED


def _send(given: Mapping[str, Any], environ: Mapping[str, str]) -> int:
    destination = make_destination(given["url"], given["study"])
    clock = SystemClock()
    console = Console(stderr=True)
    encoder = make_encoder(
        given["form"],
        is_gzipped=given["gzip"],
        is_chunked=given["chunked"],
        names_syntax=given["transfer_syntax"],
        is_raw=given["raw"],
    )
    limits = make_limits(given["batch_bytes"], given["batch_parts"], encoder)
    doors = make_doors(given["door"], limits, encoder)
    acquirer = _make_acquirer(given, clock, console)
    options = SendOptions(
        given["paths"], destination.study, given["connections"], given["again"], acquirer
    )
    journal_path = Path(given["journal"] or default_journal(environ, destination, given["paths"]))
    if given["dry_run"]:
        plan = make_plan(options, encoder, doors, journal_path)
        _print_plan(plan, destination, may_be_fewer=limits.may_grow)
        return ExitCode.ALL_STORED
    client, transport = _make_client(given, environ, destination, clock, doors, encoder)
    with Journal(journal_path, destination.store_url) as journal:
        sender = Sender(journal, client, options, clock)
        report = _run(sender, console, is_quiet=given["quiet"], clock=clock)
        _write_report(report, given["json_file"], console, is_quiet=given["quiet"])
        transport.close()
        return report.exit_code


def _make_client(
    given: Mapping[str, Any],
    environ: Mapping[str, str],
    destination: Destination,
    clock: SystemClock,
    doors: Doors,
    encoder: Any,
) -> tuple[StoreClient, HttpTransport]:
    choice = AuthChoice(**{name: given[name] for name in AuthChoice.__dataclass_fields__})
    check_clear_text(
        destination.base_url, has_secret=choice.has_secret, is_allowed=given["allow_clear_text"]
    )
    tls = Tls(
        given["ca"], given["client_cert"], given["client_key"], environ.get("STOWAGE_KEY_PASSWORD")
    )
    timeouts = Timeouts(idle=given["timeout"])
    auth = make_auth(choice, environ, tls, timeouts, clock)
    transport = HttpTransport(
        destination.base_url,
        connections=given["connections"],
        timeouts=timeouts,
        tls=tls,
        proxy=make_proxy(given["proxy"]),
    )
    exchange = Exchange(transport, auth)
    if given["capabilities"]:
        said = read_limits(exchange, destination)
        apply_limits(said, doors.limits)
        doors.learn(said)
    client = StoreClient(
        destination,
        exchange,
        encoder=encoder,
        limits=doors.limits,
        doors=doors,
        policy=RetryPolicy(attempts=given["attempts"]),
        options=client_options(
            unquoted=given["unquoted_fallback"],
            expect=given["expect_continue"],
            search=given["verify"],
            prefers_xml=given["accept"] == "xml",
            connections=given["connections"],
        ),
        clock=clock,
        gate=AdaptiveGate(given["connections"], clock),
    )
    return client, transport


def _make_acquirer(
    given: Mapping[str, Any], clock: SystemClock, console: Console
) -> Acquirer | None:
    if not is_acquire_there():
        return None
    told: set[tuple[str, str]] = set()

    def note(path: str, text: str) -> None:
        if (path, text) not in told and len(told) < 1000:
            told.add((path, text))
            say(console, f"{path}: {text}")

    return Acquirer(acquire_options(given), clock.now, note)


def _run(sender: Sender, console: Console, *, is_quiet: bool, clock: SystemClock) -> Report:
    """Run to the end; the first Ctrl-C lets requests under way finish, the second does not."""
    started = clock.monotonic()
    threads = sender.start()
    with shown(console, sender.progress, is_quiet=is_quiet):
        try:
            _join(threads)
        except KeyboardInterrupt:
            sender.stop()
            console.print("Interrupted; waiting for requests under way. Ctrl-C again to leave.")
            _join(threads)
    return sender.finish(clock.monotonic() - started)


def _join(threads: list[Thread]) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)  # with a time-out, so that Ctrl-C is seen


def _write_report(
    report: Report, json_file: str | None, console: Console, *, is_quiet: bool
) -> None:
    if json_file == "-":
        write_json(report, sys.stdout)
    elif json_file:
        descriptor = os.open(json_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as out:
            write_json(report, out)
    if not is_quiet or report.exit_code != ExitCode.ALL_STORED:
        print_summary(console if json_file == "-" else Console(), report)


def _print_plan(plan: Plan, destination: Destination, *, may_be_fewer: bool) -> None:
    click.echo(f"Would send to {destination.store_url}:")
    instances, studies = _counted(plan.instances, "instance"), _counted(plan.studies, "study")
    click.echo(f"  {instances}, {size_words(plan.size)}, of {studies}")
    most = "at most " if may_be_fewer and plan.requests > 1 else ""
    sessions = f" and {_counted(plan.sessions, 'store session')}" if plan.sessions else ""
    click.echo(f"  in {most}{_counted(plan.requests, 'request')}{sessions}")
    if plan.rewritten:
        click.echo(f"  {plan.rewritten} rewritten as Explicit VR Little Endian")
    if plan.already_stored:
        click.echo(f"  {plan.already_stored} not sent: stored before, as the journal says")
    if plan.of_other_studies:
        click.echo(f"  {plan.of_other_studies} not sent: not of the study that --study names")
    for reason, count in plan.skipped:
        click.echo(f"  {count} skipped: {reason}")


def _counted(count: int, what: str) -> str:
    many = f"{what.removesuffix('y')}ies" if what.endswith("y") else f"{what}s"
    return f"{count} {what if count == 1 else many}"


def _status(path: str | None, json_file: str | None, environ: Mapping[str, str]) -> int:
    paths = [Path(path)] if path else sorted(state_folder(environ).glob("*.journal"))
    if json_file and len(paths) != 1:
        raise UsageError("--json tells of one journal: name it with --journal.")
    if not paths:
        click.echo("There are no journals.")
        return ExitCode.ALL_STORED
    code = ExitCode.ALL_STORED
    for one in paths:
        with Journal(one) as journal:
            report = make_report(journal)
            code = max(code, report.exit_code)
            if json_file:
                _write_report(report, json_file, Console(stderr=True), is_quiet=True)
            else:
                click.echo(f"{journal.destination}  ({label_of(os.fsencode(one))})")
                print_summary(Console(), report)
    return code
