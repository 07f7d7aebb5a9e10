"""What arrived and what became of it: the operator's command.

::

    python -m infra.operate [--partition NAME] [--names] studies [--days N]
    python -m infra.operate [--partition NAME] [--names] study STUDY_INSTANCE_UID
    python -m infra.operate [--partition NAME] [--names] instance SOP_INSTANCE_UID
    python -m infra.operate [--partition NAME] rebuild|reconcile [SOP_INSTANCE_UID ...]
    python -m infra.operate replay-dlq validate|index|reconcile|audit|forward

What belongs here: reading through the ports and printing (``stories.py``). What must not: writing
anything (``repair.py`` does). No value of a patient's is printed unless ``--names`` asks for them.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import boto3
from botocore.config import Config

from chalicelib import settings
from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
from chalicelib.adapters.s3 import S3InstanceStore
from chalicelib.adapters.waiting import jittered
from chalicelib.origin.aggregates import SeriesAggregate, SeriesKey, StudyAggregate
from chalicelib.origin.model import InstanceKey, Severity
from chalicelib.origin.ports import IndexStore, InstanceStore, RecordStore, VerdictStore
from infra import repair
from infra.stories import (
    InstanceStory,
    StudySummary,
    render_instance,
    render_series,
    render_summary,
)


class NothingThere(Exception):  # noqa: N818 - reads as the fact it is
    """What was asked for is not in this partition."""


class CountingVerdictStore(VerdictStore, Protocol):
    """A VerdictStore that counts a study's findings without reading them."""

    def findings_of(self, partition: str, study: str) -> tuple[int, Mapping[Severity, int]]:
        """Return how many verdicts a study has, and their findings by severity."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """What the command reads from."""

    instances: InstanceStore
    records: RecordStore
    verdicts: CountingVerdictStore
    index: IndexStore


def list_studies(
    stores: Stores, partition: str, today: date, days: int = 7
) -> Iterator[StudySummary]:
    """Yield the studies of which something arrived in the last days, latest first.

    Parameters
    ----------
    stores : Stores
    partition : str
    today : date
        The last day, in UTC.
    days : int
        How many days, today being one.
    """
    for back in range(days):
        for study in stores.index.recent(partition, (today - timedelta(back)).isoformat()):
            yield _summary(stores, study)


def study_story(
    stores: Stores, partition: str, study: str
) -> tuple[StudySummary, tuple[SeriesAggregate, ...]] | None:
    """Return a study and its series, None when the index does not know it."""
    found = stores.index.read_study(partition, study)
    if found is None:
        return None
    return _summary(stores, found[0]), stores.index.series_of(partition, study)


def instance_story(stores: Stores, partition: str, sop_instance: str) -> InstanceStory | None:
    """Return all that is known of one instance, None when no object is stored."""
    stored = stores.instances.find(partition, sop_instance)
    if stored is None:
        return None
    key = InstanceKey(partition, stored.facts.study, stored.facts.series, sop_instance)
    series = SeriesKey(partition, key.study, key.series)
    known = stores.index.read_series([series]).get(series)
    study = stores.index.read_study(partition, key.study)
    return InstanceStory(
        key=key,
        stored=stored,
        record=stores.records.read([key]).get(key),
        observations=stores.verdicts.observations(key),
        verdict=stores.verdicts.read(key),
        series=known[0] if known else None,
        study=study[0] if study else None,
    )


def _summary(stores: Stores, study: StudyAggregate) -> StudySummary:
    verdicts, findings = stores.verdicts.findings_of(study.partition, study.study)
    return StudySummary(study, verdicts, findings)


def run(arguments: Sequence[str], stores: Stores, now: datetime) -> Iterator[str]:
    """Yield the lines that answer a command line. Raises NothingThere."""
    options = _parser().parse_args(arguments)
    partition, names = options.partition, options.names
    if options.command == "studies":
        for summary in list_studies(stores, partition, now.astimezone(UTC).date(), options.days):
            yield from render_summary(summary, names=names)
    elif options.command == "study":
        found = study_story(stores, partition, options.uid)
        if found is None:
            raise NothingThere("the index knows no such study in this partition")
        yield from render_summary(found[0], names=names)
        yield from render_series(found[1], names=names)
    else:
        story = instance_story(stores, partition, options.uid)
        if story is None:
            raise NothingThere("no such instance is stored in this partition")
        yield from render_instance(story, names=names)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.operate", description=__doc__)
    parser.add_argument("--partition", default="default")
    parser.add_argument("--names", action="store_true", help="print patients' values too")
    commands = parser.add_subparsers(dest="command", required=True)
    studies = commands.add_parser("studies", help="what arrived lately")
    studies.add_argument("--days", type=int, default=7, help="how many days, today being one")
    commands.add_parser("study", help="one study and its series").add_argument("uid")
    commands.add_parser("instance", help="one instance's whole story").add_argument("uid")
    repair.add_commands(commands)
    return parser


def connect(environment: Mapping[str, str]) -> Stores:
    """Return the stores of a deployment.

    Parameters
    ----------
    environment : mapping
        BUCKET and TABLE as of the functions; where AWS is and who asks, in boto3's own variables.
    """
    # An operator who reads needs no bus and no base URI.
    configured = settings.load({"EVENT_BUS": "none", "BASE_URI": "none", **environment})
    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 3})
    wait = jittered(time.sleep, random.random)
    table = Table(boto3.client("dynamodb", config=config), configured.table, wait)
    return Stores(
        instances=S3InstanceStore(boto3.client("s3", config=config), configured.bucket, wait),
        records=DynamoDbRecordStore(table),
        verdicts=DynamoDbVerdictStore(table),
        index=DynamoDbIndexStore(table),
    )


def printable(line: str) -> str:
    """Return the line with control characters escaped: no stored text steers a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def main(arguments: Sequence[str]) -> int:
    """Print what a command line asks for; return the exit status."""
    try:
        options = _parser().parse_args(arguments)
        if options.command in repair.COMMANDS:
            lines = repair.run(options, repair.connect(os.environ))
        else:
            lines = run(arguments, connect(os.environ), datetime.now(UTC))
        for line in lines:
            print(printable(line), flush=True)
    except (NothingThere, repair.RepairError, settings.SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
