"""``stowage rules`` and ``stowage resend``: commands for who runs a deployment of Stowage.

What they do stands above the user agent, in ``chalicelib.operations``, which is loaded by name
when one of them runs: whoever only sends needs no part of it.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def rules() -> None:
    """Look at forwarding rules."""


@rules.command("test")
@click.option("--rules", "rules_file", type=_FILE, required=True, help="The rules, YAML or JSON.")
@click.option("--instance", type=_FILE, required=True, help="A DICOM file.")
@click.option("--partition", default="default", show_default=True)
@click.option("--source", default="", help="Who stored it, as authenticated.")
@click.option("--local", is_flag=True, help="Allow what only a local stack may: loopback, env:.")
def try_rules(
    rules_file: Path, instance: Path, partition: str, source: str, *, local: bool
) -> None:
    """Say where a DICOM file would be forwarded to, and why. Nothing is sent.

    \b
    Example:
      stowage rules test --rules forwarding.yaml --instance ct.dcm --source ward-3
    """
    run = _operations().try_rules
    options = {"partition": partition, "source": source, "is_local": local}
    sys.exit(run(rules_file, instance, click.echo, **options))


@click.command()
@click.option("--study", metavar="UID", help="Send this study, whatever rules and holds say.")
@click.option("--to", "destination", metavar="NAME", help="A destination of the rules.")
@click.option("--again", is_flag=True, help="What was delivered, too.")
@click.option("--changed-rules", is_flag=True, help="Send what the rules match and nobody has.")
@click.option("--rule", default="", metavar="NAME", help="With --changed-rules: only this rule.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3660))
@click.option("--partition", default="default", show_default=True)
def resend(
    study: str | None,
    destination: str | None,
    rule: str,
    days: int,
    partition: str,
    *,
    again: bool,
    changed_rules: bool,
) -> None:
    """Forward what is stored once more, from here: BUCKET, TABLE and so on as of the functions.

    \b
    Examples:
      stowage resend --study 1.2.3 --to research
      stowage resend --changed-rules --days 7
    """
    if changed_rules == bool(study) or bool(study) != bool(destination):
        raise click.UsageError("Give --study with --to, or --changed-rules.")
    operations = _operations()
    if study:
        status = operations.resend_study(
            study, destination, click.echo, partition=partition, again=again
        )
    else:
        status = operations.resend_changed(click.echo, partition=partition, days=days, rule=rule)
    sys.exit(status)


def _operations() -> Any:
    return importlib.import_module("chalicelib.operations")
