"""The operator sees what arrived, and no patient's name unless asked for."""

from datetime import UTC, date, datetime

import pytest

from chalicelib.origin.index import Indexer
from chalicelib.origin.model import Finding, Severity, StoredObject, Verdict
from infra.operate import (
    NothingThere,
    Stores,
    instance_story,
    list_studies,
    printable,
    run,
    study_story,
)
from tests.builders import make_event, make_facts, make_key, make_record
from tests.fakes.index import MemoryIndexStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.verdicts import MemoryVerdictStore

NOW = datetime(2026, 5, 3, 0, 30, tzinfo=UTC)
FIRST, SECOND = make_key("1.2.3.1"), make_key("1.2.3.2", "1.3")
ELSEWHERE = make_key("1.2.3.3", "1.2", "1.9")
CANARY = "CANARY^NAME"


class Objects:
    """Just enough of an InstanceStore."""

    def find(self, partition: str, sop_instance: str) -> StoredObject | None:
        known = {key.sop_instance: key for key in (FIRST, SECOND)}
        key = known.get(sop_instance)
        return StoredObject(1234, make_facts(key)) if key and partition == "default" else None


@pytest.fixture
def stores() -> Stores:
    records, verdicts, index = MemoryRecordStore(), MemoryVerdictStore(), MemoryIndexStore()
    made = [
        make_record(FIRST, {"PatientName": CANARY, "PatientID": "P1", "Modality": "CT"}),
        make_record(SECOND, {"PatientName": "OTHER^NAME", "Modality": "SR"}, subject="router"),
        make_record(ELSEWHERE, {}, received="2026-05-02T09:00:00.000Z"),
    ]
    records.write(made)
    indexer = Indexer(records, index, lambda _: None)
    indexer.index([make_event([FIRST]), make_event([SECOND]), make_event([ELSEWHERE])])
    finding = Finding("pixel-length", Severity.ERROR, "(7FE0,0010)", "2 bytes short", "PS3.5 8.1")
    verdicts.write(Verdict(FIRST, "ab" * 32, 1, (finding,), omitted=3))
    verdicts.observe(FIRST, ["rewrapped"])
    return Stores(Objects(), records, verdicts, index)  # type: ignore[arg-type]


def show(stores: Stores, *arguments: str) -> str:
    return "\n".join(run(arguments, stores, NOW))


def test_studies_are_listed_latest_first(stores: Stores) -> None:
    found = list(list_studies(stores, "default", date(2026, 5, 3), 7))
    assert [one.study.study for one in found] == ["1.9", "1.1"]
    assert (found[1].verdicts, found[1].findings) == (1, {Severity.ERROR: 1})


@pytest.mark.parametrize(("days", "expected"), [(1, []), (2, ["1.9"]), (3, ["1.9", "1.1"])])
def test_only_the_last_days_are_listed(stores: Stores, days: int, expected: list[str]) -> None:
    found = list_studies(stores, "default", date(2026, 5, 3), days)
    assert [one.study.study for one in found] == expected


def test_the_list_shows_counts_sources_findings_and_conflicts(stores: Stores) -> None:
    text = show(stores, "studies")
    for line in (
        "study 1.1",
        "  instances   2 in 2 series",
        "  modalities  CT, SR",
        "  arrived     2026-05-01T10:00:00.000Z to 2026-05-01T10:00:00.000Z",
        "  source      anyone, router",
        "  validated   1 of 2",
        "  findings    1 error",
        "  conflicts   PatientName, SeriesInstanceUID",
    ):
        assert line in text.splitlines()


def test_a_study_shows_its_series(stores: Stores) -> None:
    text = show(stores, "study", "1.1")
    assert "  series 1.2" in text
    assert "    also in 1.9" in text
    assert study_story(stores, "default", "1.8") is None


def test_an_instance_shows_its_whole_story(stores: Stores) -> None:
    text = show(stores, "instance", FIRST.sop_instance)
    for piece in (
        "1234 bytes, SHA-256 abab",
        "stored, schema 1",
        "intake saw  rewrapped",
        "4 findings, worst: error",
        "error pixel-length (7FE0,0010): 2 bytes short (PS3.5 8.1)",
        "and 3 more",
        "one of 2 in its study",
    ):
        assert piece in text


def test_what_is_missing_is_said(stores: Stores) -> None:
    bare = Stores(stores.instances, MemoryRecordStore(), MemoryVerdictStore(), MemoryIndexStore())
    story = instance_story(bare, "default", FIRST.sop_instance)
    assert story
    assert (story.record, story.verdict, story.series, story.study) == (None, None, None, None)
    text = show(bare, "instance", FIRST.sop_instance)
    assert "record      missing" in text
    assert "verdict     not yet" in text
    assert "index       not yet" in text
    assert "intake saw  nothing unusual" in text


COMMANDS = [("studies",), ("study", "1.1"), ("instance", FIRST.sop_instance)]


@pytest.mark.parametrize("command", COMMANDS)
def test_names_are_printed_only_when_asked_for(stores: Stores, command: tuple[str, ...]) -> None:
    assert CANARY not in show(stores, *command)
    assert "PatientName: " + CANARY in show(stores, "--names", *command)


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_another_partition_has_nothing_of_it(stores: Stores, command: tuple[str, ...]) -> None:
    with pytest.raises(NothingThere):
        show(stores, "--partition", "other", *command)


def test_stored_text_does_not_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u009bc\n\u202eü") == r"a\x1b[2Jb\x9bc\n\u202eü"
