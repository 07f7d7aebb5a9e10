"""``python -m bench.sessions.sender URL``: uploads bodies by session, as a process.

Takes lists of paths; says the session's id when its completion was accepted. The least that a
client can be: parts of the plan, four at once, each with a request for its URL.
"""

import json
import sys
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

import urllib3

from bench.events import BOUNDARY, CONTENT_TYPE
from bench.plain_upload import files_of
from bench.sessions.speaking import answer_all, quiet_output
from chalicelib.dicomweb.sessions import composite_checksum, plan_parts

THREADS = 4
_BEGIN = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
_CLOSE = f"--{BOUNDARY}--\r\n".encode()


class FramedBody:
    """Files as one multipart body, read anywhere by any thread."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._sections: list[bytes | Path] = []
        for file in (file for path in paths for file in files_of(path)):
            self._sections += [_BEGIN, file, b"\r\n"]
        self._sections.append(_CLOSE)
        sizes = (one.stat().st_size if isinstance(one, Path) else len(one) for one in self._sections)
        self._starts = [0, *accumulate(sizes)]
        self.size = self._starts[-1]

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from ``start``, fewer at the end."""
        pieces, end = [], min(start + length, self.size)
        while start < end:
            number = bisect_right(self._starts, start) - 1
            stop = min(end, self._starts[number + 1])
            pieces.append(self._read(number, start - self._starts[number], stop - start))
            start = stop
        return b"".join(pieces)

    def _read(self, number: int, offset: int, length: int) -> bytes:
        section = self._sections[number]
        if isinstance(section, bytes):
            return section[offset : offset + length]
        with section.open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(length)


class Sender:
    """Sends bodies to one service."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager(maxsize=2 * THREADS, retries=False)

    def send(self, paths: Sequence[str]) -> str:
        """Upload files as one body; return the id of its session."""
        body = FramedBody([Path(path) for path in paths])
        plan = plan_parts(body.size)
        headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/dicom+json"}
        opened = self._ask("", resource="/studies", headers=headers, size=body.size)
        session = str(opened["id"])

        def put(number: int) -> bytes:
            content = body.read(plan.offset_of(number), plan.part_bytes)
            digest = sha256(content).digest()
            wanted = {"number": number, "sha256": b64encode(digest).decode()}
            [part] = self._ask(f"/{session}/urls", parts=[wanted])["parts"]
            answer = self._http.request("PUT", part["url"], body=content, headers=part["headers"])
            if answer.status != 200:
                raise RuntimeError(f"part {number}: {answer.status} {answer.data!r}")
            return digest

        with ThreadPoolExecutor(THREADS) as pool:
            checksum = composite_checksum(pool.map(put, range(1, plan.count + 1)))
        self._ask(f"/{session}/complete", checksum=checksum)
        return session

    def _ask(self, path: str, **document: object) -> Any:
        url, body = f"{self._url}/sessions{path}", json.dumps(document)
        headers = {"Content-Type": "application/json"}
        answer = self._http.request("POST", url, body=body, headers=headers)
        if answer.status >= 300:
            raise RuntimeError(f"POST {path}: {answer.status} {answer.data!r}")
        return answer.json()


def main(arguments: list[str]) -> None:
    """Send until there is no more."""
    [url] = arguments
    answer_all(quiet_output(), Sender(url).send)


if __name__ == "__main__":
    main(sys.argv[1:])
