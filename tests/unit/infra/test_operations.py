"""The operator's guide names what there is."""

import re

import pytest
import yaml

from infra import costs, repair
from infra.local.template import TEMPLATE_PATH, load_template
from infra.package.alarms import alarms_of

GUIDE = (TEMPLATE_PATH.parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")


def alarm_names() -> list[str]:
    document = yaml.safe_load(TEMPLATE_PATH.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["Timeout"] = 1
    return [alarm.name for alarm in alarms_of(document)]


@pytest.mark.parametrize("name", alarm_names())
def test_the_guide_says_what_an_alarm_means(name: str) -> None:
    assert f"`{name}`" in GUIDE


def test_the_guide_names_no_alarm_that_is_not_there() -> None:
    section = GUIDE.partition("## Alarms")[2].partition("## Replay")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]

    assert {name for cell in cells for name in re.findall("`(.+?)`", cell)} == set(alarm_names())


def test_the_bill_counts_all_alarms_and_queues() -> None:
    assert len(alarm_names()) == costs.ALARMS
    mapped = [
        one
        for one in load_template().of_type("AWS::SQS::Queue")
        if "RedrivePolicy" in one.properties
    ]
    assert len(mapped) == costs.QUEUES


def test_the_guide_shows_the_bill() -> None:
    assert f"<!-- costs -->\n{costs.report()}<!-- /costs -->" in GUIDE


@pytest.mark.parametrize("command", repair.COMMANDS)
def test_the_guide_shows_each_repair(command: str) -> None:
    assert f"python -m infra.operate {command}" in GUIDE
