"""What forwarding reads of AWS: the document, secrets; and what it sends back to its queue."""

from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.documents import FileDocument, S3Document, document_at
from chalicelib.adapters.postponing import SqsPostpone
from chalicelib.adapters.secrets import ReferencedSecrets
from chalicelib.entrypoints.sqs import consume_events
from chalicelib.forwarding.auth_plans import read_reference
from chalicelib.forwarding.nodes import Node
from chalicelib.forwarding.ports import Document
from chalicelib.origin.ports import Unavailable
from tests.builders import make_event, make_key
from tests.contract.conftest import REGION
from tests.fakes.requeue import MemoryRequeue


@pytest.fixture
def bucket(aws: None, partition: str) -> tuple[Any, str]:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=partition, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client, partition


class Place:
    """A document and how to write it."""

    def __init__(self, kind: str, bucket: tuple[Any, str], folder: Path) -> None:
        self._client, self._bucket = bucket
        self._path = folder / "rules.yaml"
        self._is_file = kind == "fake"
        place = str(self._path) if self._is_file else f"s3://{self._bucket}/forwarding/rules.yaml"
        self.document: Document = document_at(place, self._client)

    def write(self, content: bytes) -> None:
        if self._is_file:
            self._path.write_bytes(content)
        else:
            self._client.put_object(Bucket=self._bucket, Key="forwarding/rules.yaml", Body=content)


def test_a_document_is_read_when_it_is_another(
    kind: str, bucket: tuple[Any, str], tmp_path: Path
) -> None:
    place = Place(kind, bucket, tmp_path)
    assert isinstance(place.document, FileDocument if kind == "fake" else S3Document)
    with pytest.raises(KeyError):
        place.document.read("")
    place.write(b"one")
    first = place.document.read("")
    assert first is not None
    assert first[1] == b"one"
    assert place.document.read(first[0]) is None
    place.write(b"two")
    second = place.document.read(first[0])
    assert second is not None
    assert second[1] == b"two"


# ---------------------------------------------------------------- secrets


SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stowage/forward/"
PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/stowage/forward/"


class Services:
    """Secrets Manager and Systems Manager, as far as they are asked. Moto's take ten seconds."""

    values: ClassVar = {
        f"{SECRET}plain-AbCdEf": "hunter2",
        f"{SECRET}several-AbCdEf": '{"password": "hunter3", "port": 1}',
        f"{PARAMETER}token": "hunter4",
    }
    code = ""

    def get_secret_value(self, **asked: Any) -> dict[str, Any]:
        return {"SecretString": self._value(asked["SecretId"], "ResourceNotFoundException")}

    def get_parameter(self, **asked: Any) -> dict[str, Any]:
        assert asked["WithDecryption"]
        return {"Parameter": {"Value": self._value(asked["Name"], "ParameterNotFound")}}

    def _value(self, arn: str, absent: str) -> str:
        if self.code or arn not in self.values:
            raise ClientError({"Error": {"Code": self.code or absent}}, "GetSecretValue")
        return self.values[arn]


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def secrets(services: Services) -> ReferencedSecrets:
    return ReferencedSecrets(lambda: services, lambda: services, {"TOKEN": "hunter1"}.get)


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("env:TOKEN", "hunter1"),
        (f"{SECRET}plain-AbCdEf", "hunter2"),
        (f"{SECRET}several-AbCdEf#password", "hunter3"),
        (f"{PARAMETER}token", "hunter4"),
    ],
)
def test_a_secret_is_read_by_its_reference(
    secrets: ReferencedSecrets, reference: str, value: str
) -> None:
    assert read_reference(Node("x", reference), is_local=True) == reference
    assert secrets(reference).reveal() == value
    assert value not in repr(secrets(reference))


@pytest.mark.parametrize(
    "reference",
    [
        "env:NOTHING",
        f"{SECRET}several-AbCdEf#user",
        f"{SECRET}several-AbCdEf#port",
        f"{SECRET}plain-AbCdEf#user",
        f"{SECRET}none-AbCdEf",
        f"{PARAMETER}none",
    ],
)
def test_a_reference_to_nothing_is_a_key_error(secrets: ReferencedSecrets, reference: str) -> None:
    with pytest.raises(KeyError):
        secrets(reference)


def test_a_throttled_service_is_unavailable(secrets: ReferencedSecrets, services: Services) -> None:
    services.code = "ThrottlingException"
    with pytest.raises(Unavailable):
        secrets(f"{PARAMETER}token")


# ---------------------------------------------------------------- later


def test_what_is_postponed_is_consumed_as_any_event(aws: None, partition: str) -> None:
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName=partition)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    event = make_event([make_key("1.2.3"), make_key("1.2.4")])
    postpone = SqsPostpone(sqs, arn)
    postpone(event, 0)
    postpone(event, 10_000)

    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    consumed: list[object] = []
    record = {
        "messageId": "1",
        "body": message["Body"],
        "eventSourceARN": arn,
        "attributes": {"ApproximateReceiveCount": "1"},
    }

    def consume(events: Any) -> tuple[()]:
        consumed.extend(events)
        return ()

    consume_events({"Records": [record]}, consume, MemoryRequeue(), lambda message, **_: None)
    assert consumed == [event]
