"""What every Staging does: uploads in parts through URLs, and objects that are soon deleted."""

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import urllib3

from tests.contract.conftest import REGION
from tests.contract.staging import BUCKET, MIB, PART, Bucket, make_s3_staging, served
from tests.fakes.sessions import MemoryStaging

CONTENT = bytes(range(256)) * 16
BIG = bytes(PART)


@pytest.fixture(scope="module")
def staged(aws: None) -> Iterator[tuple[Any, str]]:
    """A client with a bucket, and where the same bucket is reached by URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    with served() as endpoint:
        yield client, endpoint


@pytest.fixture
def bucket(kind: str, request: pytest.FixtureRequest) -> Iterator[Bucket]:
    with urllib3.PoolManager(retries=False) as http:
        if kind == "fake":
            yield Bucket(MemoryStaging(), http)
        else:
            client, endpoint = request.getfixturevalue("staged")
            yield Bucket(make_s3_staging(client, endpoint), http)


@pytest.fixture
def key(partition: str) -> str:
    return f"{partition}/sessions/{'0' * 32}/body"


# ---------------------------------------------------------------- uploads


def test_an_upload_begins_without_parts_and_without_an_object(bucket: Bucket, key: str) -> None:
    upload = bucket.port.begin(key)
    assert upload
    assert bucket.port.received(key, upload) == {}
    assert bucket.port.get(key) is None


def test_parts_are_received_in_any_order_and_again(bucket: Bucket, key: str) -> None:
    upload = bucket.port.begin(key)
    for number, content in ((3, b"last"), (1, b"first"), (3, b"the last")):
        bucket.put(key, upload, number, content)
    assert bucket.port.received(key, upload) == {1: 5, 3: 8}


def test_parts_are_joined_in_the_order_of_their_numbers(bucket: Bucket, key: str) -> None:
    upload = bucket.port.begin(key)
    other = b"x" * PART
    for number, content in ((3, b"end"), (2, other), (1, BIG)):
        bucket.put(key, upload, number, content)
    assert bucket.port.join(key, upload) is True
    assert bucket.port.read(key, 0, 2 * PART + 3) == BIG + other + b"end"


def test_joining_what_is_joined_changes_nothing(bucket: Bucket, key: str) -> None:
    upload = bucket.upload(key, CONTENT)
    assert [bucket.port.join(key, upload) for _ in range(3)] == [True] * 3
    assert bucket.port.get(key) == CONTENT
    assert bucket.port.received(key, upload) is None


def test_an_upload_that_was_given_up_cannot_be_joined(bucket: Bucket, key: str) -> None:
    upload = bucket.upload(key, CONTENT)
    bucket.port.abort(key, upload)
    assert bucket.port.received(key, upload) is None
    assert bucket.port.join(key, upload) is False
    assert bucket.port.get(key) is None


def test_giving_up_twice_is_no_error(bucket: Bucket, key: str) -> None:
    upload = bucket.port.begin(key)
    for _ in range(2):
        bucket.port.abort(key, upload)


def test_an_upload_that_never_was_is_over(bucket: Bucket, key: str) -> None:
    assert bucket.port.received(key, "no-such-upload") is None
    assert bucket.port.join(key, "no-such-upload") is False


def test_uploads_of_one_key_are_told_apart(bucket: Bucket, key: str) -> None:
    one, other = bucket.upload(key, b"one"), bucket.upload(key, b"other")
    bucket.port.abort(key, one)
    assert bucket.port.received(key, other) == {1: 5}


def test_a_url_tells_what_must_be_sent_with_it_and_until_when(bucket: Bucket, key: str) -> None:
    upload = bucket.port.begin(key)
    where = bucket.sign(key, upload, 7, CONTENT)
    assert where.number == 7
    assert where.headers == {
        "Content-Length": "4096",
        "x-amz-checksum-sha256": "yPXQNB1U2VGnGxNubir8sU0R7YSJp64Sao/uDfbs8ZM=",
    }
    assert where.expires == "2026-05-01T10:15:00Z"
    assert where.url not in repr(where)


# ---------------------------------------------------------------- objects


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (0, 4096), (100, 156), (4095, 1), (4000, 1000)]
)
def test_a_range_is_read_and_ends_with_the_object(
    bucket: Bucket, key: str, start: int, length: int
) -> None:
    bucket.port.create(key, CONTENT)
    assert bucket.port.read(key, start, length) == CONTENT[start : start + length]


def test_no_bytes_are_read_of_an_empty_range(bucket: Bucket, key: str) -> None:
    bucket.port.create(key, CONTENT)
    assert bucket.port.read(key, 5, 0) == b""


def test_a_range_of_nothing_is_a_key_error(bucket: Bucket, key: str) -> None:
    with pytest.raises(KeyError):
        bucket.port.read(key, 0, 10)


def test_an_object_that_is_not_there_is_none(bucket: Bucket, key: str) -> None:
    assert bucket.port.get(key) is None


def test_an_object_is_created_once_and_the_first_is_right(bucket: Bucket, key: str) -> None:
    bucket.port.create(key, b"first")
    bucket.port.create(key, b"second")
    assert bucket.port.get(key) == b"first"


@pytest.mark.parametrize(
    "chunks",
    [[], [b""], [b"one"], [b"one", b"", b"two"], [b"x" * MIB] * 8, [b"y" * (8 * MIB + 1)]],
    ids=["nothing", "empty", "one", "three", "a part's", "one large"],
)
def test_an_object_is_written_as_its_bytes_come(
    bucket: Bucket, key: str, chunks: list[bytes]
) -> None:
    content = b"".join(chunks)
    assert bucket.port.write(key, iter(chunks), "text/plain") == len(content)
    assert bucket.port.get(key) == content


def test_an_object_of_several_parts_is_written_from_many_small_chunks(
    bucket: Bucket, key: str
) -> None:
    chunks = [number.to_bytes(2) * 5000 for number in range(1700)]
    content = b"".join(chunks)
    assert len(content) > 2 * 8 * MIB
    assert bucket.port.write(key, iter(chunks), "text/plain") == len(content)
    assert bucket.port.get(key) == content


def test_what_is_written_again_takes_the_place_of_the_old(bucket: Bucket, key: str) -> None:
    bucket.port.write(key, [b"old"], "text/plain")
    bucket.port.write(key, [b"new"], "text/plain")
    assert bucket.port.get(key) == b"new"


def test_an_object_is_read_at_its_link(bucket: Bucket, key: str) -> None:
    bucket.port.write(key, [CONTENT], "application/dicom+json")
    assert bucket.fetch(key) == CONTENT


def test_objects_are_deleted_those_that_are_not_there_too(bucket: Bucket, key: str) -> None:
    kept = f"{key}-kept"
    for one in (f"{key}-1", f"{key}-2", kept):
        bucket.port.create(one, CONTENT)
    bucket.port.delete(f"{key}-{number}" for number in range(4))
    assert [bucket.port.get(f"{key}-{number}") for number in (1, 2)] == [None, None]
    assert bucket.port.get(kept) == CONTENT


def test_more_objects_than_one_call_takes_are_deleted(bucket: Bucket, key: str) -> None:
    last = f"{key}-1000"
    bucket.port.create(last, CONTENT)
    bucket.port.delete(f"{key}-{number}" for number in range(1001))
    assert bucket.port.get(last) is None


def test_no_objects_are_deleted(bucket: Bucket) -> None:
    bucket.port.delete([])
