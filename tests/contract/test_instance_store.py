"""What every InstanceStore does, and what the one on S3 does when S3 does not."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError, ResponseStreamingError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.s3 import (
    S3InstanceStore,
    decode_facts,
    encode_facts,
    object_key,
    parse_object_key,
)
from chalicelib.origin.model import ObjectFacts, SourceForm, StoredObject
from chalicelib.origin.ports import InstanceStore, Unavailable
from tests.builders import make_facts, make_key
from tests.contract.conftest import REGION
from tests.fakes.instances import MemoryInstanceStore

UID = "1.2.3"
CONTENT = bytes(range(256)) * 16
BUCKET = "stowage-contract"


def facts_of(content: bytes, **changes: Any) -> ObjectFacts:
    return replace(make_facts(make_key()), sha256=sha256(content).hexdigest(), **changes)


@pytest.fixture(scope="package")
def s3(aws: None) -> Any:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    # S3 refuses a wrong checksum; what stands in for it here does not.
    client.meta.events.register_first("before-send.s3.PutObject", refuse_wrong_checksum)
    return client


def refuse_wrong_checksum(request: Any, **_: Any) -> None:
    stated = b64decode(request.headers["x-amz-checksum-sha256"])
    if sha256(request.body.read()).digest() != stated:
        raise refused("BadDigest")
    request.body.seek(0)


@pytest.fixture
def instances(kind: str, request: pytest.FixtureRequest) -> InstanceStore:
    if kind == "fake":
        return MemoryInstanceStore()
    return S3InstanceStore(request.getfixturevalue("s3"), BUCKET, lambda _: None)


def test_an_object_is_created_once_and_the_first_stays(
    instances: InstanceStore, partition: str
) -> None:
    facts = facts_of(CONTENT)
    assert instances.create(partition, UID, CONTENT, facts) is True
    assert instances.create(partition, UID, CONTENT, facts) is False
    assert instances.create(partition, UID, b"other", facts_of(b"other")) is False
    assert instances.find(partition, UID) == StoredObject(len(CONTENT), facts)
    assert instances.read(partition, UID) == CONTENT


def test_an_object_is_found_by_partition_and_instance_alone(
    instances: InstanceStore, partition: str
) -> None:
    elsewhere = facts_of(CONTENT, study="1.9", series="1.9.1")
    assert instances.create(partition, UID, CONTENT, facts_of(CONTENT))
    assert not instances.create(partition, UID, CONTENT, elsewhere)
    assert instances.create(f"{partition}-b", UID, CONTENT, elsewhere)
    assert instances.create(partition, f"{UID}.1", CONTENT, elsewhere)
    assert instances.find(f"{partition}-b", UID) == StoredObject(len(CONTENT), elsewhere)


def test_views_are_stored_without_their_neighbours(
    instances: InstanceStore, partition: str
) -> None:
    view = memoryview(CONTENT)[100:200]
    assert instances.create(partition, UID, view, facts_of(bytes(view)))
    assert instances.read(partition, UID) == CONTENT[100:200]


def test_what_is_absent_is_not_found(instances: InstanceStore, partition: str) -> None:
    assert instances.find(partition, UID) is None
    with pytest.raises(KeyError):
        instances.read(partition, UID)


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, None), (0, 1), (100, 156), (4095, 1), (4000, None), (4000, 1000), (0, 4096), (7, 0)],
)
def test_a_range_is_read_and_ends_with_the_object(
    instances: InstanceStore, partition: str, start: int, length: int | None
) -> None:
    instances.create(partition, UID, CONTENT, facts_of(CONTENT))
    end = None if length is None else start + length
    assert instances.read(partition, UID, start, length) == CONTENT[start:end]


@pytest.mark.parametrize("start", [4096, 5000])
def test_after_the_end_there_is_nothing(
    instances: InstanceStore, partition: str, start: int
) -> None:
    instances.create(partition, UID, CONTENT, facts_of(CONTENT))
    assert instances.read(partition, UID, start, 10) == b""


def test_content_that_is_not_what_its_facts_say_is_never_stored(
    instances: InstanceStore, partition: str
) -> None:
    with pytest.raises((ValueError, ClientError), match="BadDigest"):
        instances.create(partition, UID, CONTENT + b"!", facts_of(CONTENT))
    assert instances.find(partition, UID) is None


@pytest.mark.parametrize("subject", ["", "clinic", "Jürgen Müller/漢字 %41+@x", "漢" * 128])
def test_facts_are_found_as_they_were_given(
    instances: InstanceStore, partition: str, subject: str
) -> None:
    facts = facts_of(CONTENT, subject=subject, source_form=SourceForm.XML)
    instances.create(partition, UID, CONTENT, facts)
    assert instances.find(partition, UID) == StoredObject(len(CONTENT), facts)


def test_of_many_that_create_one_object_at_once_one_does() -> None:
    """On the fake: what stands in for S3 here looks first and puts then."""
    instances = MemoryInstanceStore()

    def create(number: int) -> bool:
        content = bytes([number])
        return instances.create("default", UID, content, facts_of(content))

    with ThreadPoolExecutor(8) as executor:
        created = list(executor.map(create, range(100)))
    assert created.count(True) == 1
    assert instances.read("default", UID) == bytes([created.index(True)])


# ------------------------------------------------------------------ spelling


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=128))
def test_any_subject_fits_in_object_metadata_and_comes_back(subject: str) -> None:
    facts = facts_of(b"", subject=subject, request_id="r" * 128, study="1" * 64, series="2" * 64)
    metadata = encode_facts(facts)
    assert all(value.isascii() for value in metadata.values())
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048
    assert decode_facts(metadata) == facts


def test_the_longest_subject_fits_in_object_metadata() -> None:
    facts = facts_of(b"", subject="\U0001f9b4" * 128, request_id="r" * 128, study="1" * 64)
    metadata = encode_facts(replace(facts, series="2" * 64))
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048


def test_an_object_that_this_product_did_not_write_has_no_facts() -> None:
    assert decode_facts({}) == ObjectFacts("", "", "", "", "")


def test_a_key_names_partition_and_instance() -> None:
    assert object_key("a-b", "1.2") == "a-b/instances/1.2.dcm"
    assert parse_object_key("a-b/instances/1.2.dcm") == ("a-b", "1.2")


@pytest.mark.parametrize(
    "key", ["", "x", "/instances/1.2.dcm", "a/other/1.2.dcm", "a/instances/1.2", "a/1.2.dcm"]
)
def test_other_keys_are_not_ours(key: str) -> None:
    assert parse_object_key(key) is None


# ------------------------------------------------------------------ S3's faults


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


class FaultyS3:
    """An S3 that answers each call with the next of the given errors, then does what is asked."""

    def __init__(self, *errors: Exception) -> None:
        self._errors: Iterator[Exception] = iter(errors)
        self.calls: list[dict[str, Any]] = []

    def _answer(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        for error in self._errors:
            raise error
        return {"ContentLength": 1, "Body": self}

    put_object = head_object = get_object = _answer

    def read(self) -> bytes:
        raise ResponseStreamingError(error="cut")


CALLS: dict[str, Callable[[InstanceStore], object]] = {
    "create": lambda store: store.create("default", UID, CONTENT, facts_of(CONTENT)),
    "find": lambda store: store.find("default", UID),
    "read": lambda store: store.read("default", UID, 0, 10),
}


def make_store(*errors: Exception) -> tuple[S3InstanceStore, FaultyS3, list[int]]:
    waits: list[int] = []
    client = FaultyS3(*errors)
    return S3InstanceStore(client, BUCKET, waits.append), client, waits


RACE = refused("ConditionalRequestConflict", 409)


def test_a_put_that_meets_another_one_waits_and_tries_again() -> None:
    store, client, waits = make_store(RACE, RACE)
    assert CALLS["create"](store) is True
    assert waits == [1, 2]
    assert [call["IfNoneMatch"] for call in client.calls] == ["*", "*", "*"]


def test_the_other_put_may_win_the_race() -> None:
    store, _, waits = make_store(RACE, refused("PreconditionFailed", 412))
    assert CALLS["create"](store) is False
    assert waits == [1]


def test_a_race_without_end_is_unavailable() -> None:
    store, client, waits = make_store(*[RACE] * 100)
    with pytest.raises(Unavailable):
        CALLS["create"](store)
    assert len(client.calls) == len(waits) + 1 == 4


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "error",
    [
        refused("SlowDown", 503),
        refused("ServiceUnavailable", 503),
        refused("InternalError", 500),
        refused("RequestTimeout"),
        refused("503", 503),
        ReadTimeoutError(endpoint_url="https://s3"),
    ],
    ids=str,
)
def test_throttles_and_faults_are_unavailable_at_once(
    call: Callable[[InstanceStore], object], error: Exception
) -> None:
    store, client, waits = make_store(error)
    with pytest.raises(Unavailable):
        call(store)
    assert (len(client.calls), waits) == (1, [])


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("code", ["AccessDenied", "403", "NoSuchBucket", "MetadataTooLarge"])
def test_our_own_faults_are_never_an_answer(
    call: Callable[[InstanceStore], object], code: str
) -> None:
    store, _, _ = make_store(refused(code, 403))
    with pytest.raises(ClientError):
        call(store)


def test_a_body_that_is_cut_short_is_unavailable() -> None:
    store, _, _ = make_store()
    with pytest.raises(Unavailable):
        CALLS["read"](store)


def test_a_put_says_what_s3_shall_check() -> None:
    store, client, _ = make_store()
    CALLS["create"](store)
    [call] = client.calls
    assert call["ContentLength"] == len(CONTENT)
    assert b64decode(call["ChecksumSHA256"]) == sha256(CONTENT).digest()
    assert call["Body"].read() == CONTENT
