"""The RecordStore on DynamoDB: one item per instance, written blindly in batches.

A record is a pure function of its object, so the same item may be written twice, late, or by two
writers: nothing needs a condition. The encoding is by hand: it runs for every instance stored.
"""

from collections.abc import Iterable, Iterator, Sequence

from chalicelib.adapters.dynamodb.table import Item, Key, Table, study_pk
from chalicelib.origin.model import (
    InstanceKey,
    InstanceRecord,
    InstanceState,
    ObjectFacts,
    SourceForm,
)


class DynamoDbRecordStore:
    """Implements `origin.ports.RecordStore`.

    Parameters
    ----------
    table : Table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(self, records: Sequence[InstanceRecord]) -> frozenset[InstanceKey]:
        """Write the records; return the keys of those accepted, perhaps not all."""
        accepted = self._table.batch_put(map(encode_record, records))
        return frozenset(record.key for record in records if record_key(record.key) in accepted)

    def read(self, keys: Iterable[InstanceKey]) -> dict[InstanceKey, InstanceRecord]:
        """Return the records that exist. Raises Unavailable."""
        items = self._table.batch_get(map(record_key, keys))
        return {record.key: record for record in map(decode_record, items)}

    def count(self, partition: str, study: str, series: str) -> int:
        """Return the number of records in a series. Raises Unavailable."""
        return self._table.count(study_pk(partition, study), f"instance/{series}/")

    def of_study(self, partition: str, study: str) -> Iterator[InstanceRecord]:
        """Yield all records of a study. Raises Unavailable."""
        yield from map(decode_record, self._table.query(study_pk(partition, study), "instance/"))


def record_key(key: InstanceKey) -> Key:
    """Return where an instance's record is."""
    return f"{key.partition}/{key.study}", f"instance/{key.series}/{key.sop_instance}"


def encode_record(record: InstanceRecord) -> Item:
    """Return the record as an item. The study and series are in its keys only."""
    facts = record.facts
    pk, sk = record_key(record.key)
    item: Item = {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "schema_version": {"N": str(record.schema_version)},
        "state": {"S": record.state.value},
        "sop_class": {"S": record.sop_class},
        "transfer_syntax": {"S": record.transfer_syntax},
        "size": {"N": str(record.size)},
        "sha256": {"S": facts.sha256},
        "received": {"S": facts.received},
        "request_id": {"S": facts.request_id},
        "subject": {"S": facts.subject},
        "source_form": {"S": facts.source_form.value},
        "attributes": {"M": {name: {"S": text} for name, text in record.attributes.items()}},
    }
    if facts.via:
        item["via"] = {"S": facts.via}
    if record.undecoded:
        item["undecoded"] = {"M": {name: {"B": raw} for name, raw in record.undecoded.items()}}
    return item


def decode_record(item: Item) -> InstanceRecord:
    """Return the record of an item made by :func:`encode_record`."""
    key = instance_key(item)
    return InstanceRecord(
        key=key,
        sop_class=item["sop_class"]["S"],
        transfer_syntax=item["transfer_syntax"]["S"],
        size=int(item["size"]["N"]),
        facts=ObjectFacts(
            sha256=item["sha256"]["S"],
            study=key.study,
            series=key.series,
            received=item["received"]["S"],
            request_id=item["request_id"]["S"],
            subject=item["subject"]["S"],
            source_form=SourceForm(item["source_form"]["S"]),
            via=item["via"]["S"] if "via" in item else "",
        ),
        attributes={name: value["S"] for name, value in item["attributes"]["M"].items()},
        undecoded={
            name: bytes(value["B"]) for name, value in item.get("undecoded", {"M": {}})["M"].items()
        },
        state=InstanceState(item["state"]["S"]),
        schema_version=int(item["schema_version"]["N"]),
    )


def instance_key(item: Item) -> InstanceKey:
    """Return the instance that a record, verdict or observation is of."""
    partition, study = item["pk"]["S"].split("/")
    _, series, sop_instance = item["sk"]["S"].split("/")
    return InstanceKey(partition, study, series, sop_instance)
