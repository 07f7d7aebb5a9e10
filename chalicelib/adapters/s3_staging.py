"""The staging bucket on S3: uploads in parts, presigned URLs, and objects that are soon deleted."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from chalicelib.adapters.errors import port_errors
from chalicelib.dicomweb.sessions import PartUrl, WantedPart

URL_SECONDS = 900
"""How long a presigned URL is good; less, if the credentials that sign it end before."""
WRITE_BYTES = 8 << 20
"""Of a part of what is written as it comes."""
_DELETE_KEYS = 1000
_GONE = ("NoSuchUpload", "NoSuchKey", "404", "NotFound")
_EXISTS = "PreconditionFailed"


class S3Client(Protocol):
    """What we use of boto3's client for S3."""

    def create_multipart_upload(self, **arguments: Any) -> dict[str, Any]: ...
    def upload_part(self, **arguments: Any) -> dict[str, Any]: ...
    def list_parts(self, **arguments: Any) -> dict[str, Any]: ...
    def complete_multipart_upload(self, **arguments: Any) -> dict[str, Any]: ...
    def abort_multipart_upload(self, **arguments: Any) -> dict[str, Any]: ...
    def head_object(self, **arguments: Any) -> dict[str, Any]: ...
    def get_object(self, **arguments: Any) -> dict[str, Any]: ...
    def put_object(self, **arguments: Any) -> dict[str, Any]: ...
    def delete_objects(self, **arguments: Any) -> dict[str, Any]: ...


class Signer(Protocol):
    """What we use of a client that signs URLs; its endpoint is the one that clients reach."""

    def generate_presigned_url(self, operation: str, **arguments: Any) -> str: ...


class S3Staging:
    """``origin.sessions.ports.Staging`` on a bucket.

    Parameters
    ----------
    client : S3Client
    signer : Signer
    bucket : str
    clock : callable
        The time now, in UTC.
    """

    def __init__(
        self, client: S3Client, signer: Signer, bucket: str, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._signer = signer
        self._bucket = bucket
        self._clock = clock

    # ------------------------------------------------------------------ uploads

    def begin(self, key: str) -> str:
        """Begin an upload in parts; return its id."""
        with port_errors():
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ChecksumAlgorithm="SHA256"
            )
        return str(answer["UploadId"])

    def part_url(self, key: str, upload_id: str, part: WantedPart, size: int) -> PartUrl:
        """Sign where a part goes, with its length and digest."""
        expires = self._clock() + timedelta(seconds=URL_SECONDS)
        url = self._signer.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": part.number,
                "ContentLength": size,
                "ChecksumSHA256": part.sha256,
            },
            ExpiresIn=URL_SECONDS,
        )
        headers = {"Content-Length": str(size), "x-amz-checksum-sha256": part.sha256}
        return PartUrl(part.number, url, headers, expires.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def received(self, key: str, upload_id: str) -> Mapping[int, int] | None:
        """Return the sizes of the parts that have arrived, None when the upload is over."""
        parts = self._parts(key, upload_id)
        return None if parts is None else {part["PartNumber"]: part["Size"] for part in parts}

    def join(self, key: str, upload_id: str) -> bool:
        """Complete the upload, or find that it is."""
        parts = self._parts(key, upload_id)
        if parts is None:
            return self._exists(key)
        named = ("PartNumber", "ETag", "ChecksumSHA256")
        listed = [{name: part[name] for name in named if name in part} for part in parts]
        try:
            with port_errors():
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": listed},
                )
        except ClientError as error:
            if _code(error) in _GONE:
                return self._exists(key)
            raise
        return True

    def checksum(self, key: str) -> str:
        """Return the checksum that S3 made of those it verified, part by part; "" without one."""
        try:
            with port_errors():
                head = self._client.head_object(
                    Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"
                )
        except ClientError as error:
            if _code(error) in _GONE:
                return ""
            raise
        return str(head.get("ChecksumSHA256", ""))

    def abort(self, key: str, upload_id: str) -> None:
        """Forget an upload and its parts."""
        try:
            with port_errors():
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload_id
                )
        except ClientError as error:
            if _code(error) not in _GONE:
                raise

    def _parts(self, key: str, upload_id: str) -> list[dict[str, Any]] | None:
        parts: list[dict[str, Any]] = []
        request = {"Bucket": self._bucket, "Key": key, "UploadId": upload_id}
        try:
            with port_errors():
                while True:
                    page = self._client.list_parts(**request)
                    parts += page.get("Parts", [])
                    if not page.get("IsTruncated"):
                        return parts
                    request["PartNumberMarker"] = page["NextPartNumberMarker"]
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise

    def _exists(self, key: str) -> bool:
        try:
            with port_errors():
                self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _GONE:
                return False
            raise
        return True

    # ------------------------------------------------------------------ objects

    def read(self, key: str, start: int, length: int) -> bytes:
        """Read a range. Raises KeyError if there is no object."""
        if length <= 0:
            return b""
        wanted = f"bytes={start}-{start + length - 1}"
        content = self._read(key, Range=wanted)
        if content is None:
            raise KeyError(key)
        return content

    def get(self, key: str) -> bytes | None:
        """Read an object, None when there is none."""
        return self._read(key)

    def _read(self, key: str, **arguments: str) -> bytes | None:
        try:
            with port_errors():
                answer = self._client.get_object(Bucket=self._bucket, Key=key, **arguments)
                content: bytes = answer["Body"].read()
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        return content

    def create(self, key: str, content: bytes) -> None:
        """Put an object unless one is there."""
        with port_errors():
            try:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) != _EXISTS:
                    raise

    def write(self, key: str, chunks: Iterable[bytes], content_type: str) -> int:
        """Put an object as its bytes come: at once when they are few, else in parts."""
        pieces = _pieces(chunks)
        first = next(pieces, b"")
        second = next(pieces, None)
        target = {"Bucket": self._bucket, "Key": key}
        with port_errors():
            if second is None:
                self._client.put_object(**target, Body=first, ContentType=content_type)
                return len(first)
            return self._write_parts(target, (first, second), pieces, content_type)

    def _write_parts(
        self,
        target: dict[str, str],
        begun: tuple[bytes, bytes],
        pieces: Iterator[bytes],
        content_type: str,
    ) -> int:
        upload = self._client.create_multipart_upload(**target, ContentType=content_type)
        target = {**target, "UploadId": upload["UploadId"]}
        parts: list[dict[str, Any]] = []
        size = 0
        for piece in (*begun, *pieces):
            number = len(parts) + 1
            answer = self._client.upload_part(**target, PartNumber=number, Body=piece)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            size += len(piece)
        self._client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        return size

    def link(self, key: str) -> str:
        """Sign where an object can be read."""
        return self._signer.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=URL_SECONDS
        )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects. What S3 does not delete now its lifecycle does."""
        wanted = [{"Key": key} for key in keys]
        for start in range(0, len(wanted), _DELETE_KEYS):
            with port_errors():
                self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": wanted[start : start + _DELETE_KEYS], "Quiet": True},
                )


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks joined to pieces of at least ``WRITE_BYTES``, the last one smaller."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= WRITE_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
