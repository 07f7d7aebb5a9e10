"""Presigned URLs on the stand-in: signed by boto3, sent by a client that has no credentials."""

import http.client
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from bench.stand_in.running import RunningStandIn
from tests.unit.bench.asking import checksum, make_client

PART = bytes(range(256)) * 8192
"""Large enough to be poured into a file as it arrives."""
SMALL = b"the end"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStandIn]:
    with RunningStandIn("--directory", str(tmp_path_factory.mktemp("objects"))) as stand_in:
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
def upload(client: Any, stand_in: RunningStandIn) -> dict[str, Any]:
    created = client.create_multipart_upload(Bucket="b", Key="a/k k", ChecksumAlgorithm="SHA256")
    return {"Bucket": "b", "Key": "a/k k", "UploadId": created["UploadId"]}


def sign(client: Any, upload: dict[str, Any], content: bytes, seconds: int = 60) -> str:
    named = {
        **upload,
        "PartNumber": 1,
        "ContentLength": len(content),
        "ChecksumSHA256": checksum(content),
    }
    return str(client.generate_presigned_url("upload_part", Params=named, ExpiresIn=seconds))


def send(url: str, content: bytes, method: str = "PUT", **more: str) -> tuple[int, str, Any]:
    """Return the status, the code of the refusal, and the headers of the answer."""
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request(method, url.partition(urlsplit(url).netloc)[2], content, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    code = re.search("<Code>(.*)</Code>", text)
    return answer.status, code[1] if code else "", answer.headers


def claimed(content: bytes) -> dict[str, str]:
    return {"x_amz_checksum_sha256": checksum(content)}


@pytest.mark.parametrize("content", [PART, SMALL], ids=["large", "small"])
def test_a_part_is_taken_with_its_checksum(
    client: Any, upload: dict[str, Any], content: bytes
) -> None:
    status, _, headers = send(sign(client, upload, content), content, **claimed(content))
    assert (status, headers["x-amz-checksum-sha256"]) == (200, checksum(content))
    (listed,) = client.list_parts(**upload)["Parts"]
    assert listed["Size"] == len(content)
    assert (listed["ETag"], listed["ChecksumSHA256"]) == (headers["ETag"], checksum(content))
    named = {name: listed[name] for name in ("PartNumber", "ETag", "ChecksumSHA256")}
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [named]})
    assert client.get_object(Bucket="b", Key="a/k k")["Body"].read() == content


def test_a_url_expires(client: Any, upload: dict[str, Any], stand_in: RunningStandIn) -> None:
    url = sign(client, upload, PART, seconds=3600)
    stand_in.inject(ahead=3590)
    assert send(url, PART, **claimed(PART))[0] == 200
    stand_in.inject(ahead=3700)
    assert send(url, PART, **claimed(PART))[:2] == (403, "AccessDenied")


def test_a_url_of_tomorrow_is_not_valid_yet(
    client: Any, upload: dict[str, Any], stand_in: RunningStandIn
) -> None:
    url = sign(client, upload, PART, seconds=3600)
    stand_in.inject(ahead=-3600)
    assert send(url, PART, **claimed(PART))[:2] == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        ("partNumber=1", "partNumber=2"),
        ("uploadId=", "uploadId=0"),
        ("X-Amz-Expires=60", "X-Amz-Expires=600"),
        ("a/k%20k", "a/other"),
        ("X-Amz-Signature=.", "X-Amz-Signature=z"),
        ("x-amz-checksum-sha256", "host"),
    ],
)
@pytest.mark.parametrize("content", [PART, SMALL], ids=["large", "small"])
def test_a_url_that_was_changed_is_refused_and_stores_nothing(
    client: Any, upload: dict[str, Any], pattern: str, replacement: str, content: bytes
) -> None:
    url = sign(client, upload, content)
    changed = re.sub(pattern, replacement, url, count=1)
    assert changed != url
    status, code, _ = send(changed, content, **claimed(content))
    assert status == 403
    assert code == ("AccessDenied" if replacement == "host" else "SignatureDoesNotMatch")
    assert "Parts" not in client.list_parts(**upload)


def test_another_length_or_checksum_than_was_signed_is_refused(
    client: Any, upload: dict[str, Any]
) -> None:
    url = sign(client, upload, PART)
    for content, headers in (
        (PART + b"x", claimed(PART)),
        (SMALL, claimed(SMALL)),
        (PART, claimed(SMALL)),
        (PART, {}),
    ):
        assert send(url, content, **headers)[:2] == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("content", [PART, SMALL], ids=["large", "small"])
def test_a_wrong_body_under_the_right_headers_is_refused(
    client: Any, upload: dict[str, Any], content: bytes
) -> None:
    url = sign(client, upload, content)
    wrong = content[:-1] + b"?"
    assert send(url, wrong, **claimed(content))[:2] == (400, "BadDigest")
    assert "Parts" not in client.list_parts(**upload)


def test_headers_that_were_not_signed_are_refused(client: Any, upload: dict[str, Any]) -> None:
    more = {**claimed(PART), "x_amz_meta_a": "b"}
    assert send(sign(client, upload, PART), PART, **more)[:2] == (403, "AccessDenied")


def test_the_method_is_signed(client: Any, upload: dict[str, Any]) -> None:
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    client.put_object(Bucket="b", Key="k", Body=SMALL)
    assert send(url, b"", "GET")[0] == 200
    assert send(url, b"", "DELETE")[:2] == (403, "SignatureDoesNotMatch")


def test_another_secret_and_another_mechanism_are_refused(
    upload: dict[str, Any], stand_in: RunningStandIn
) -> None:
    other = boto3.Session("bench", "other", region_name="us-east-1")
    older = other.client("s3", endpoint_url=stand_in.url)
    newer = other.client("s3", endpoint_url=stand_in.url, region_name="eu-central-1")
    for client, answer in (
        (newer, (403, "SignatureDoesNotMatch")),
        (older, (400, "InvalidRequest")),
    ):
        url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
        assert send(url, b"", "GET")[:2] == answer
        client.close()


@pytest.mark.parametrize("seconds", [-1, 7 * 24 * 3600 + 1])
def test_a_url_is_valid_for_a_week_at_most(
    client: Any, upload: dict[str, Any], seconds: int
) -> None:
    url = sign(client, upload, SMALL, seconds)
    expected = (400, "AuthorizationQueryParametersError")
    assert send(url, SMALL, **claimed(SMALL))[:2] == expected
