"""Sends hostile requests to the served product and keeps what it let be seen."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.hostile.cases import Case
from tests.hostile.served import MESSAGES, OUTPUT

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Answer:
    """What came back for a case, and what was printed meanwhile."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    printed: bytes = b""

    def header(self, name: str) -> str | None:
        """Return a field's value."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Kept:
    """An object of the bucket."""

    sha256: str
    metadata: Mapping[str, str]


class Door:
    """The product, served by a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]", directory: Path) -> None:
        self._process = process
        self._directory = directory
        self.address = urlsplit(self._answer())

    @classmethod
    @contextmanager
    def open(cls, directory: Path) -> Iterator[Self]:
        """Serve until the block ends."""
        environment = {name: value for name, value in os.environ.items() if "AWS" not in name}
        with subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.hostile.served", str(directory)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield cls(process, directory)
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(timeout=20)

    def command(self, do: str, **arguments: Any) -> Any:
        """Let the serving process do something; return its answer."""
        assert self._process.stdin is not None
        print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
        return self._answer()

    def send(self, case: Case) -> Answer:
        """Send a case's request over HTTP."""
        request = case.request
        before = self.output_size()
        connection = http.client.HTTPConnection(self.address.netloc, timeout=60)
        try:
            connection.putrequest(request.method, f"/partitions/{case.partition}{request.target}")
            if request.content_type is not None:
                connection.putheader("Content-Type", request.content_type)
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        return Answer(response.status, tuple(response.getheaders()), body, self.output()[before:])

    def output_size(self) -> int:
        """Return how much was printed so far."""
        return (self._directory / OUTPUT).stat().st_size

    def output(self) -> bytes:
        """Return everything that was printed so far."""
        return (self._directory / OUTPUT).read_bytes()

    def messages(self) -> str:
        """Return every message that reached a function, and what the function answered."""
        return (self._directory / MESSAGES).read_text(encoding="utf-8")

    def objects(self) -> dict[str, Kept]:
        """Return the bucket's objects by key."""
        return {key: Kept(*kept) for key, kept in self.command("objects").items()}

    def count(self, prefix: str = "") -> int:
        """Return how many objects have keys that begin like this."""
        number: int = self.command("count", prefix=prefix)
        return number

    def items(self) -> str:
        """Return every item of the table as text."""
        items: str = self.command("items")
        return items

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the served product ended: {self.output()[-4000:].decode()}")
        return json.loads(line)
