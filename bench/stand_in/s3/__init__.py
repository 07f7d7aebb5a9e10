"""S3 by path-style REST: objects, multipart uploads, presigned URLs.

Refuses what S3 refuses and emulators take: wrong checksums, more than 2 KB of user metadata, a
second object under ``If-None-Match: *``, small parts, URLs that have expired or were changed.
Buckets exist when they are first named. There are no versions, tags, policies or signed headers.
"""

from bench.stand_in.s3.documents import encode_error
from bench.stand_in.s3.service import S3

__all__ = ["S3", "encode_error"]
