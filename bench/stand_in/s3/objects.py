"""Objects: put whole, read whole or in ranges, listed, deleted."""

import base64
import hashlib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bench.stand_in.contents import Content, cut, size_of
from bench.stand_in.s3.documents import (
    LAST_MODIFIED,
    LAST_MODIFIED_XML,
    Call,
    document,
    element,
    entries,
    group,
    malformed,
)
from bench.stand_in.s3.receiving import Receiving
from bench.stand_in.values import AwsError, Response

METADATA_LIMIT = 2048
KEY_LIMIT = 1024
LIST_LIMIT = 1000
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object.

    Attributes
    ----------
    headers : mapping
        User metadata and Content-Type, as they are answered.
    checksum : str
        What ``x-amz-checksum-sha256`` is answered with; empty if nobody claimed one.
    """

    content: Content
    size: int
    etag: str
    headers: Mapping[str, str]
    checksum: str = ""


class Objects:
    """The buckets.

    Parameters
    ----------
    is_readable : bool
        Whether bytes are held at all.
    """

    def __init__(self, *, is_readable: bool) -> None:
        self._is_readable = is_readable
        self.buckets: dict[str, dict[str, StoredObject]] = {}
        self._serial = itertools.count(1)

    def bucket(self, name: str) -> dict[str, StoredObject]:
        """Return a bucket, which exists from now on."""
        return self.buckets.setdefault(name, {})

    def find(self, bucket: str, key: str) -> StoredObject:
        """Return an object. Raises AwsError NoSuchKey."""
        stored = self.bucket(bucket).get(key)
        if stored is None:
            raise AwsError(404, "NoSuchKey", "The specified key does not exist.")
        return stored

    def next_etag(self, of: bytes | None) -> str:
        """Return an entity tag: a function of the digest, or one that never was."""
        digest = of or hashlib.sha256(str(next(self._serial)).encode()).digest()
        return f'"{digest.hex()[:32]}"'

    def put(self, call: Call, received: Receiving) -> Response:
        """PutObject."""
        headers = kept_headers(call)
        received.verify()
        self.check_absent(call)
        checksum = encode_digest(received.sha256)
        etag = self.next_etag(received.sha256)
        size = received.content.length
        stored = StoredObject((received.content,), size, etag, headers, checksum)
        self.bucket(call.bucket)[call.key] = stored
        return Response(200, headers={"ETag": etag} | checksum_header(checksum))

    def check_absent(self, call: Call) -> None:
        """Hold the call to its If-None-Match. Raises AwsError PreconditionFailed."""
        if call.header("if-none-match") == "*" and call.key in self.bucket(call.bucket):
            raise precondition_failed()

    def get(self, call: Call) -> Response:
        """GetObject and HeadObject."""
        stored = self.find(call.bucket, call.key)
        if call.header("if-match") not in (None, "*", stored.etag, stored.etag.strip('"')):
            raise precondition_failed()
        headers = {
            **stored.headers,
            "ETag": stored.etag,
            "Last-Modified": LAST_MODIFIED,
            "Accept-Ranges": "bytes",
        }
        wanted, content, status, size = call.header("range"), stored.content, 200, stored.size
        if wanted is not None:
            first, last = resolve_range(wanted, stored.size)
            headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
            content, status, size = cut(stored.content, first, last), 206, last + 1 - first
        elif (call.header("x-amz-checksum-mode") or "").upper() == "ENABLED":
            headers |= checksum_header(stored.checksum)  # S3's is of the whole object
        if call.request.method == "HEAD":
            return Response(status, headers=headers, declared_length=size)
        if not self._is_readable:
            message = "Start the stand-in with --keep or --directory to read objects."
            raise AwsError(501, "NotImplemented", message)
        return Response(status, headers=headers, pieces=content)

    def delete(self, call: Call) -> Response:
        """DeleteObject."""
        self.bucket(call.bucket).pop(call.key, None)
        return Response(204)

    def delete_many(self, call: Call) -> Response:
        """DeleteObjects."""
        keys = [entry.get("Key", "") for entry in entries(call.request.body, "Object")]
        if not 1 <= len(keys) <= LIST_LIMIT or not all(keys):
            raise malformed()
        for key in keys:
            self.bucket(call.bucket).pop(key, None)
        quiet = b"<Quiet>true</Quiet>" in call.request.body
        deleted = (group("Deleted", [element("Key", key)]) for key in keys)
        return document("DeleteResult", *(() if quiet else deleted))

    def list(self, call: Call) -> Response:
        """ListObjectsV2, without delimiters."""
        bucket, prefix = self.bucket(call.bucket), call.query.get("prefix", "")
        after = call.query.get("continuation-token", call.query.get("start-after", ""))
        limit = min(call.number("max-keys", LIST_LIMIT), LIST_LIMIT)
        keys = sorted(key for key in bucket if key.startswith(prefix) and key > after)
        page, more = keys[:limit], len(keys) > limit
        is_encoded = call.query.get("encoding-type") == "url"
        return document(
            "ListBucketResult",
            element("Name", call.bucket),
            element("Prefix", quote(prefix) if is_encoded else prefix),
            element("KeyCount", len(page)),
            element("IsTruncated", str(more).lower()),
            *((element("EncodingType", "url"),) if is_encoded else ()),
            *((element("NextContinuationToken", page[-1]),) if more else ()),
            *(_entry(quote(key) if is_encoded else key, bucket[key]) for key in page),
        )


def _entry(name: str, stored: StoredObject) -> str:
    return group(
        "Contents",
        (
            element("Key", name),
            element("LastModified", LAST_MODIFIED_XML),
            element("ETag", stored.etag),
            element("Size", stored.size),
        ),
    )


def assembled(content: Content, etag: str, headers: Mapping[str, str], sha256: str) -> StoredObject:
    """Return an object made of parts, of which nothing is copied."""
    return StoredObject(content, size_of(content), etag, headers, sha256)


def kept_headers(call: Call) -> dict[str, str]:
    """Return what an object answers of the headers it was made with.

    Raises
    ------
    AwsError
        The key or the metadata are too long.
    """
    headers = call.request.headers
    kept = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
    if sum(len(name) - 11 + len(value) for name, value in kept.items()) > METADATA_LIMIT:
        raise AwsError(400, "MetadataTooLarge", "Your metadata headers exceed 2 KB.")
    if len(call.key.encode()) > KEY_LIMIT:
        raise AwsError(400, "KeyTooLongError", "Your key is too long.")
    kept["Content-Type"] = headers.get("content-type", "binary/octet-stream")
    return kept


def encode_digest(digest: bytes | None) -> str:
    """Return the digest as headers and documents carry it, empty if there is none."""
    return base64.b64encode(digest).decode() if digest else ""


def checksum_header(checksum: str) -> dict[str, str]:
    """Return the header, if there is a checksum."""
    return {"x-amz-checksum-sha256": checksum} if checksum else {}


def precondition_failed() -> AwsError:
    """Return the refusal of a condition."""
    message = "At least one of the pre-conditions you specified did not hold"
    return AwsError(412, "PreconditionFailed", message)


def resolve_range(wanted: str, size: int) -> tuple[int, int]:
    """Return the first and the last byte of a Range header.

    Raises
    ------
    AwsError
        InvalidRange, or 501 for several ranges.
    """
    match = _RANGE.fullmatch(wanted)
    if match is None or not any(match.groups()):
        raise AwsError(501, "NotImplemented", "The stand-in reads one range of bytes.")
    start, end = match.groups()
    if not start:
        first, last = max(size - int(end), 0), size - 1
    else:
        first, last = int(start), min(int(end) if end else size - 1, size - 1)
    if first > last:
        raise AwsError(416, "InvalidRange", "The requested range is not satisfiable")
    return first, last
