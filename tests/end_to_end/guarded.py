"""A stack that asks for tokens, in a process of its own, and requests to it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from infra.local.issuer import load_or_make_key, make_token
from tests.end_to_end.answer import Answer

ROOT = Path(__file__).resolve().parent.parent.parent
DICOM = {"Content-Type": "application/dicom", "Accept": "*/*"}


@dataclass(frozen=True)
class Guarded:
    """A stack that asks for tokens."""

    directory: Path
    url: str
    environment: Mapping[str, str]

    def token(
        self, *scopes: str, partitions: tuple[str, ...] = ("default",), **changes: Any
    ) -> str:
        key = load_or_make_key(self.directory / ".stowage" / "token-key.pem")
        return make_token(key, scopes, partitions, **changes)

    def send(
        self, path: str, token: str | None = None, body: bytes = b"", method: str = "POST"
    ) -> Answer:
        headers = {**DICOM, **({"Authorization": f"Bearer {token}"} if token else {})}
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


def read_environment(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


@contextmanager
def guarded_stack(directory: Path) -> Iterator[Guarded]:
    """Start a stack that asks for tokens, as an operator does; it ends with the context."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        cwd=directory,
        env={**inherited, "PYTHONPATH": str(ROOT), "PORT": str(port), "DEMO": "0", "AUTH": "jwt"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        said = "".join(iter(process.stdout.readline, "Ctrl-C stops.\n"))
        watchdog.cancel()
        assert "infra.local.token --scope write --partition default" in said
        environment = read_environment(directory / ".stowage" / "local.env")
        yield Guarded(directory, f"http://127.0.0.1:{port}", environment)
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def wait_for(found: Callable[[], Any], seconds: float = 15.0) -> Any:
    ends = time.monotonic() + seconds
    while not (result := found()) and time.monotonic() < ends:
        time.sleep(0.1)
    return result
