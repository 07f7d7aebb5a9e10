"""Configuration documents: an object in S3, or a file beside the code."""

from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from chalicelib.adapters.errors import port_errors
from chalicelib.forwarding.ports import Document

_UNCHANGED = ("304", "NotModified")
_ABSENT = ("404", "NoSuchKey", "NotFound")
_SCHEME = "s3"


class S3Client(Protocol):
    """What is used of boto3's client for S3."""

    def get_object(self, **arguments: Any) -> dict[str, Any]: ...


class S3Document:
    """Implements `forwarding.ports.Document`: the version is the object's ETag."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client = client
        self._place = {"Bucket": bucket, "Key": key}

    def read(self, known: str) -> tuple[str, bytes] | None:
        """Return version and bytes, None when the version is the known one."""
        condition = {"IfNoneMatch": known} if known else {}
        try:
            with port_errors():
                answer = self._client.get_object(**self._place, **condition)
                return str(answer["ETag"]), bytes(answer["Body"].read())
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _UNCHANGED:
                return None
            if code in _ABSENT:
                raise KeyError(self._place["Key"]) from None
            raise


class FileDocument:
    """Implements `forwarding.ports.Document`: the version is the SHA-256."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, known: str) -> tuple[str, bytes] | None:
        """Return version and bytes, None when the version is the known one."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            raise KeyError(self._path.name) from None
        version = sha256(content).hexdigest()
        return None if version == known else (version, content)


def document_at(place: str, client: S3Client) -> Document:
    """Return the document of a setting: ``s3://bucket/key``, or a path."""
    parts = urlsplit(place)
    if parts.scheme == _SCHEME:
        return S3Document(client, parts.netloc, parts.path.removeprefix("/"))
    return FileDocument(Path(place))
