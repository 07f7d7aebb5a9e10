"""What every IndexStore does, and the indexer at work on each."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.origin.aggregates import Distinct, SeriesAggregate, SeriesKey, StudyAggregate
from chalicelib.origin.index import Indexer
from chalicelib.origin.ports import Conflict, IndexStore, RecordStore
from tests.builders import make_event, make_key, make_record


def make_series(partition: str, study: str = "1.1", series: str = "1.2") -> SeriesAggregate:
    return SeriesAggregate(
        key=SeriesKey(partition, study, series),
        count=3,
        first_arrival="2026-05-01T10:00:00.000Z",
        last_arrival="2026-05-01T11:00:00.000Z",
        values={"PatientID": Distinct.of(["", "P1", "Ü"]), "Modality": Distinct.of(["CT"])},
        sources=Distinct.of(["", "user"]),
        spans=Distinct(("1.9",), more=True),
        claimed=True,
    )


def make_study(partition: str, study: str = "1.1", last: str = "2026-05-01T11") -> StudyAggregate:
    return StudyAggregate(
        partition=partition,
        study=study,
        series_count=2,
        instance_count=7,
        first_arrival="2026-05-01T10:00:00.000Z",
        last_arrival=last,
        modalities=Distinct.of(["CT", "SR"]),
        values={"PatientName": Distinct.of(["A", "B"]), "StudyDate": Distinct.of([""])},
        sources=Distinct.of([""]),
        conflicts=("PatientName", "SeriesInstanceUID"),
    )


def test_aggregates_are_read_as_written(index: IndexStore, partition: str) -> None:
    series, study = make_series(partition), make_study(partition)
    assert index.read_series([series.key]) == {}
    assert index.read_study(partition, "1.1") is None
    index.write_series(series, 0)
    index.write_study(study, 0)
    assert index.read_series([series.key]) == {series.key: (series, 1)}
    assert index.read_study(partition, "1.1") == (study, 1)


def test_aggregates_without_an_arrival_are_read_as_written(
    index: IndexStore, partition: str
) -> None:
    hearsay = SeriesAggregate(SeriesKey(partition, "1.1", "1.2"), spans=Distinct.of(["1.9"]))
    index.write_series(hearsay, 0)
    index.write_study(StudyAggregate(partition, "1.1"), 0)
    assert index.read_series([hearsay.key]) == {hearsay.key: (hearsay, 1)}
    assert index.series_of(partition, "1.1") == (hearsay,)
    assert index.read_study(partition, "1.1") == (StudyAggregate(partition, "1.1"), 1)


def test_a_write_names_the_version_it_replaces(index: IndexStore, partition: str) -> None:
    series, study = make_series(partition), make_study(partition)
    index.write_series(series, 0)
    index.write_study(study, 0)
    for version in (0, 2):
        with pytest.raises(Conflict):
            index.write_series(replace(series, count=9), version)
        with pytest.raises(Conflict):
            index.write_study(replace(study, instance_count=9), version)
    index.write_series(replace(series, count=4), 1)
    index.write_study(replace(study, instance_count=8), 1)
    assert index.read_series([series.key])[series.key] == (replace(series, count=4), 2)
    assert index.read_study(partition, "1.1") == (replace(study, instance_count=8), 2)


def test_a_write_that_expects_an_aggregate_finds_none(index: IndexStore, partition: str) -> None:
    with pytest.raises(Conflict):
        index.write_series(make_series(partition), 1)


def test_a_study_has_its_series_only(index: IndexStore, partition: str) -> None:
    mine = [make_series(partition, "1.1", name) for name in ("1.2", "1.20", "1.3")]
    for one in (*mine, make_series(partition, "1.10")):
        index.write_series(one, 0)
    index.write_study(make_study(partition), 0)
    assert sorted(index.series_of(partition, "1.1"), key=lambda one: one.key) == mine


def test_claims_tell_all_studies_of_a_series(index: IndexStore, partition: str) -> None:
    key = SeriesKey(partition, "1.1", "1.2")
    assert index.claim(key) == {"1.1"}
    assert index.claim(key) == {"1.1"}
    assert index.claim(replace(key, study="1.9")) == {"1.1", "1.9"}
    assert index.claim(replace(key, series="1.20")) == {"1.1"}
    assert index.claim(replace(key, partition=partition + "x")) == {"1.1"}


def test_claims_are_no_part_of_a_study(index: IndexStore, partition: str) -> None:
    index.claim(SeriesKey(partition, "1.1", "1.2"))
    assert index.series_of(partition, "1.1") == ()
    assert index.read_study(partition, "1.2") is None


def test_recent_studies_come_latest_first(index: IndexStore, partition: str) -> None:
    for study, last in (
        ("1.1", "2026-05-01T10:00:00.000Z"),
        ("1.2", "2026-05-01T12:00:00.000Z"),
        ("1.3", "2026-05-01T11:00:00.000Z"),
        ("1.4", "2026-05-02T10:00:00.000Z"),
    ):
        index.write_study(make_study(partition, study, last), 0)
    index.write_series(make_series(partition, "1.5"), 0)
    index.write_study(make_study(partition + "x", "1.6", "2026-05-01T10"), 0)
    assert [one.study for one in index.recent(partition, "2026-05-01")] == ["1.2", "1.3", "1.1"]
    assert list(index.recent(partition, "2026-05-02")) == [
        make_study(partition, "1.4", "2026-05-02T10:00:00.000Z")
    ]
    assert list(index.recent(partition, "2026-05-03")) == []


def test_a_study_that_grows_moves_to_its_new_day(index: IndexStore, partition: str) -> None:
    index.write_study(make_study(partition, last="2026-05-01T10"), 0)
    index.write_study(make_study(partition, last="2026-05-02T10"), 1)
    assert list(index.recent(partition, "2026-05-01")) == []
    assert len(list(index.recent(partition, "2026-05-02"))) == 1


def test_concurrent_indexers_agree(index: IndexStore, records: RecordStore, partition: str) -> None:
    made = [
        make_record(
            make_key(f"1.2.3.{i}", f"1.2.{i % 2}", f"1.1.{i % 3 // 2}", partition),
            {"PatientID": f"P{i % 2}", "Modality": "CT"},
        )
        for i in range(24)
    ]
    records.write(made)
    indexer = Indexer(records, index, lambda _: None, attempts=50)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda one: indexer.index([make_event([one.key])]), made))
    assert not any(report.failed for report in reports)
    studies = [index.read_study(partition, name) for name in ("1.1.0", "1.1.1")]
    assert [found[0].instance_count for found in studies if found] == [16, 8]
    assert [found[0].conflicts for found in studies if found] == [
        ("PatientID", "SeriesInstanceUID")
    ] * 2
