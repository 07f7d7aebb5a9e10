"""The IndexStore on DynamoDB: aggregates with versions, claims, and the index by arrival."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from chalicelib.adapters.dynamodb.table import READ_BATCH, Item, Key, Table, key_of, study_pk
from chalicelib.origin.aggregates import Distinct, SeriesAggregate, SeriesKey, StudyAggregate

STUDY_SK = "study"


class DynamoDbIndexStore:
    """Implements `origin.ports.IndexStore`.

    Parameters
    ----------
    table : Table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, key: SeriesKey) -> frozenset[str]:
        """Note that the study holds the series; return all studies that do."""
        pk = f"{key.partition}#series/{key.series}"
        self._table.put({"pk": {"S": pk}, "sk": {"S": key.study}})
        return frozenset(item["sk"]["S"] for item in self._table.query(pk))

    def read_series(
        self, keys: Iterable[SeriesKey]
    ) -> dict[SeriesKey, tuple[SeriesAggregate, int]]:
        """Return the aggregates that exist, with their versions."""
        items = self._table.batch_get(map(_series_key, keys))
        return {one.key: (one, _version(item)) for item in items for one in [decode_series(item)]}

    def write_series(self, aggregate: SeriesAggregate, version: int) -> None:
        """Write in place of that version. Raises Conflict when another is there."""
        self._table.put_version(encode_series(aggregate), version)

    def series_of(self, partition: str, study: str) -> tuple[SeriesAggregate, ...]:
        """Return all series aggregates of a study."""
        return tuple(map(decode_series, self._table.query(study_pk(partition, study), "series/")))

    def read_study(self, partition: str, study: str) -> tuple[StudyAggregate, int] | None:
        """Return the study's aggregate with its version, None when there is none."""
        item = self._table.get((study_pk(partition, study), STUDY_SK))
        return (decode_study(item), _version(item)) if item else None

    def write_study(self, aggregate: StudyAggregate, version: int) -> None:
        """Write in place of that version. Raises Conflict when another is there."""
        self._table.put_version(encode_study(aggregate), version)

    def recent(self, partition: str, day: str) -> Iterator[StudyAggregate]:
        """Yield the studies whose last arrival was on that day, latest first."""
        keys = self._table.keys_by_arrival(f"{partition}/{day}")
        while page := list(islice(keys, READ_BATCH)):
            items = {key_of(item): item for item in self._table.batch_get(page)}
            yield from (decode_study(items[key]) for key in page if key in items)


def _series_key(key: SeriesKey) -> Key:
    return study_pk(key.partition, key.study), f"series/{key.series}"


def _version(item: Item) -> int:
    return int(item["version"]["N"])


def encode_series(aggregate: SeriesAggregate) -> Item:
    """Return the aggregate as an item, without its version."""
    pk, sk = _series_key(aggregate.key)
    return _last_arrival(aggregate.last_arrival) | {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "instance_count": {"N": str(aggregate.count)},
        "first_arrival": {"S": aggregate.first_arrival},
        "attributes": _encode_values(aggregate.values),
        "sources": _encode_distinct(aggregate.sources),
        "spans": _encode_distinct(aggregate.spans),
        "claimed": {"BOOL": aggregate.claimed},
    }


def decode_series(item: Item) -> SeriesAggregate:
    """Return the aggregate of an item made by :func:`encode_series`."""
    partition, study = item["pk"]["S"].split("/")
    return SeriesAggregate(
        key=SeriesKey(partition, study, item["sk"]["S"].removeprefix("series/")),
        count=int(item["instance_count"]["N"]),
        first_arrival=item["first_arrival"]["S"],
        last_arrival=_decode_last_arrival(item),
        values=_decode_values(item["attributes"]),
        sources=_decode_distinct(item["sources"]),
        spans=_decode_distinct(item["spans"]),
        claimed=item["claimed"]["BOOL"],
    )


def encode_study(aggregate: StudyAggregate) -> Item:
    """Return the aggregate as an item, without its version.

    ``chosen`` repeats of each attribute the value that stands for all, for a search to match on.
    """
    day = aggregate.last_arrival[: len("YYYY-MM-DD")]
    return _last_arrival(aggregate.last_arrival) | {
        "pk": {"S": study_pk(aggregate.partition, aggregate.study)},
        "sk": {"S": STUDY_SK},
        "arrival_day": {"S": f"{aggregate.partition}/{day}"},
        "first_arrival": {"S": aggregate.first_arrival},
        "series_count": {"N": str(aggregate.series_count)},
        "instance_count": {"N": str(aggregate.instance_count)},
        "modalities": _encode_distinct(aggregate.modalities),
        "attributes": _encode_values(aggregate.values),
        "chosen": {"M": {name: {"S": one.chosen} for name, one in aggregate.values.items()}},
        "sources": _encode_distinct(aggregate.sources),
        "conflicts": {"L": [{"S": name} for name in aggregate.conflicts]},
    }


def decode_study(item: Item) -> StudyAggregate:
    """Return the aggregate of an item made by :func:`encode_study`."""
    partition, study = item["pk"]["S"].split("/")
    return StudyAggregate(
        partition=partition,
        study=study,
        series_count=int(item["series_count"]["N"]),
        instance_count=int(item["instance_count"]["N"]),
        first_arrival=item["first_arrival"]["S"],
        last_arrival=_decode_last_arrival(item),
        modalities=_decode_distinct(item["modalities"]),
        values=_decode_values(item["attributes"]),
        sources=_decode_distinct(item["sources"]),
        conflicts=tuple(name["S"] for name in item["conflicts"]["L"]),
    )


def _last_arrival(last_arrival: str) -> Item:
    """Return the attribute; none rather than an empty one, which no key of an index may be."""
    return {"last_arrival": {"S": last_arrival}} if last_arrival else {}


def _decode_last_arrival(item: Item) -> str:
    return str(item["last_arrival"]["S"]) if "last_arrival" in item else ""


def _encode_values(values: Mapping[str, Distinct]) -> dict[str, Item]:
    return {"M": {keyword: _encode_distinct(one) for keyword, one in values.items()}}


def _decode_values(attribute: dict[str, Item]) -> dict[str, Distinct]:
    return {keyword: _decode_distinct(one) for keyword, one in attribute["M"].items()}


def _encode_distinct(distinct: Distinct) -> dict[str, Item]:
    values = {"L": [{"S": value} for value in distinct.values]}
    return {"M": {"values": values, "more": {"BOOL": distinct.more}}}


def _decode_distinct(attribute: dict[str, Item]) -> Distinct:
    found = attribute["M"]
    return Distinct(tuple(one["S"] for one in found["values"]["L"]), found["more"]["BOOL"])
