"""S3 by path-style REST: conditional PutObject, HeadObject, GetObject with Range, a plain list.

Refuses what S3 refuses and emulators take: wrong checksums, more than 2 KB of user metadata, a
second object under ``If-None-Match: *``. Buckets exist when they are first named.
"""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from bench.stand_in.values import AwsError, Request, Response

METADATA_LIMIT = 2048
LIST_LIMIT = 1000
_XML = {"Content-Type": "application/xml"}
_LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object; ``content`` is None where only its digest and size are kept."""

    size: int
    sha256: bytes
    headers: Mapping[str, str]
    content: bytes | None

    @property
    def etag(self) -> str:
        """Return an entity tag that is a function of the content."""
        return f'"{self.sha256.hex()[:32]}"'


class S3:
    """The buckets. ``keep`` holds bytes; without it GetObject answers 501."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self.buckets: dict[str, dict[str, StoredObject]] = {}

    def operation(self, request: Request) -> str:
        """Return the name of the operation that the method and path mean."""
        path, _, query = request.target.partition("?")
        key = path.lstrip("/").partition("/")[2]
        if not key and request.method == "GET" and "list-type=2" in query:
            return "ListObjectsV2"
        named = {"PUT": "Put", "HEAD": "Head", "GET": "Get", "DELETE": "Delete"}
        verb = named.get(request.method, request.method.title())
        return f"{verb}Object" if key else {"Put": "CreateBucket"}.get(verb, f"{verb}Bucket")

    def call(self, operation: str, request: Request) -> Response:
        """Carry the operation out.

        Raises
        ------
        AwsError
            S3 would have refused it, or the stand-in does not know it.
        """
        path, _, query = request.target.partition("?")
        bucket_name, _, key = unquote(path).lstrip("/").partition("/")
        bucket = self.buckets.setdefault(bucket_name, {})
        if operation == "PutObject":
            return self._put(bucket, key, request)
        if operation in ("HeadObject", "GetObject"):
            return self._get(bucket, key, request)
        if operation == "DeleteObject":
            bucket.pop(key, None)
            return Response(204)
        if operation == "ListObjectsV2":
            return _list(bucket_name, bucket, {k: v[0] for k, v in parse_qs(query).items()})
        if operation in ("CreateBucket", "HeadBucket"):
            return Response(200)
        raise AwsError(501, "NotImplemented", f"The stand-in has no {operation}.")

    def _put(self, bucket: dict[str, StoredObject], key: str, request: Request) -> Response:
        headers, body = request.headers, request.body
        kept = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
        if sum(len(name) - 11 + len(value) for name, value in kept.items()) > METADATA_LIMIT:
            raise AwsError(400, "MetadataTooLarge", "Your metadata headers exceed 2 KB.")
        if len(key.encode()) > 1024:
            raise AwsError(400, "KeyTooLongError", "Your key is too long.")
        if "x-amz-copy-source" in headers or "uploadId" in request.target:
            raise AwsError(501, "NotImplemented", "The stand-in only puts whole objects.")
        digest = hashlib.sha256(body).digest()
        _verify(headers, body, digest)
        if headers.get("if-none-match") == "*" and key in bucket:
            raise AwsError(
                412, "PreconditionFailed", "At least one of the pre-conditions did not hold."
            )
        kept["Content-Type"] = headers.get("content-type", "binary/octet-stream")
        bucket[key] = StoredObject(len(body), digest, kept, body if self._keep else None)
        checksum = base64.b64encode(digest).decode()
        return Response(200, headers={"ETag": bucket[key].etag, "x-amz-checksum-sha256": checksum})

    def _get(self, bucket: dict[str, StoredObject], key: str, request: Request) -> Response:
        stored = bucket.get(key)
        if stored is None:
            raise AwsError(404, "NoSuchKey", "The specified key does not exist.")
        headers = {
            **stored.headers,
            "ETag": stored.etag,
            "Last-Modified": _LAST_MODIFIED,
            "Accept-Ranges": "bytes",
        }
        if request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            headers["x-amz-checksum-sha256"] = base64.b64encode(stored.sha256).decode()
        if request.method == "HEAD":
            return Response(200, headers=headers, declared_length=stored.size)
        if stored.content is None:
            raise AwsError(501, "NotImplemented", "Start the stand-in with --keep to read objects.")
        wanted = request.headers.get("range")
        if wanted is None:
            return Response(200, stored.content, headers)
        first, last = _resolve(wanted, stored.size)
        headers.pop("x-amz-checksum-sha256", None)  # S3's is of the whole object
        headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
        return Response(206, stored.content[first : last + 1], headers)


def encode_error(error: AwsError) -> Response:
    """Return S3's XML form of a refusal."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    )
    return Response(error.status, body.encode(), _XML)


def _verify(headers: Mapping[str, str], body: bytes, digest: bytes) -> None:
    actual = {"sha256": digest}
    if "x-amz-checksum-crc32" in headers:
        actual["crc32"] = zlib.crc32(body).to_bytes(4, "big")
    for algorithm, value in actual.items():
        claimed = headers.get(f"x-amz-checksum-{algorithm}")
        if claimed is None:
            continue
        try:
            matches = base64.b64decode(claimed, validate=True) == value
        except binascii.Error:
            raise AwsError(400, "InvalidRequest", "A checksum header is not base64.") from None
        if not matches:
            message = f"The {algorithm.upper()} you specified did not match the calculated checksum"
            raise AwsError(400, "BadDigest", message)


def _resolve(wanted: str, size: int) -> tuple[int, int]:
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


def _list(name: str, bucket: Mapping[str, StoredObject], query: Mapping[str, str]) -> Response:
    prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
    limit = min(int(query.get("max-keys", LIST_LIMIT)), LIST_LIMIT)
    keys = sorted(key for key in bucket if key.startswith(prefix) and key > after)
    page, more = keys[:limit], len(keys) > limit
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>{escape(bucket[key].etag)}</ETag><Size>{bucket[key].size}</Size></Contents>"
        for key in page
    )
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<ListBucketResult><Name>{escape(name)}</Name><Prefix>{escape(prefix)}</Prefix>"
        f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"{token}{contents}</ListBucketResult>"
    )
    return Response(200, body.encode(), _XML)
