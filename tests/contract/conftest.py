"""Each port as its fake and as its AWS adapter, on one mock of AWS for the whole package.

Tests get a partition of their own, so that nothing needs resetting between them.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
from chalicelib.origin.ports import IndexStore, RecordStore, VerdictStore
from tests.fakes.index import MemoryIndexStore
from tests.fakes.records import MemoryRecordStore
from tests.fakes.verdicts import MemoryVerdictStore

TEMPLATE = Path(__file__).parents[2] / "infra" / "template.yaml"
REGION = "eu-central-1"
_partitions = count()


@pytest.fixture(scope="package")
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture(scope="package")
def dynamodb(aws: None) -> Any:
    """A client, and the table of the template behind it."""
    client = boto3.client("dynamodb", region_name=REGION)
    template = yaml.safe_load(TEMPLATE.read_text())
    properties = template["Resources"]["Table"]["Properties"]
    schema = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName="stowage", **{name: properties[name] for name in schema})
    return client


@pytest.fixture
def partition() -> str:
    return f"test-{next(_partitions)}"


@pytest.fixture(params=["fake", "aws"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    return Table(request.getfixturevalue("dynamodb"), "stowage", lambda _: None)


@pytest.fixture
def records(kind: str, request: pytest.FixtureRequest) -> RecordStore:
    if kind == "fake":
        return MemoryRecordStore()
    return DynamoDbRecordStore(request.getfixturevalue("table"))


@pytest.fixture
def verdicts(kind: str, request: pytest.FixtureRequest) -> VerdictStore:
    if kind == "fake":
        return MemoryVerdictStore()
    return DynamoDbVerdictStore(request.getfixturevalue("table"))


@pytest.fixture
def index(kind: str, request: pytest.FixtureRequest) -> IndexStore:
    if kind == "fake":
        return MemoryIndexStore()
    return DynamoDbIndexStore(request.getfixturevalue("table"))
