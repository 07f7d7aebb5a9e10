"""``python -m bench.plain_upload PATH...``: bytes to S3 by boto3 alone, measured, as JSON.

This is the least that sending a body of any size can be: parts of 8 MiB with their SHA-256, four at
once, completed. What is stored is the files end to end; a folder stands for what is in it.
"""

import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config

from bench.resident import resident

PART_SIZE = 8 * 1024 * 1024
PARTS_LIMIT = 10_000
THREADS = 4


class Body:
    """Files end to end, read anywhere by any thread; at most a few are open at a time.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders, whose files are taken in the order of their paths.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files = [file for path in paths for file in files_of(path)]
        sizes = [file.stat().st_size for file in self._files]
        self._starts = [0, *accumulate(sizes)]
        self.size = self._starts[-1]

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from ``start``, fewer at the end."""
        pieces, end = [], min(start + length, self.size)
        number = bisect_right(self._starts, start) - 1
        while start < end:
            offset = start - self._starts[number]
            piece = _read(self._files[number], offset, min(end, self._starts[number + 1]) - start)
            pieces.append(piece)
            start, number = start + len(piece), number + 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def files_of(path: Path) -> list[Path]:
    """Return the file, or the files of the folder, in order."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path]


def _read(file: Path, offset: int, length: int) -> bytes:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        return os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)


def make_client(threads: int = THREADS) -> Any:
    """Return boto3's client as it is over TLS: it does not hash bodies again to sign them."""
    config = Config(
        signature_version="s3v4",
        max_pool_connections=threads,
        s3={"payload_signing_enabled": False},
    )
    return boto3.client("s3", config=config)


def upload(
    client: Any,
    body: Body,
    bucket: str,
    key: str,
    *,
    part_size: int = PART_SIZE,
    threads: int = THREADS,
) -> int:
    """Upload the body and return the number of its parts.

    Parameters
    ----------
    client : S3 client
        Of boto3; shared by the threads.
    part_size : int
        Bytes, at least 5 MiB; grows where there would be more than 10,000 parts.
    threads : int
        Parts in flight at once, each held in memory.
    """
    part_size = max(part_size, -(-body.size // PARTS_LIMIT))
    created = client.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")
    named = {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}

    def send(number: int) -> dict[str, object]:
        content = body.read((number - 1) * part_size, part_size)
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        answer = client.upload_part(
            **named, PartNumber=number, Body=content, ChecksumSHA256=checksum
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    count = max(-(-body.size // part_size), 1)
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(send, range(1, count + 1)))
    client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    return count


def measured(
    paths: Sequence[Path], environment: Mapping[str, str], *arguments: str
) -> dict[str, float]:
    """Upload in a fresh process and return what it measured.

    Parameters
    ----------
    environment : mapping
        Of that process: ``bench.rows.environment(stand_in.url)``.
    arguments : str
        Further ones of the command, such as ``"--key", "body"``.

    Returns
    -------
    dict
        ``bytes``, ``parts``, ``wall`` and ``cpu`` in seconds, ``peak`` in bytes over base.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "bench.plain_upload", *map(str, paths), *arguments],
        cwd=Path(__file__).parent.parent,
        env=dict(environment),
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(ran.stdout))


def main(arguments: list[str]) -> None:
    """Measure one upload."""
    parser = argparse.ArgumentParser(prog="python -m bench.plain_upload", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--bucket", default="plain")
    parser.add_argument("--key", default="body")
    parser.add_argument("--part-size", type=int, default=PART_SIZE, metavar="BYTES")
    parser.add_argument("--threads", type=int, default=THREADS)
    options = parser.parse_args(arguments)
    client = make_client(options.threads)
    client.head_bucket(Bucket=options.bucket)  # what botocore loads late is not of the upload
    base = resident("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    body = Body(options.paths)
    sizes = {"part_size": options.part_size, "threads": options.threads}
    parts = upload(client, body, options.bucket, options.key, **sizes)
    found = {
        "bytes": body.size,
        "parts": parts,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": resident("VmHWM") - base,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
