"""The operator's command on the stores it connects to."""

from typing import Any

import boto3
import pytest

from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.origin.index import Indexer
from infra.operate import main
from tests.builders import make_event, make_key, make_record
from tests.contract.conftest import REGION


@pytest.fixture
def deployment(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="operated")
    for name, value in (
        ("BUCKET", "operated"),
        ("TABLE", "stowage"),
        ("AWS_DEFAULT_REGION", REGION),
    ):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("deployment")
def test_a_study_is_shown(table: Table, partition: str, capsys: pytest.CaptureFixture[str]) -> None:
    records, index = DynamoDbRecordStore(table), DynamoDbIndexStore(table)
    record = make_record(make_key(partition=partition))
    records.write([record])
    Indexer(records, index, lambda _: None).index([make_event([record.key])])
    assert main(["--partition", partition, "study", "1.1"]) == 0
    assert "instances   1 in 1 series" in capsys.readouterr().out


@pytest.mark.usefixtures("deployment")
def test_what_is_not_there_is_said(partition: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--partition", partition, "studies"]) == 0
    assert main(["--partition", partition, "instance", "1.2.3"]) == 1
    assert capsys.readouterr().err == "no such instance is stored in this partition\n"


def test_a_missing_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BUCKET", raising=False)
    assert main(["studies"]) == 1
    assert "BUCKET" in capsys.readouterr().err
