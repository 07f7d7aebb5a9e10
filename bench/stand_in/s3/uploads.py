"""Multipart uploads: parts that are sent, parts that are copied, and what becomes of them."""

import hashlib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from bench.stand_in.contents import Content, cut, sha256_of, size_of
from bench.stand_in.s3.completion import Part, combined_checksum, combined_etag, named_parts
from bench.stand_in.s3.documents import (
    LAST_MODIFIED_XML,
    Call,
    document,
    element,
    group,
)
from bench.stand_in.s3.objects import (
    Objects,
    assembled,
    checksum_header,
    encode_digest,
    kept_headers,
    precondition_failed,
)
from bench.stand_in.s3.receiving import SHA256, Receiving
from bench.stand_in.values import AwsError, Response

PARTS_LIMIT = 10_000
PART_LIMIT = 5 * 1024**3
LIST_LIMIT = 1000
COPY_RANGE_FROM = 5 * 1024 * 1024
"""Bytes that a source must be larger than for a range of it to be copied."""
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(slots=True)
class Upload:
    """An upload that is neither complete nor aborted."""

    bucket: str
    key: str
    headers: Mapping[str, str]
    algorithm: str
    parts: dict[int, Part] = field(default_factory=dict)


class Uploads:
    """The uploads in progress.

    Parameters
    ----------
    objects : Objects
        Where parts are copied from, and where what they add up to goes.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._serial = itertools.count(1)
        self.open: dict[str, Upload] = {}

    def create(self, call: Call) -> Response:
        """CreateMultipartUpload."""
        algorithm = (call.header("x-amz-checksum-algorithm") or "").upper()
        name = hashlib.sha256(f"upload {next(self._serial)}".encode()).hexdigest()
        self.open[name] = Upload(call.bucket, call.key, kept_headers(call), algorithm)
        found = document(
            "InitiateMultipartUploadResult",
            element("Bucket", call.bucket),
            element("Key", call.key),
            element("UploadId", name),
        )
        said = {"x-amz-checksum-algorithm": algorithm} if algorithm else {}
        return Response(200, found.body, {**found.headers, **said})

    def part(self, call: Call, received: Receiving) -> Response:
        """UploadPart."""
        upload, number = self._find(call), _part_number(call)
        if received.content.length > PART_LIMIT:
            message = "Your proposed upload exceeds the maximum allowed size"
            raise AwsError(400, "EntityTooLarge", message)
        _check_algorithm(upload, call)
        received.verify()
        sha256 = encode_digest(received.sha256)
        etag = self._objects.next_etag(received.sha256)
        upload.parts[number] = Part(number, (received.content,), etag, sha256)
        return Response(200, headers={"ETag": etag} | checksum_header(sha256))

    def copy(self, call: Call) -> Response:
        """UploadPartCopy: the part is made of the source's own bytes."""
        upload, number = self._find(call), _part_number(call)
        content = self._copied(call)
        # S3 computes what the upload asked for; who does not ask does not make us read.
        digest = sha256_of(content) if upload.algorithm == "SHA256" else None
        sha256, etag = encode_digest(digest), self._objects.next_etag(digest)
        upload.parts[number] = Part(number, content, etag, sha256)
        return document(
            "CopyPartResult",
            element("LastModified", LAST_MODIFIED_XML),
            element("ETag", etag),
            *_checksum_element(sha256),
        )

    def _copied(self, call: Call) -> Content:
        source = unquote(call.request.headers["x-amz-copy-source"].partition("?")[0])
        bucket, _, key = source.removeprefix("/").partition("/")
        stored = self._objects.find(bucket, key)
        if call.header("x-amz-copy-source-if-match") not in (None, stored.etag):
            raise precondition_failed()
        wanted = call.header("x-amz-copy-source-range")
        if wanted is None:
            first, last = 0, stored.size - 1
        else:
            first, last = _copy_range(wanted, stored.size)
        if last + 1 - first > PART_LIMIT:
            message = "The specified copy source is larger than the maximum allowable size"
            raise AwsError(400, "InvalidRequest", message)
        return cut(stored.content, first, last)

    def list_parts(self, call: Call) -> Response:
        """ListParts."""
        upload = self._find(call)
        limit = min(call.number("max-parts", LIST_LIMIT), LIST_LIMIT)
        marker = call.number("part-number-marker", 0)
        numbers = sorted(number for number in upload.parts if number > marker)
        page, more = numbers[:limit], len(numbers) > limit
        return document(
            "ListPartsResult",
            element("Bucket", call.bucket),
            element("Key", call.key),
            element("UploadId", call.query["uploadId"]),
            element("PartNumberMarker", marker),
            element("NextPartNumberMarker", page[-1] if page else 0),
            element("MaxParts", limit),
            element("IsTruncated", str(more).lower()),
            *((element("ChecksumAlgorithm", upload.algorithm),) if upload.algorithm else ()),
            *(_part_element(upload.parts[number]) for number in page),
        )

    def list(self, call: Call) -> Response:
        """ListMultipartUploads, all on one page."""
        prefix = call.query.get("prefix", "")
        found = sorted(
            (upload.key, name)
            for name, upload in self.open.items()
            if upload.bucket == call.bucket and upload.key.startswith(prefix)
        )
        return document(
            "ListMultipartUploadsResult",
            element("Bucket", call.bucket),
            element("IsTruncated", "false"),
            *(
                group(
                    "Upload",
                    (
                        element("Key", key),
                        element("UploadId", name),
                        element("Initiated", LAST_MODIFIED_XML),
                    ),
                )
                for key, name in found
            ),
        )

    def complete(self, call: Call) -> Response:
        """CompleteMultipartUpload. One that is refused stays open, as it does in S3."""
        upload = self._find(call)
        parts = named_parts(call.request.body, upload.parts, upload.algorithm)
        content = tuple(segment for part in parts for segment in part.content)
        declared = call.header("x-amz-mp-object-size")
        if declared not in (None, str(size_of(content))):
            message = "The provided 'x-amz-mp-object-size' header does not match what was uploaded"
            raise AwsError(400, "InvalidRequest", message)
        self._objects.check_absent(call)
        checksum = combined_checksum(parts) if upload.algorithm == "SHA256" else ""
        stored = assembled(content, combined_etag(parts), upload.headers, checksum)
        self._objects.bucket(call.bucket)[call.key] = stored
        del self.open[call.query["uploadId"]]
        return document(
            "CompleteMultipartUploadResult",
            element("Bucket", call.bucket),
            element("Key", call.key),
            element("ETag", stored.etag),
            *_checksum_element(checksum),
        )

    def abort(self, call: Call) -> Response:
        """AbortMultipartUpload."""
        self._find(call)
        del self.open[call.query["uploadId"]]
        return Response(204)

    def _find(self, call: Call) -> Upload:
        upload = self.open.get(call.query["uploadId"])
        if upload is None or (upload.bucket, upload.key) != (call.bucket, call.key):
            message = (
                "The specified upload does not exist. The upload ID may be invalid, or the upload "
                "may have been aborted or completed."
            )
            raise AwsError(404, "NoSuchUpload", message)
        return upload


def _part_number(call: Call) -> int:
    number = call.number("partNumber", 0)
    if not 1 <= number <= PARTS_LIMIT:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        raise AwsError(400, "InvalidArgument", message)
    return number


def _check_algorithm(upload: Upload, call: Call) -> None:
    """Refuse SHA-256 where the upload has none, and its absence where it has.

    The CRC-32 that SDKs add by themselves passes for an upload without an algorithm.
    """
    sent = "sha256" if SHA256 in call.request.headers else "null"
    expected = upload.algorithm.lower() or "null"
    if "sha256" in (sent, expected) and sent != expected:
        raise AwsError(
            400,
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {expected}, "
            f"actual checksum Type: {sent}",
        )


def _copy_range(wanted: str, size: int) -> tuple[int, int]:
    match = _RANGE.fullmatch(wanted)
    if match is None:
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last"
        raise AwsError(400, "InvalidArgument", message)
    first, last = int(match[1]), int(match[2])
    if first > last or last >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise AwsError(400, "InvalidArgument", message)
    if size <= COPY_RANGE_FROM:
        message = "The specified copy source is not supported as a byte-range copy source"
        raise AwsError(400, "InvalidRequest", message)
    return first, last


def _part_element(part: Part) -> str:
    return group(
        "Part",
        (
            element("PartNumber", part.number),
            element("LastModified", LAST_MODIFIED_XML),
            element("ETag", part.etag),
            element("Size", part.size),
            *_checksum_element(part.sha256),
        ),
    )


def _checksum_element(sha256: str) -> tuple[str, ...]:
    return (element("ChecksumSHA256", sha256),) if sha256 else ()
