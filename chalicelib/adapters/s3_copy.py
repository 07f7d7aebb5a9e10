"""Copies of staged ranges into the bucket of instances, made by S3 itself.

A copy is a multipart upload whose parts are ranges of the staged object. Completing it is what
creates the instance, once: nobody sees an unfinished one.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import Executor, Future, wait
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.origin.model import StagedRange

PIECE_BYTES = 128 << 20
"""Of one call: S3 copies some hundred MB a second, and answers when it is done."""
MAX_PIECES = 10_000
_MIB = 1 << 20


class S3Client(Protocol):
    """What we use of boto3's client for S3."""

    def create_multipart_upload(self, **arguments: Any) -> dict[str, Any]: ...
    def upload_part_copy(self, **arguments: Any) -> dict[str, Any]: ...
    def complete_multipart_upload(self, **arguments: Any) -> dict[str, Any]: ...
    def abort_multipart_upload(self, **arguments: Any) -> dict[str, Any]: ...


class S3Copier:
    """Copies ranges of one bucket to objects of another.

    Parameters
    ----------
    client : S3Client
        With a read time-out that a copy of ``PIECE_BYTES`` does not reach.
    staging_bucket, bucket : str
    executor : Executor
        Copies pieces side by side; not one that waits for a copy.
    """

    def __init__(
        self, client: S3Client, staging_bucket: str, bucket: str, executor: Executor
    ) -> None:
        self._client = client
        self._staging_bucket = staging_bucket
        self._bucket = bucket
        self._executor = executor

    def copy(self, staged: StagedRange, key: str, content_type: str, facts: dict[str, str]) -> None:
        """Create the object; ClientError ``PreconditionFailed`` when there is one."""
        target = {"Bucket": self._bucket, "Key": key}
        upload = self._client.create_multipart_upload(
            **target, ContentType=content_type, Metadata=facts
        )
        target |= {"UploadId": upload["UploadId"]}
        tasks: list[Future[dict[str, Any]]] = []
        try:
            for number, piece in enumerate(_pieces(staged), start=1):
                task = self._executor.submit(self._copy_piece, target, staged.key, number, piece)
                tasks.append(task)
            parts = [task.result() for task in tasks]
            self._client.complete_multipart_upload(
                **target, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except BaseException:
            _end(tasks)
            self._abort(target)
            raise

    def _copy_piece(
        self, target: dict[str, str], key: str, number: int, piece: tuple[int, int]
    ) -> dict[str, Any]:
        first, last = piece
        copied = self._client.upload_part_copy(
            **target,
            PartNumber=number,
            CopySource={"Bucket": self._staging_bucket, "Key": key},
            CopySourceRange=f"bytes={first}-{last}",
        )
        return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}

    def _abort(self, target: dict[str, str]) -> None:
        """Forget the upload; one that stays the bucket's lifecycle aborts."""
        try:
            self._client.abort_multipart_upload(**target)
        except (ClientError, BotoCoreError):
            return


def _end(tasks: Collection[Future[Any]]) -> None:
    """Begin no more pieces and wait for those begun: one that ends after an abort is kept."""
    for task in tasks:
        task.cancel()
    wait(tasks)


def _pieces(staged: StagedRange) -> Iterator[tuple[int, int]]:
    """Yield first and last byte of each piece, the last one shorter."""
    share = -(-staged.length // MAX_PIECES)
    length = max(PIECE_BYTES, -(-share // _MIB) * _MIB)
    end = staged.start + staged.length
    for start in range(staged.start, end, length):
        yield start, min(start + length, end) - 1
