"""``python -m bench.sessions.floor``: the least that taking in a body can be, as a process.

Takes ``{"key", "size", "instance"}`` of what `bench.plain_upload` has uploaded: reads it once by
ranges, hashes it, and puts instances of so many bytes with their SHA-256, all by boto3 alone. What
is large is not put: S3 copies it, and ``instance`` is 0.
"""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from bench.plain_upload import make_client
from bench.sessions.speaking import answer_all, quiet_output

RANGE = 8 << 20
THREADS = 32
SOURCE, TARGET = "plain", "floor"


class Floor:
    """Reads, hashes and puts."""

    def __init__(self) -> None:
        self._client = make_client(THREADS)
        self._pool = ThreadPoolExecutor(THREADS)

    def take_in(self, wanted: dict[str, Any]) -> int:
        """Return how many bytes were hashed."""
        instance = wanted["instance"] or RANGE
        length, hashed = RANGE // instance * instance, 0
        for start in range(0, wanted["size"], length):
            last = min(start + length, wanted["size"]) - 1
            content = memoryview(self._read(wanted["key"], start, last))
            if wanted["instance"]:
                pieces = [content[at : at + instance] for at in range(0, len(content), instance)]
                names = [f"{start}/{number}" for number in range(len(pieces))]
                list(self._pool.map(self._put, names, pieces))
            else:
                sha256(content).digest()
            hashed += len(content)
        return hashed

    def _read(self, key: str, first: int, last: int) -> bytes:
        wanted = f"bytes={first}-{last}"
        answer = self._client.get_object(Bucket=SOURCE, Key=key, Range=wanted)
        return bytes(answer["Body"].read())

    def _put(self, name: str, content: memoryview) -> None:
        self._client.put_object(
            Bucket=TARGET,
            Key=name,
            Body=bytes(content),
            ChecksumSHA256=b64encode(sha256(content).digest()).decode(),
        )


def main() -> None:
    """Take in bodies until there are no more."""
    answer_all(quiet_output(), Floor().take_in)


if __name__ == "__main__":
    main()
