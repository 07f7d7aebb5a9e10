"""Whether a study is in conflict, as far as the instances at hand are concerned.

The index may not have seen them yet, so its aggregates are joined here with what the records
teach: the same join that indexing will make (ADR 4). Only claims on a series by another study
cannot be known before the index has made its own.
"""

from collections.abc import Collection
from enum import Enum, auto

from chalicelib.origin.aggregates import SeriesAggregate, SeriesKey, aggregate_of, fold
from chalicelib.origin.model import InstanceRecord
from chalicelib.origin.ports import IndexStore


class Standing(Enum):
    """What is known of a study."""

    AGREES = auto()
    IN_CONFLICT = auto()
    NOT_INDEXED = auto()


def standing_of(
    index: IndexStore, partition: str, study: str, records: Collection[InstanceRecord]
) -> Standing:
    """Return a study's standing with these records of it. Raises Unavailable."""
    series = {one.key: one for one in index.series_of(partition, study)}
    by_series: dict[SeriesKey, list[InstanceRecord]] = {}
    for record in records:
        by_series.setdefault(SeriesKey(partition, study, record.key.series), []).append(record)
    for key, members in by_series.items():
        leaf = aggregate_of(key, members, len(members))
        series[key] = series.get(key, SeriesAggregate(key)).join(leaf)
    if fold(partition, study, series.values()).conflicts:
        return Standing.IN_CONFLICT
    if not all(series[key].claimed for key in by_series):
        return Standing.NOT_INDEXED
    return Standing.AGREES
