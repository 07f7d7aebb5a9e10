"""Multipart uploads on the stand-in, asked through boto3: assembled, copied, refused."""

import base64
import hashlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from bench.stand_in.running import RunningStandIn
from tests.unit.bench.asking import checksum, code_of, make_client, status_of

MIB = 1024 * 1024
FIRST = random.Random(1).randbytes(5 * MIB)
SECOND = random.Random(2).randbytes(MIB + 1)
LAST = b"the end"
WHOLE = FIRST + LAST


@pytest.fixture(scope="module", params=["--directory", "--keep"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStandIn]:
    place = str(tmp_path_factory.mktemp("objects"))
    arguments = (request.param, place) if request.param == "--directory" else (request.param,)
    with RunningStandIn(*arguments) as stand_in:
        yield stand_in


@pytest.fixture
def stand_in(running: RunningStandIn) -> RunningStandIn:
    running.reset()
    running.inject(ahead=0)
    return running


@pytest.fixture(scope="module")
def client(running: RunningStandIn) -> Iterator[Any]:
    made = make_client("s3", running.url)
    yield made
    made.close()


@pytest.fixture
def s3(client: Any, stand_in: RunningStandIn) -> Any:
    return client


def create(s3: Any, key: str = "k", **changes: Any) -> dict[str, Any]:
    """Begin an upload and return the arguments that name it."""
    created = s3.create_multipart_upload(Bucket="b", Key=key, **changes)
    return {"Bucket": "b", "Key": key, "UploadId": created["UploadId"]}


def send(s3: Any, upload: dict[str, Any], number: int, content: bytes, **more: Any) -> Any:
    answer = s3.upload_part(**upload, PartNumber=number, Body=content, **more)
    named = {"PartNumber": number, "ETag": answer["ETag"]}
    if "ChecksumSHA256" in answer:
        named["ChecksumSHA256"] = answer["ChecksumSHA256"]
    return named


def copy(s3: Any, upload: dict[str, Any], number: int, source: str, wanted: str) -> Any:
    answer = s3.upload_part_copy(
        **upload,
        PartNumber=number,
        CopySource={"Bucket": "b", "Key": source},
        CopySourceRange=f"bytes={wanted}",
    )
    return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}


def complete(s3: Any, upload: dict[str, Any], parts: list[Any], **more: Any) -> Any:
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **more)


def store(s3: Any, key: str, *contents: bytes) -> None:
    upload = create(s3, key)
    complete(s3, upload, [send(s3, upload, *part) for part in enumerate(contents, 1)])


def read(s3: Any, key: str, **more: Any) -> bytes:
    return bytes(s3.get_object(Bucket="b", Key=key, **more)["Body"].read())


def test_parts_become_one_object_with_what_the_upload_was_created_with(s3: Any) -> None:
    upload = create(s3, "a/ü k", Metadata={"study": "1.2"}, ContentType="application/dicom")
    parts = [send(s3, upload, 3, LAST), send(s3, upload, 2, FIRST)]
    answer = complete(s3, upload, parts[::-1])
    assert answer["ETag"].endswith('-2"')
    head = s3.head_object(Bucket="b", Key="a/ü k")
    assert (head["ContentLength"], head["ETag"]) == (len(WHOLE), answer["ETag"])
    assert (head["ContentType"], head["Metadata"]) == ("application/dicom", {"study": "1.2"})
    assert read(s3, "a/ü k") == WHOLE


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0, 0),
        (5 * MIB - 1, 5 * MIB),
        (5 * MIB - 100_000, 6 * MIB),
        (6 * MIB, 6 * MIB + 7),
        (1, 6 * MIB + 6),
    ],
)
def test_a_range_may_lie_across_segments(s3: Any, first: int, last: int) -> None:
    whole = FIRST + FIRST[:MIB] + LAST
    upload = create(s3)
    parts = [send(s3, upload, *part) for part in enumerate((FIRST, FIRST[:MIB] + LAST), 1)]
    complete(s3, upload, parts)
    assert read(s3, "k", Range=f"bytes={first}-{last}") == whole[first : last + 1]


def test_a_range_of_an_object_of_three_parts(s3: Any) -> None:
    store(s3, "k", FIRST, FIRST, SECOND)
    wanted = "bytes=5242870-10485765"
    assert read(s3, "k", Range=wanted) == (FIRST + FIRST + SECOND)[5242870:10485766]


def test_a_part_sent_again_replaces_the_one_before(s3: Any) -> None:
    upload = create(s3)
    before = send(s3, upload, 1, SECOND)
    after = send(s3, upload, 1, LAST)
    with pytest.raises(ClientError) as refused:
        complete(s3, upload, [before])
    assert code_of(refused) == "InvalidPart"
    complete(s3, upload, [after])
    assert read(s3, "k") == LAST


def test_checksums_are_verified_listed_and_combined(s3: Any) -> None:
    upload = create(s3, ChecksumAlgorithm="SHA256")
    for content in (SECOND, LAST):
        with pytest.raises(ClientError) as refused:
            send(s3, upload, 1, content, ChecksumSHA256=checksum(b"other"))
        assert (status_of(refused), code_of(refused)) == (400, "BadDigest")
    parts = [
        send(s3, upload, number, content, ChecksumSHA256=checksum(content))
        for number, content in ((1, FIRST), (2, LAST))
    ]
    listed = s3.list_parts(**upload)
    assert listed["ChecksumAlgorithm"] == "SHA256"
    assert [
        {name: part[name] for name in ("PartNumber", "ETag", "ChecksumSHA256")}
        for part in listed["Parts"]
    ] == parts
    assert [part["Size"] for part in listed["Parts"]] == [len(FIRST), len(LAST)]
    digests = b"".join(hashlib.sha256(content).digest() for content in (FIRST, LAST))
    combined = f"{base64.b64encode(hashlib.sha256(digests).digest()).decode()}-2"
    assert complete(s3, upload, parts)["ChecksumSHA256"] == combined
    head = s3.head_object(Bucket="b", Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == combined


def test_an_upload_says_whether_its_parts_have_checksums(s3: Any) -> None:
    plain, checked = create(s3), create(s3, ChecksumAlgorithm="SHA256")
    for upload, more in ((plain, {"ChecksumSHA256": checksum(LAST)}), (checked, {})):
        with pytest.raises(ClientError) as refused:
            send(s3, upload, 1, LAST, **more)
        assert code_of(refused) == "InvalidRequest"
    part = send(s3, checked, 1, LAST, ChecksumSHA256=checksum(LAST))
    del part["ChecksumSHA256"]
    with pytest.raises(ClientError) as refused:
        complete(s3, checked, [part])
    assert code_of(refused) == "InvalidRequest"


def test_parts_are_listed_by_page(s3: Any) -> None:
    upload = create(s3)
    for number in (1, 2, 5, 9, 10_000):
        send(s3, upload, number, LAST)
    paginator = s3.get_paginator("list_parts")
    pages = list(paginator.paginate(**upload, PaginationConfig={"PageSize": 2}))
    found = [[part["PartNumber"] for part in page["Parts"]] for page in pages]
    assert found == [[1, 2], [5, 9], [10_000]]


def test_ranges_are_copied_and_assembled(s3: Any) -> None:
    store(s3, "staged", FIRST, FIRST, SECOND)
    staged = FIRST + FIRST + SECOND
    upload = create(s3, "copied")
    parts = [
        copy(s3, upload, 1, "staged", f"100-{8 * MIB}"),
        copy(s3, upload, 2, "staged", f"{8 * MIB + 1}-{len(staged) - 3}"),
    ]
    complete(s3, upload, parts)
    s3.delete_object(Bucket="b", Key="staged")
    assert read(s3, "copied") == staged[100:-2]


def test_a_copied_part_has_the_checksum_that_the_upload_asks_for(s3: Any) -> None:
    store(s3, "staged", FIRST, SECOND)
    upload = create(s3, "copied", ChecksumAlgorithm="SHA256")
    copy(s3, upload, 1, "staged", "1-5242890")
    expected = checksum((FIRST + SECOND)[1:5242891])
    assert s3.list_parts(**upload)["Parts"][0]["ChecksumSHA256"] == expected


@pytest.mark.parametrize(
    ("source", "wanted", "code"),
    [
        ("staged", f"0-{len(FIRST) + len(LAST)}", "InvalidArgument"),
        ("staged", "5-4", "InvalidArgument"),
        ("staged", "5-", "InvalidArgument"),
        ("small", "0-1", "InvalidRequest"),
        ("absent", "0-1", "NoSuchKey"),
    ],
)
def test_a_range_that_is_not_there_is_not_copied(
    s3: Any, source: str, wanted: str, code: str
) -> None:
    store(s3, "staged", FIRST, LAST)
    store(s3, "small", LAST)
    with pytest.raises(ClientError) as refused:
        copy(s3, create(s3), 1, source, wanted)
    assert code_of(refused) == code


def test_a_completion_that_finds_the_key_taken_is_412_and_the_upload_stays(
    s3: Any, stand_in: RunningStandIn
) -> None:
    s3.put_object(Bucket="b", Key="k", Body=b"first")
    upload = create(s3)
    parts = [send(s3, upload, 1, LAST)]
    with pytest.raises(ClientError) as refused:
        complete(s3, upload, parts, IfNoneMatch="*")
    assert (status_of(refused), code_of(refused)) == (412, "PreconditionFailed")
    assert read(s3, "k") == b"first"
    assert stand_in.held()["uploads"] == [["b", "k"]]
    s3.abort_multipart_upload(**upload)
    assert stand_in.held()["uploads"] == []


def test_a_completion_creates_once_where_the_key_is_free(s3: Any) -> None:
    upload = create(s3)
    complete(s3, upload, [send(s3, upload, 1, LAST)], IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket="b", Key="k", Body=b"other", IfNoneMatch="*")
    assert status_of(refused) == 412


def test_a_conflict_ends_the_upload(s3: Any, stand_in: RunningStandIn) -> None:
    upload = create(s3)
    parts = [send(s3, upload, 1, LAST)]
    stand_in.inject("s3.CompleteMultipartUpload:409:1:1")
    for code in ("ConditionalRequestConflict", "NoSuchUpload"):
        with pytest.raises(ClientError) as refused:
            complete(s3, upload, parts, IfNoneMatch="*")
        assert code_of(refused) == code


def test_an_upload_is_complete_once(s3: Any) -> None:
    upload = create(s3)
    parts = [send(s3, upload, 1, LAST)]
    complete(s3, upload, parts)
    for again in (
        lambda: complete(s3, upload, parts),
        lambda: send(s3, upload, 1, LAST),
        lambda: s3.list_parts(**upload),
        lambda: s3.abort_multipart_upload(**upload),
        lambda: s3.list_parts(**create(s3, "k") | {"Key": "other"}),
    ):
        with pytest.raises(ClientError) as refused:
            again()
        assert (status_of(refused), code_of(refused)) == (404, "NoSuchUpload")


def test_a_small_part_is_only_the_last(s3: Any) -> None:
    upload = create(s3)
    parts = [send(s3, upload, 1, FIRST[:-1]), send(s3, upload, 2, LAST)]
    with pytest.raises(ClientError) as refused:
        complete(s3, upload, parts)
    assert code_of(refused) == "EntityTooSmall"


def test_a_completion_names_parts_that_are_there_in_order(s3: Any) -> None:
    upload = create(s3)
    parts = [send(s3, upload, 1, FIRST), send(s3, upload, 2, LAST)]
    for named, code in (
        (parts[::-1], "InvalidPartOrder"),
        ([parts[0], parts[0]], "InvalidPartOrder"),
        ([parts[0], {**parts[1], "PartNumber": 3}], "InvalidPart"),
        ([{**parts[0], "ETag": '"other"'}], "InvalidPart"),
        ([], "MalformedXML"),
    ):
        with pytest.raises(ClientError) as refused:
            complete(s3, upload, named)
        assert code_of(refused) == code


@pytest.mark.parametrize("number", [0, 10_001])
def test_parts_are_numbered_from_1_to_10000(s3: Any, number: int) -> None:
    with pytest.raises(ClientError) as refused:
        send(s3, create(s3), number, LAST)
    assert code_of(refused) == "InvalidArgument"


def test_open_uploads_are_listed(s3: Any) -> None:
    expected = [create(s3, key)["UploadId"] for key in ("a/1", "a/2", "b/1")][:2]
    listed = s3.list_multipart_uploads(Bucket="b", Prefix="a/")["Uploads"]
    assert [one["UploadId"] for one in listed] == expected


def test_objects_are_deleted_many_at_a_time(s3: Any, stand_in: RunningStandIn) -> None:
    for key in ("a&", "b", "c"):
        s3.put_object(Bucket="b", Key=key, Body=LAST)
    wanted = {"Objects": [{"Key": "a&"}, {"Key": "b"}, {"Key": "absent"}]}
    answer = s3.delete_objects(Bucket="b", Delete=wanted)
    assert [one["Key"] for one in answer["Deleted"]] == ["a&", "b", "absent"]
    assert stand_in.held()["objects"]["b"] == ["c"]


def talk(stand_in: RunningStandIn, said: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", urlsplit(stand_in.url).port or 0))
    connection.sendall(said)
    return connection


def test_a_body_that_is_cut_short_leaves_nothing(s3: Any, stand_in: RunningStandIn) -> None:
    head = b"PUT /b/k HTTP/1.1\r\nHost: b\r\nContent-Length: 5242880\r\n\r\n"
    talk(stand_in, head + FIRST[:MIB]).close()
    assert stand_in.stats()["calls"] == {}
    assert stand_in.held()["objects"] == {}


def test_who_leaves_while_an_object_is_sent_disturbs_no_one(
    s3: Any, stand_in: RunningStandIn
) -> None:
    store(s3, "k", FIRST, FIRST, SECOND)
    connection = talk(stand_in, b"GET /b/k HTTP/1.1\r\nHost: b\r\n\r\n")
    assert connection.recv(12) == b"HTTP/1.1 200"
    connection.close()
    assert read(s3, "k") == FIRST + FIRST + SECOND


@pytest.mark.parametrize(
    ("header", "status"), [(b"Transfer-Encoding: chunked", b"501"), (b"A: b", b"411")]
)
def test_a_body_says_its_length_first(
    stand_in: RunningStandIn, header: bytes, status: bytes
) -> None:
    said = b"PUT /b/k HTTP/1.1\r\nHost: b\r\n" + header + b"\r\n\r\n0\r\n\r\n"
    with talk(stand_in, said) as connection:
        assert connection.recv(12) == b"HTTP/1.1 " + status


def test_a_part_whose_connection_is_reset_leaves_nothing(s3: Any, stand_in: RunningStandIn) -> None:
    upload = create(s3)
    stand_in.inject("s3.UploadPart:reset:1:1")
    with pytest.raises(Exception, match="Connection"):
        send(s3, upload, 1, SECOND)
    assert "Parts" not in s3.list_parts(**upload)


def test_64_mib_pass_through_files_without_memory(tmp_path: Path) -> None:
    """Sent, copied within the store and read back, of which only the client holds 8 MiB."""
    piece = random.Random(3).randbytes(8 * MIB)
    with RunningStandIn("--directory", str(tmp_path)) as stand_in:
        s3 = make_client("s3", stand_in.url)
        send(s3, create(s3, "warm"), 1, SECOND)
        before = stand_in.stats()["peak_bytes"]
        upload = create(s3, "staged")
        complete(s3, upload, [send(s3, upload, number, piece) for number in range(1, 9)])
        upload = create(s3, "copied")
        complete(s3, upload, [copy(s3, upload, 1, "staged", f"1-{64 * MIB - 1}")])
        body = s3.get_object(Bucket="b", Key="copied")["Body"]
        digest = hashlib.sha256(piece[:1])
        for read in body.iter_chunks(MIB):
            digest.update(read)
        s3.close()
        assert digest.digest() == hashlib.sha256(piece * 8).digest()
        assert stand_in.stats()["peak_bytes"] - before < 4 * MIB
    assert list(tmp_path.iterdir()) == []
