"""What every InstanceStore does with an instance that is staged: it is created like any other.

On S3 that is a copy in pieces, and nothing is left behind when it comes to nothing.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from threading import Lock
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters import s3_copy
from chalicelib.adapters.s3 import S3InstanceStore, encode_facts, object_key
from chalicelib.adapters.s3_copy import MAX_PIECES, PIECE_BYTES, S3Copier
from chalicelib.origin.model import ObjectFacts, StagedRange, StoredObject
from chalicelib.origin.ports import InstanceStore, Unavailable
from tests.builders import make_facts, make_key
from tests.contract.conftest import REGION
from tests.fakes.instances import MemoryInstanceStore

UID = "1.2.3"
STAGING, BUCKET = "stowage-copied-from", "stowage-copied-to"
KEY = "p/sessions/0/body"
MIB = 1 << 20
BODY = b"".join(bytes([number]) * MIB for number in range(16))


def facts_of(content: bytes, **changes: Any) -> ObjectFacts:
    return replace(make_facts(make_key()), sha256=sha256(content).hexdigest(), **changes)


def staged(start: int, length: int, body: bytes = BODY) -> StagedRange:
    def read(offset: int, count: int) -> bytes:
        return body[start + offset : start + min(offset + count, length)]

    return StagedRange(KEY, start, length, read)


@pytest.fixture(scope="module")
def s3(aws: None) -> Any:
    client = boto3.client("s3", region_name=REGION)
    for bucket in (STAGING, BUCKET):
        client.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    client.put_object(Bucket=STAGING, Key=KEY, Body=BODY)
    return client


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def instances(
    kind: str, request: pytest.FixtureRequest, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> InstanceStore:
    if kind == "fake":
        return MemoryInstanceStore()
    monkeypatch.setattr(s3_copy, "PIECE_BYTES", 5 * MIB)
    client = request.getfixturevalue("s3")
    copier = S3Copier(client, STAGING, BUCKET, executor)
    return S3InstanceStore(client, BUCKET, lambda _: None, copier)


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (100, 4096), (3, 5 * MIB), (7, 5 * MIB + 1), (MIB - 1, 12 * MIB), (0, 16 * MIB)],
)
def test_a_staged_range_is_stored_byte_by_byte_without_its_neighbours(
    instances: InstanceStore, partition: str, start: int, length: int
) -> None:
    content = BODY[start : start + length]
    facts = facts_of(content, subject="Jürgen Müller", via="0123456789abcdef")
    assert instances.create(partition, UID, staged(start, length), facts) is True
    assert instances.find(partition, UID) == StoredObject(length, facts)
    assert instances.read(partition, UID) == content


def test_an_object_is_created_once_whichever_way_it_comes(
    instances: InstanceStore, partition: str
) -> None:
    content = BODY[: 6 * MIB]
    range_, facts = staged(0, 6 * MIB), facts_of(content)
    assert instances.create(partition, UID, range_, facts) is True
    assert instances.create(partition, UID, range_, facts) is False
    assert instances.create(partition, UID, staged(MIB, MIB), facts_of(BODY[MIB : 2 * MIB])) is (
        False
    )
    assert instances.find(partition, UID) == StoredObject(6 * MIB, facts)
    assert instances.read(partition, UID) == content


def test_what_is_held_stands_in_the_way_of_what_is_staged(
    instances: InstanceStore, partition: str
) -> None:
    assert instances.create(partition, UID, b"held", facts_of(b"held"))
    assert instances.create(partition, UID, staged(0, MIB), facts_of(BODY[:MIB])) is False
    assert instances.read(partition, UID) == b"held"


# ---------------------------------------------------------------- on S3


def make_store(client: Any, executor: Executor) -> S3InstanceStore:
    copier = S3Copier(client, STAGING, BUCKET, executor)
    return S3InstanceStore(client, BUCKET, lambda _: None, copier)


@pytest.fixture
def pieces_of_5_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_copy, "PIECE_BYTES", 5 * MIB)


def unfinished(s3: Any) -> list[Any]:
    found: list[Any] = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return found


class Through:
    """A client that is another one but for the calls that ``before`` lets fail."""

    def __init__(self, client: Any, before: Callable[[str, dict[str, Any]], None]) -> None:
        self._client = client
        self._before = before
        self._lock = Lock()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            with self._lock:
                self.calls.append(name)
            self._before(name, arguments)
            return getattr(self._client, name)(**arguments)

        return call


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Any")  # type: ignore[arg-type]


def fails(*, at: str, error: Exception, part: int = 0) -> Callable[[str, dict[str, Any]], None]:
    """Let a call fail, of pieces the one of this number alone."""

    def before(name: str, arguments: dict[str, Any]) -> None:
        if name == at and part in (0, arguments.get("PartNumber")):
            raise error

    return before


def test_a_copy_is_of_its_type_and_names_its_facts(
    s3: Any, executor: Executor, pieces_of_5_mib: None, partition: str
) -> None:
    facts = facts_of(BODY, subject="漢字", via="0123456789abcdef")
    assert make_store(s3, executor).create(partition, UID, staged(0, len(BODY)), facts)
    head = s3.head_object(Bucket=BUCKET, Key=object_key(partition, UID))
    assert head["ContentType"] == "application/dicom"
    assert head["Metadata"] == encode_facts(facts)
    assert unfinished(s3) == []


def test_what_is_there_is_not_copied_over_and_no_upload_begins(
    s3: Any, executor: Executor, partition: str
) -> None:
    client = Through(s3, lambda *_: None)
    store = make_store(client, executor)
    store.create(partition, UID, b"held", facts_of(b"held"))
    client.calls.clear()
    assert store.create(partition, UID, staged(0, MIB), facts_of(BODY[:MIB])) is False
    assert client.calls == ["head_object"]


def test_what_is_created_during_the_copy_stays_and_nothing_is_left_behind(
    s3: Any, executor: Executor, pieces_of_5_mib: None, partition: str
) -> None:
    key = object_key(partition, UID)

    def other_wins(name: str, arguments: dict[str, Any]) -> None:
        if name == "complete_multipart_upload":
            assert arguments["IfNoneMatch"] == "*"
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"the other's")
            raise refused("PreconditionFailed", 412)

    store = make_store(Through(s3, other_wins), executor)
    assert store.create(partition, UID, staged(0, 6 * MIB), facts_of(BODY[: 6 * MIB])) is False
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"the other's"
    assert unfinished(s3) == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (refused("SlowDown", 503), Unavailable),
        (ReadTimeoutError(endpoint_url="https://s3"), Unavailable),
        (refused("AccessDenied", 403), ClientError),
        (refused("InvalidRange", 416), ClientError),
    ],
    ids=str,
)
@pytest.mark.parametrize("part", [1, 2, 4])
def test_a_piece_that_fails_fails_the_copy_and_nothing_is_left_behind(
    s3: Any,
    executor: Executor,
    pieces_of_5_mib: None,
    partition: str,
    part: int,
    error: Exception,
    raised: type[Exception],
) -> None:
    client = Through(s3, fails(at="upload_part_copy", error=error, part=part))
    store = make_store(client, executor)
    with pytest.raises(raised):
        store.create(partition, UID, staged(0, len(BODY)), facts_of(BODY))
    assert client.calls[-1] == "abort_multipart_upload"
    assert store.find(partition, UID) is None
    assert unfinished(s3) == []
    assert "complete_multipart_upload" not in client.calls


def test_the_error_of_a_copy_is_told_even_if_it_cannot_be_given_up(
    s3: Any, executor: Executor, partition: str
) -> None:
    """The bucket's lifecycle gives the upload up then."""

    def before(name: str, _: dict[str, Any]) -> None:
        if name == "upload_part_copy":
            raise refused("InternalError", 500)
        if name == "abort_multipart_upload":
            raise refused("AccessDenied", 403)

    with pytest.raises(Unavailable, match="InternalError"):
        make_store(Through(s3, before), executor).create(
            partition, UID, staged(0, MIB), facts_of(BODY[:MIB])
        )
    for one in unfinished(s3):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=one["Key"], UploadId=one["UploadId"])


def test_a_copy_that_meets_another_one_waits_and_tries_again(
    s3: Any, executor: Executor, partition: str
) -> None:
    races = iter([refused("ConditionalRequestConflict", 409)])

    def before(name: str, _: dict[str, Any]) -> None:
        if name == "complete_multipart_upload":
            for error in races:
                raise error

    waits: list[int] = []
    client = Through(s3, before)
    copier = S3Copier(client, STAGING, BUCKET, executor)
    store = S3InstanceStore(client, BUCKET, waits.append, copier)
    assert store.create(partition, UID, staged(0, MIB), facts_of(BODY[:MIB])) is True
    assert waits == [1]
    assert store.read(partition, UID) == BODY[:MIB]
    assert unfinished(s3) == []


def test_a_store_without_a_copier_says_so(s3: Any, partition: str) -> None:
    store = S3InstanceStore(s3, BUCKET, lambda _: None)
    with pytest.raises(TypeError):
        store.create(partition, UID, staged(0, 1), facts_of(BODY[:1]))


# ---------------------------------------------------------------- pieces


@given(start=st.integers(0, 1 << 40), length=st.integers(1, 1 << 41))
def test_pieces_follow_each_other_and_are_the_range(start: int, length: int) -> None:
    pieces = list(s3_copy._pieces(staged(start, length, b"")))
    assert pieces[0][0] == start
    assert pieces[-1][1] == start + length - 1
    assert all(one[1] + 1 == following[0] for one, following in pairwise(pieces))
    assert len(pieces) <= MAX_PIECES
    sizes = {last - first + 1 for first, last in pieces[:-1]}
    assert len(sizes) <= 1
    assert min(sizes, default=PIECE_BYTES) >= PIECE_BYTES


@pytest.mark.parametrize(
    ("length", "count"),
    [(1, 1), (PIECE_BYTES, 1), (PIECE_BYTES + 1, 2), (1 << 40, 8192), (5 << 40, 9987)],
)
def test_a_piece_has_128_mib_or_a_ten_thousandth(length: int, count: int) -> None:
    assert len(list(s3_copy._pieces(staged(0, length, b"")))) == count
