"""The operator's guide names what there is."""

import re

import pytest
import yaml

from infra import costs, doors, repair
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


def test_the_guide_shows_what_the_doors_cost() -> None:
    assert f"<!-- doors -->\n{doors.report()}<!-- /doors -->" in GUIDE


def test_a_terabyte_through_the_small_door_costs_what_its_instances_do() -> None:
    [small, *sessions] = (sum(row.usd for row in doors.taking_in(door)) for door in doors.DOORS)

    instances = doors.TERABYTE / costs.INSTANCE_BYTES
    assert small == pytest.approx(
        sum(row.usd for row in costs.per_million()) * instances / costs.MILLION
    )
    assert all(session < small for session in sessions)


@pytest.mark.parametrize("door", doors.DOORS, ids=lambda door: door.name)
def test_every_call_of_a_door_has_a_price(door: doors.Door) -> None:
    priced = {*doors.PRICES, "dynamodb.BatchWriteItem", "dynamodb.GetItem", "dynamodb.PutItem"}

    assert {call for calls in door.calls.values() for call in calls} <= priced


@pytest.mark.parametrize("command", repair.COMMANDS)
def test_the_guide_shows_each_repair(command: str) -> None:
    assert f"python -m infra.operate {command}" in GUIDE
