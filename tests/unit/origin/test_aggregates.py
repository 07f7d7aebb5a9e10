"""The algebra that makes the index right whatever the order."""

from dataclasses import replace
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.origin.aggregates import (
    MAX_DISTINCT,
    SERIES_SPANS_STUDIES,
    Distinct,
    SeriesAggregate,
    SeriesKey,
    aggregate_of,
    fold,
)
from tests.builders import make_key, make_record

KEY = SeriesKey("default", "1.1", "1.2")

texts = st.text("ABC", max_size=3)
distincts = st.builds(Distinct.of, st.lists(texts, max_size=24))
times = st.sampled_from(["", "2026-05-01T10:00:00.000Z", "2026-05-02T10:00:00.000Z", "2027"])
aggregates = st.builds(
    SeriesAggregate,
    key=st.just(KEY),
    count=st.integers(0, 9),
    first_arrival=times,
    last_arrival=times,
    values=st.dictionaries(st.sampled_from(["PatientID", "Modality", "StudyDate"]), distincts),
    sources=distincts,
    spans=distincts,
    claimed=st.booleans(),
)


@settings(deadline=None)
@given(aggregates, aggregates)
def test_join_is_commutative(one: SeriesAggregate, other: SeriesAggregate) -> None:
    assert one.join(other) == other.join(one)


@settings(deadline=None)
@given(aggregates, aggregates, aggregates)
def test_join_is_associative(a: SeriesAggregate, b: SeriesAggregate, c: SeriesAggregate) -> None:
    assert a.join(b).join(c) == a.join(b.join(c))


@settings(deadline=None)
@given(aggregates)
def test_join_is_idempotent(one: SeriesAggregate) -> None:
    assert one.join(one) == one


@settings(deadline=None)
@given(aggregates, aggregates)
def test_join_never_goes_back(one: SeriesAggregate, other: SeriesAggregate) -> None:
    joined = one.join(other)
    assert joined.join(one) == joined
    assert joined.join(other) == joined
    assert joined.count >= one.count
    assert all(one.values[name].conflict <= joined.values[name].conflict for name in one.values)


@settings(deadline=None)
@given(aggregates)
def test_nothing_known_changes_nothing(one: SeriesAggregate) -> None:
    assert one.join(SeriesAggregate(KEY)) == one


@settings(deadline=None)
@given(st.lists(st.sets(texts, max_size=30), max_size=5))
def test_distinct_values_of_parts_are_those_of_the_whole(parts: list[set[str]]) -> None:
    joined = reduce(Distinct.join, map(Distinct.of, parts), Distinct())
    assert joined == Distinct.of(set().union(*parts))
    assert joined.more == (len(set().union(*parts)) > MAX_DISTINCT)


@settings(deadline=None)
@given(st.lists(aggregates, max_size=4), st.randoms())
def test_fold_does_not_depend_on_order(series: list[SeriesAggregate], random) -> None:  # type: ignore[no-untyped-def]
    named = [
        replace(one, key=SeriesKey("default", "1.1", f"1.2.{i}"))
        for i, one in enumerate(series)
    ]  # fmt: skip
    folded = fold("default", "1.1", named)
    random.shuffle(named)
    assert fold("default", "1.1", named) == folded
    assert folded.instance_count == sum(one.count for one in series)


def test_aggregates_of_two_series_do_not_join() -> None:
    other = SeriesAggregate(SeriesKey("default", "1.1", "1.9"))
    with pytest.raises(ValueError, match="two series"):
        SeriesAggregate(KEY).join(other)


def test_records_tell_the_same_alone_and_together() -> None:
    records = [
        make_record(make_key(f"1.2.3.{i}"), {"PatientID": f"P{i % 2}"}, received=f"2026-05-0{i}")
        for i in range(1, 5)
    ]
    together = aggregate_of(KEY, records)
    assert together.first_arrival == "2026-05-01"
    assert together.last_arrival == "2026-05-04"
    for order in permutations(records):
        assert reduce(SeriesAggregate.join, (aggregate_of(KEY, [r]) for r in order)) == together


@pytest.mark.parametrize(
    ("values", "conflict"),
    [([], False), ([""], False), (["A"], False), (["", "A"], False), (["A", "B"], True)],
)
def test_only_two_values_that_are_not_empty_conflict(values: list[str], conflict: bool) -> None:
    series = SeriesAggregate(KEY, count=1, values={"PatientID": Distinct.of(values)})
    assert fold("default", "1.1", [series]).conflicts == (("PatientID",) if conflict else ())


def test_series_attributes_may_differ_within_a_study() -> None:
    values = {"SeriesDescription": Distinct.of(["A", "B"]), "Modality": Distinct.of(["CT", "SR"])}
    study = fold("default", "1.1", [SeriesAggregate(KEY, count=1, values=values)])
    assert study.conflicts == ()
    assert study.modalities.values == ("CT", "SR")
    assert "SeriesDescription" not in study.values


def test_an_empty_modality_is_no_modality_in_study() -> None:
    values = {"Modality": Distinct.of(["", "CT"])}
    study = fold("default", "1.1", [SeriesAggregate(KEY, count=1, values=values)])
    assert study.modalities.values == ("CT",)


def test_modalities_of_many_series_are_all_kept() -> None:
    series = [
        SeriesAggregate(
            SeriesKey("default", "1.1", f"1.2.{i}"), 1, values={"Modality": Distinct((f"M{i}",))}
        )
        for i in range(40)
    ]
    assert len(fold("default", "1.1", series).modalities.values) == 40


def test_the_chosen_value_is_the_smallest_that_is_not_empty() -> None:
    assert Distinct.of(["B", "", "A"]).chosen == "A"
    assert Distinct.of([""]).chosen == ""


def test_a_series_that_spans_studies_is_a_conflict_of_the_study() -> None:
    series = SeriesAggregate(KEY, count=1, spans=Distinct.of(["1.9"]))
    assert fold("default", "1.1", [series]).conflicts == (SERIES_SPANS_STUDIES,)


def test_a_series_known_only_by_hearsay_is_not_counted() -> None:
    assert fold("default", "1.1", [SeriesAggregate(KEY, spans=Distinct.of(["1.9"]))]) == fold(
        "default", "1.1", [SeriesAggregate(KEY, spans=Distinct.of(["1.8"]))]
    )
    assert fold("default", "1.1", [SeriesAggregate(KEY)]).series_count == 0


def test_bytes_nobody_could_decode_take_part() -> None:
    decoded = make_record(make_key("1.2.3.1"), {"PatientName": "Doe^J"})
    undecoded = make_record(make_key("1.2.3.2"), {}, {"PatientName": b"D\xf6e^J"})
    aggregate = aggregate_of(KEY, [decoded, undecoded], 2)
    assert aggregate.values["PatientName"].values == ("D\\xf6e^J", "Doe^J")
    assert fold("default", "1.1", [aggregate]).conflicts == ("PatientName",)
