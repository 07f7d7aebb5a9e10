"""Instances in S3: key ``{partition}/instances/{SOPInstanceUID}.dcm``, created once.

The key holds neither study nor series, so the conditional put is the only judge of uniqueness,
for concurrent requests and for the same UID under another study alike.
"""

import io
from base64 import b64encode
from binascii import unhexlify
from typing import Any, Protocol
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from chalicelib.adapters.errors import port_errors
from chalicelib.origin.model import Content, ObjectFacts, SourceForm, StagedRange, StoredObject
from chalicelib.origin.ports import Unavailable, Wait

CONTENT_TYPE = "application/dicom"
_RACE_ATTEMPTS = 4
_EXISTS = "PreconditionFailed"
_RACE = "ConditionalRequestConflict"
_AFTER_THE_END = "InvalidRange"
_ABSENT = ("404", "NoSuchKey", "NotFound")


class S3Client(Protocol):
    """What we use of boto3's client for S3."""

    def put_object(self, **arguments: Any) -> dict[str, Any]: ...
    def head_object(self, **arguments: Any) -> dict[str, Any]: ...
    def get_object(self, **arguments: Any) -> dict[str, Any]: ...


class Copier(Protocol):
    """Copies what is staged (``s3_copy``)."""

    def copy(self, staged: StagedRange, key: str, content_type: str, facts: dict[str, str]) -> None:
        """Create the object; ClientError ``PreconditionFailed`` when there is one."""
        ...


class S3InstanceStore:
    """``origin.ports.InstanceStore`` on a bucket.

    Parameters
    ----------
    client : S3Client
        Shared by threads; its connection pool should be as large as their number.
    bucket : str
    wait : Wait
        Sleeps between the attempts of a put that met another one of the same key.
    copier : Copier, optional
        Creates what is staged.
    """

    def __init__(
        self, client: S3Client, bucket: str, wait: Wait, copier: Copier | None = None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._wait = wait
        self._copier = copier

    def create(
        self, partition: str, sop_instance: str, content: Content, facts: ObjectFacts
    ) -> bool:
        """Put the object if there is none; S3 checks the SHA-256 of what it received."""
        for attempt in range(1, _RACE_ATTEMPTS + 1):
            try:
                with port_errors():
                    return self._put(partition, sop_instance, content, facts)
            except Unavailable as error:
                # 409: another put of this key is under way. It may fail, so ours tries again.
                if _code(error.__cause__) != _RACE or attempt == _RACE_ATTEMPTS:
                    raise
            self._wait(attempt)
        raise AssertionError("unreachable")

    def _put(self, partition: str, sop_instance: str, content: Content, facts: ObjectFacts) -> bool:
        if isinstance(content, StagedRange):
            return self._copy(partition, sop_instance, content, facts)
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=object_key(partition, sop_instance),
                Body=_BufferReader(content),
                ContentLength=len(content),
                ContentType=CONTENT_TYPE,
                ChecksumSHA256=b64encode(unhexlify(facts.sha256)).decode("ascii"),
                IfNoneMatch="*",
                Metadata=encode_facts(facts),
            )
        except ClientError as error:
            if _code(error) == _EXISTS:
                return False
            raise
        return True

    def _copy(
        self, partition: str, sop_instance: str, staged: StagedRange, facts: ObjectFacts
    ) -> bool:
        if self._copier is None:
            raise TypeError("this store copies nothing")
        if self.find(partition, sop_instance) is not None:  # what is large is not copied in vain
            return False
        key = object_key(partition, sop_instance)
        try:
            self._copier.copy(staged, key, CONTENT_TYPE, encode_facts(facts))
        except ClientError as error:
            if _code(error) == _EXISTS:
                return False
            raise
        return True

    def find(self, partition: str, sop_instance: str) -> StoredObject | None:
        """Look at the object without reading it."""
        key = object_key(partition, sop_instance)
        try:
            with port_errors():
                head = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise
        return StoredObject(head["ContentLength"], decode_facts(head.get("Metadata", {})))

    def read(
        self, partition: str, sop_instance: str, start: int = 0, length: int | None = None
    ) -> bytes:
        """Read a range of the object."""
        if length == 0:
            return b""
        last = "" if length is None else start + length - 1
        arguments = {
            "Bucket": self._bucket,
            "Key": object_key(partition, sop_instance),
            "Range": f"bytes={start}-{last}",
        }
        try:
            with port_errors():
                content: bytes = self._client.get_object(**arguments)["Body"].read()
        except ClientError as error:
            if _code(error) in _ABSENT:
                raise KeyError(sop_instance) from None
            if _code(error) == _AFTER_THE_END:
                return b""
            raise
        return content


def object_key(partition: str, sop_instance: str) -> str:
    """Return the key of an instance."""
    return f"{partition}/instances/{sop_instance}.dcm"


def parse_object_key(key: str) -> tuple[str, str] | None:
    """Return partition and SOP Instance UID of an instance's key, None for any other key."""
    partition, _, rest = key.partition("/")
    folder, _, name = rest.partition("/")
    if not partition or folder != "instances" or not name.endswith(".dcm"):
        return None
    return partition, name.removesuffix(".dcm")


def encode_facts(facts: ObjectFacts) -> dict[str, str]:
    """Return the facts as user metadata: ASCII. Nothing is cut: S3 refuses more than 2 KB."""
    return {
        "sha256": facts.sha256,
        "study": facts.study,
        "series": facts.series,
        "received": facts.received,
        "request-id": facts.request_id,
        "subject": quote(facts.subject),
        "source-form": facts.source_form.value,
    } | ({"via": facts.via} if facts.via else {})


def decode_facts(metadata: dict[str, str]) -> ObjectFacts:
    """Return the facts of user metadata; what is absent was not written by this product."""
    return ObjectFacts(
        sha256=metadata.get("sha256", ""),
        study=metadata.get("study", ""),
        series=metadata.get("series", ""),
        received=metadata.get("received", ""),
        request_id=metadata.get("request-id", ""),
        subject=unquote(metadata.get("subject", "")),
        source_form=SourceForm(metadata.get("source-form", SourceForm.PART10.value)),
        via=metadata.get("via", ""),
    )


class _BufferReader(io.RawIOBase):
    """A buffer as the seekable file that the SDK wants; nothing is copied beforehand."""

    def __init__(self, buffer: bytes | memoryview) -> None:
        self._view = memoryview(buffer)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}[whence]
        self._position = min(max(base + offset, 0), len(self._view))
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = len(self._view) if size < 0 else self._position + size
        piece = bytes(self._view[self._position : end])
        self._position += len(piece)
        return piece

    def readinto(self, target: Any) -> int:
        piece = self.read(len(target))
        target[: len(piece)] = piece
        return len(piece)

    def __len__(self) -> int:
        return len(self._view)


def _code(error: BaseException | None) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""
