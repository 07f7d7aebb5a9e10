"""What the Staging on S3 asks of S3, and what it makes of S3's errors."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError, ResponseStreamingError

from chalicelib.origin.ports import Unavailable
from chalicelib.origin.sessions.ports import Staging
from tests.contract.staging import BUCKET, MIB, make_s3_staging, wanted

pytestmark = pytest.mark.usefixtures("aws")  # for credentials that sign
KEY, UPLOAD = "p/sessions/0/body", "upload-1"


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Any")  # type: ignore[arg-type]


class ScriptedS3:
    """An S3 whose calls give what the script has for their name: answers in turn, or errors."""

    def __init__(self, script: Mapping[str, list[Any]] | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._script = {name: iter(answers) for name, answers in (script or {}).items()}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            answer = next(self._script.get(name, iter(())), {"UploadId": UPLOAD, "ETag": "e"})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def of(self, name: str) -> list[dict[str, Any]]:
        return [arguments for called, arguments in self.calls if called == name]


class CutShort:
    """A body whose end does not come."""

    def read(self) -> bytes:
        raise ResponseStreamingError(error="cut")


CALLS: dict[str, Callable[[Staging], object]] = {
    "begin": lambda staging: staging.begin(KEY),
    "received": lambda staging: staging.received(KEY, UPLOAD),
    "join": lambda staging: staging.join(KEY, UPLOAD),
    "checksum": lambda staging: staging.checksum(KEY),
    "abort": lambda staging: staging.abort(KEY, UPLOAD),
    "read": lambda staging: staging.read(KEY, 0, 10),
    "get": lambda staging: staging.get(KEY),
    "create": lambda staging: staging.create(KEY, b"content"),
    "write little": lambda staging: staging.write(KEY, [b"content"], "text/plain"),
    "write much": lambda staging: staging.write(KEY, [bytes(9 * MIB)] * 2, "text/plain"),
    "delete": lambda staging: staging.delete([KEY]),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class FailingS3:
    """An S3 that always answers so."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            raise self._error

        return call


@every_call
@pytest.mark.parametrize(
    "error",
    [
        refused("SlowDown", 503),
        refused("InternalError", 500),
        refused("503", 503),
        refused("RequestTimeout"),
        ReadTimeoutError(endpoint_url="https://s3"),
    ],
    ids=str,
)
def test_throttles_and_faults_are_unavailable(
    call: Callable[[Staging], object], error: Exception
) -> None:
    with pytest.raises(Unavailable):
        call(make_s3_staging(FailingS3(error)))


@every_call
@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_our_own_faults_are_never_an_answer(call: Callable[[Staging], object], code: str) -> None:
    with pytest.raises(ClientError):
        call(make_s3_staging(FailingS3(refused(code, 403))))


# ---------------------------------------------------------------- uploads


def test_an_upload_keeps_the_digests_of_its_parts() -> None:
    """Only then is S3's checksum of the whole the composite SHA-256."""
    client = ScriptedS3()
    assert make_s3_staging(client).begin(KEY) == UPLOAD
    [call] = client.of("create_multipart_upload")
    assert call == {"Bucket": BUCKET, "Key": KEY, "ChecksumAlgorithm": "SHA256"}


def query_of(url: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


def test_length_and_digest_of_a_part_are_signed_and_nothing_else_has_to_be_sent() -> None:
    where = make_s3_staging(ScriptedS3()).part_url(KEY, UPLOAD, wanted(3, b"content"), 7)
    query = query_of(where.url)
    signed = set(query["X-Amz-SignedHeaders"].split(";"))
    assert signed == {"host", *(name.lower() for name in where.headers)}
    assert signed == {"host", "content-length", "x-amz-checksum-sha256"}
    assert (query["uploadId"], query["partNumber"]) == (UPLOAD, "3")
    assert query["X-Amz-Expires"] == "900"


def test_urls_are_of_the_bucket_and_the_region_or_of_the_endpoint_of_a_stand_in() -> None:
    here = urlsplit(make_s3_staging(ScriptedS3()).link(KEY))
    assert (here.scheme, here.path) == ("https", f"/{KEY}")
    assert (here.hostname or "").startswith(f"{BUCKET}.s3.")
    there = urlsplit(make_s3_staging(ScriptedS3(), "http://127.0.0.1:9").link(KEY))
    assert (there.netloc, there.path) == ("127.0.0.1:9", f"/{BUCKET}/{KEY}")
    assert query_of(there.geturl())["X-Amz-Expires"] == "900"


def page(numbers: range, *, more: bool) -> dict[str, Any]:
    parts = [
        {"PartNumber": n, "Size": n * 10, "ETag": f"e{n}", "ChecksumSHA256": f"c{n}"}
        for n in numbers
    ]
    return {"Parts": parts, "IsTruncated": more, "NextPartNumberMarker": numbers[-1]}


def test_parts_are_listed_page_by_page() -> None:
    client = ScriptedS3(
        {"list_parts": [page(range(1, 4), more=True), page(range(4, 6), more=False)]}
    )
    received = make_s3_staging(client).received(KEY, UPLOAD)
    assert received == {1: 10, 2: 20, 3: 30, 4: 40, 5: 50}
    assert [call.get("PartNumberMarker") for call in client.of("list_parts")] == [None, 3]


@pytest.mark.parametrize(
    ("answer", "checksum"),
    [
        ({"ChecksumSHA256": "composite-2"}, "composite-2"),
        ({}, ""),
        (refused("404", 404), ""),
    ],
)
def test_a_checksum_is_what_s3_says_of_the_whole(answer: Any, checksum: str) -> None:
    client = ScriptedS3({"head_object": [answer]})
    assert make_s3_staging(client).checksum(KEY) == checksum
    assert client.of("head_object") == [{"Bucket": BUCKET, "Key": KEY, "ChecksumMode": "ENABLED"}]


def test_parts_are_joined_by_tag_and_digest() -> None:
    client = ScriptedS3({"list_parts": [page(range(1, 3), more=False)]})
    assert make_s3_staging(client).join(KEY, UPLOAD) is True
    [call] = client.of("complete_multipart_upload")
    assert call["MultipartUpload"]["Parts"] == [
        {"PartNumber": 1, "ETag": "e1", "ChecksumSHA256": "c1"},
        {"PartNumber": 2, "ETag": "e2", "ChecksumSHA256": "c2"},
    ]


@pytest.mark.parametrize(("head", "joined"), [({}, True), (refused("404", 404), False)])
def test_of_two_that_join_the_second_finds_what_the_first_made(head: object, joined: bool) -> None:
    client = ScriptedS3(
        {
            "list_parts": [page(range(1, 3), more=False)],
            "complete_multipart_upload": [refused("NoSuchUpload", 404)],
            "head_object": [head],
        }
    )
    assert make_s3_staging(client).join(KEY, UPLOAD) is joined


def test_an_upload_that_is_over_is_no_error_to_give_up() -> None:
    client = ScriptedS3({"abort_multipart_upload": [refused("NoSuchUpload", 404)]})
    make_s3_staging(client).abort(KEY, UPLOAD)


# ---------------------------------------------------------------- objects


def test_a_body_that_is_cut_short_is_unavailable() -> None:
    client = ScriptedS3({"get_object": [{"Body": CutShort()}] * 2})
    for name in ("read", "get"):
        with pytest.raises(Unavailable):
            CALLS[name](make_s3_staging(client))


def test_of_two_that_create_at_once_the_second_is_told_to_try_again() -> None:
    client = ScriptedS3({"put_object": [refused("ConditionalRequestConflict", 409)]})
    with pytest.raises(Unavailable):
        CALLS["create"](make_s3_staging(client))
    assert client.of("put_object")[0]["IfNoneMatch"] == "*"


def test_what_is_written_at_once_has_its_type() -> None:
    client = ScriptedS3()
    assert make_s3_staging(client).write(KEY, [b"a", b"b"], "application/dicom+json") == 2
    assert client.calls == [
        (
            "put_object",
            {
                "Bucket": BUCKET,
                "Key": KEY,
                "Body": b"ab",
                "ContentType": "application/dicom+json",
            },
        )
    ]


def test_what_is_written_in_parts_has_its_type_and_parts_that_s3_takes() -> None:
    client = ScriptedS3()
    size = make_s3_staging(client).write(KEY, [bytes(3 * MIB)] * 7, "application/dicom+json")
    assert size == 21 * MIB
    [begun] = client.of("create_multipart_upload")
    assert begun["ContentType"] == "application/dicom+json"
    assert [(call["PartNumber"], len(call["Body"])) for call in client.of("upload_part")] == [
        (1, 9 * MIB),
        (2, 9 * MIB),
        (3, 3 * MIB),
    ]
    [completed] = client.of("complete_multipart_upload")
    assert [part["PartNumber"] for part in completed["MultipartUpload"]["Parts"]] == [1, 2, 3]


def test_objects_are_deleted_a_thousand_at_a_time() -> None:
    client = ScriptedS3()
    make_s3_staging(client).delete(map(str, range(2001)))
    sizes = [len(call["Delete"]["Objects"]) for call in client.of("delete_objects")]
    assert sizes == [1000, 1000, 1]


def test_what_s3_does_not_delete_is_left_to_its_lifecycle() -> None:
    client = ScriptedS3({"delete_objects": [{"Errors": [{"Key": KEY, "Code": "InternalError"}]}]})
    make_s3_staging(client).delete([KEY])
