"""What a CompleteMultipartUpload names, held against the parts there are."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.stand_in.contents import Content, size_of
from bench.stand_in.s3.documents import entries, malformed
from bench.stand_in.values import AwsError

PART_MINIMUM = 5 * 1024 * 1024
"""Bytes of every part but the last."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload; ``sha256`` is its digest in base64, empty if there is none."""

    number: int
    content: Content
    etag: str
    sha256: str

    @property
    def size(self) -> int:
        """Return its bytes."""
        return size_of(self.content)


def named_parts(body: bytes, held: Mapping[int, Part], algorithm: str) -> list[Part]:
    """Return the parts that the document names, in order.

    Raises
    ------
    AwsError
        MalformedXML, InvalidPartOrder, InvalidPart, InvalidRequest or EntityTooSmall.
    """
    named = entries(body, "Part")
    try:
        numbers = [int(entry["PartNumber"]) for entry in named]
        etags = [entry["ETag"].strip('"') for entry in named]
    except (KeyError, ValueError):
        raise malformed() from None
    if not named:
        raise malformed()
    if any(first >= second for first, second in pairwise(numbers)):
        message = "The list of parts was not in ascending order. Parts must be ordered by number."
        raise AwsError(400, "InvalidPartOrder", message)
    if algorithm == "SHA256":
        _check_given(numbers, named)
    parts = []
    for number, etag, entry in zip(numbers, etags, named, strict=True):
        part = held.get(number)
        claimed = entry.get("ChecksumSHA256", "")
        if part is None or part.etag.strip('"') != etag or claimed not in ("", part.sha256):
            raise AwsError(
                400,
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have "
                "been uploaded, or the specified entity tag may not match the part's entity tag.",
            )
        parts.append(part)
    if any(part.size < PART_MINIMUM for part in parts[:-1]):
        message = "Your proposed upload is smaller than the minimum allowed size"
        raise AwsError(400, "EntityTooSmall", message)
    return parts


def _check_given(numbers: Sequence[int], named: Sequence[Mapping[str, str]]) -> None:
    for number, entry in zip(numbers, named, strict=True):
        if not entry.get("ChecksumSHA256"):
            raise AwsError(
                400,
                "InvalidRequest",
                "The upload was created using a sha256 checksum. The complete request must include "
                f"the checksum for each part. It was missing for part {number} in the request.",
            )


def combined_checksum(parts: Sequence[Part]) -> str:
    """Return S3's checksum of checksums."""
    digests = b"".join(base64.b64decode(part.sha256) for part in parts)
    return f"{base64.b64encode(hashlib.sha256(digests).digest()).decode()}-{len(parts)}"


def combined_etag(parts: Sequence[Part]) -> str:
    """Return an entity tag that is a function of the parts'."""
    tags = "".join(part.etag for part in parts).encode()
    return f'"{hashlib.sha256(tags).hexdigest()[:32]}-{len(parts)}"'
