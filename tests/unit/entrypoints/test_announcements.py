"""Announcements come with the bus's id and time; one that fails fails alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.entrypoints.announcements import consume_announcements, read_announcement
from chalicelib.origin.audit import Announcement
from chalicelib.origin.events import MalformedEvent

EVENTS = Path(__file__).parents[2] / "events"
STORED = json.loads((EVENTS / "sqs_instances_stored.json").read_text(encoding="utf-8"))


class Log:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __call__(self, message: str, **fields: str | int) -> None:
        self.lines.append(fields)


def test_all_of_a_batch_are_consumed_with_the_events_own_id_and_time() -> None:
    seen: list[Announcement] = []

    response = consume_announcements(STORED, seen.append, Log())

    assert response == {"batchItemFailures": []}
    assert [(one.event_id[-4:], one.occurred) for one in seen] == [
        ("1601", "2026-05-01T10:00:01Z"),
        ("1602", "2026-05-01T10:00:01Z"),
    ]
    assert [len(one.event.instances) for one in seen] == [3, 1]


def test_one_that_fails_takes_no_neighbour_along_and_its_text_to_no_log() -> None:
    log = Log()

    def consume(one: Announcement) -> None:
        if one.event_id.endswith("1601"):
            raise RuntimeError("Doe^Jane")

    response = consume_announcements(STORED, consume, log)

    identity = STORED["Records"][0]["messageId"]
    assert response == {"batchItemFailures": [{"itemIdentifier": identity}]}
    assert log.lines == [{"message_id": identity, "error": "RuntimeError"}]


ENVELOPE = json.loads(STORED["Records"][0]["body"])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "1",
        "{}",
        "[" * 100_000,
        json.dumps(ENVELOPE | {"id": 1}),
        json.dumps(ENVELOPE | {"time": None}),
        json.dumps(ENVELOPE | {"detail": "x"}),
        json.dumps(ENVELOPE | {"detail": {}}),
    ],
    ids=range(9),
)
def test_what_is_no_announcement_is_malformed(body: str) -> None:
    with pytest.raises(MalformedEvent):
        read_announcement(body)
