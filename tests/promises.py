"""The promises that must be kept whatever happened, as assertions on what AWS holds.

Belongs here: looking at objects, records, verdicts and the index of one partition. Must not be
here: how they came about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby

from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore, decode_record
from chalicelib.adapters.dynamodb.table import Table, study_pk
from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
from chalicelib.adapters.s3 import S3InstanceStore, parse_object_key
from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.origin.aggregates import (
    Distinct,
    SeriesAggregate,
    SeriesKey,
    StudyAggregate,
    aggregate_of,
    fold,
)
from chalicelib.origin.model import InstanceRecord
from chalicelib.origin.record import record_of
from infra.local.clients import Clients


class Promises:
    """What must be true of one partition; ``files`` are by SOP Instance UID."""

    def __init__(self, clients: Clients, bucket: str, table: str, partition: str) -> None:
        self.partition = partition
        self._s3, self._bucket = clients.s3, bucket
        self._instances = S3InstanceStore(clients.s3, bucket, lambda _: None)
        self._table = Table(clients.dynamodb, table, lambda _: None)
        self._records = DynamoDbRecordStore(self._table)
        self._verdicts = DynamoDbVerdictStore(self._table)
        self._index = DynamoDbIndexStore(self._table)

    def objects(self) -> list[str]:
        """SOP Instance UIDs of all versions of all objects: one twice was stored twice."""
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=f"{self.partition}/"
        )
        keys = [one["Key"] for page in pages for one in page.get("Versions", [])]
        return sorted(name[1] for name in map(parse_object_key, keys) if name)

    def content(self, sop_instance: str) -> bytes:
        return self._instances.read(self.partition, sop_instance)

    def records_of(self, study: str) -> list[InstanceRecord]:
        items = self._table.query(study_pk(self.partition, study), "instance/")
        return [decode_record(item) for item in items]

    def study(self, study: str) -> StudyAggregate:
        found = self._index.read_study(self.partition, study)
        assert found is not None
        return found[0]

    def assert_stored(self, files: Mapping[str, bytes]) -> list[InstanceRecord]:
        """Promise 1: each has its object, and the record that this object asks for."""
        records = [self._record_of(uid, file) for uid, file in files.items()]
        wanted = {record.key: record for record in records}
        assert self._records.read(wanted) == wanted
        return records

    def _record_of(self, uid: str, file: bytes) -> InstanceRecord:
        assert self.content(uid) == file
        stored = self._instances.find(self.partition, uid)
        assert stored is not None
        source = MemorySource(file)
        read = read_dicom_file(source, read_file_meta(source))
        return record_of(read, self.partition, stored.facts, stored.size)

    def assert_stored_once(self, files: Mapping[str, bytes]) -> list[InstanceRecord]:
        """Promises 1 and 2: one object each and no other, all recorded."""
        assert self.objects() == sorted(files)
        return self.assert_stored(files)

    def assert_recounted(self, records: list[InstanceRecord]) -> None:
        """Promise 4: the index is what one recount of all records gives."""
        expected = recount(records)
        found = self._index.read_series(expected)
        assert {key: one for key, (one, _) in found.items()} == expected
        for study in {key.study for key in expected}:
            series = [one for key, one in expected.items() if key.study == study]
            assert self.study(study) == fold(self.partition, study, series)

    def assert_judged(self, files: Mapping[str, bytes]) -> None:
        """Each has the verdict on its bytes."""
        for record in self.assert_stored(files):
            verdict = self._verdicts.read(record.key)
            assert verdict is not None
            assert verdict.sha256 == record.facts.sha256


def recount(records: Iterable[InstanceRecord]) -> dict[SeriesKey, SeriesAggregate]:
    """The series aggregates that these records make, when they are all there are."""
    expected = {}
    for key, group in groupby(sorted(records, key=lambda one: one.key), _series_of):
        members = list(group)
        expected[key] = replace(aggregate_of(key, members, len(members)), claimed=True)
    for key in expected:
        others = {one.study for one in expected if one.series == key.series} - {key.study}
        expected[key] = replace(expected[key], spans=Distinct.of(others))
    return expected


def _series_of(record: InstanceRecord) -> SeriesKey:
    return SeriesKey(record.key.partition, record.key.study, record.key.series)
