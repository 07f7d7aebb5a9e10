"""A staging bucket on each kind, and a client's PUT and GET at its URLs."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from chalicelib.adapters.s3_staging import S3Staging
from chalicelib.dicomweb.sessions import PartUrl, WantedPart
from chalicelib.origin.sessions.ports import Staging
from tests.contract.conftest import REGION
from tests.fakes.sessions import MemoryStaging

BUCKET = "stowage-staging"
NOW = datetime(2026, 5, 1, 10, 0, 0, 987654, tzinfo=UTC)
MIB = 1 << 20
PART = 5 * MIB
"""The smallest that S3 takes but for the last."""


def wanted(number: int, content: bytes) -> WantedPart:
    return WantedPart(number, b64encode(sha256(content).digest()).decode())


@dataclass(frozen=True)
class Bucket:
    """A Staging, and what a client does with the URLs that it gives."""

    port: Staging
    http: urllib3.PoolManager

    def sign(self, key: str, upload: str, number: int, content: bytes) -> PartUrl:
        return self.port.part_url(key, upload, wanted(number, content), len(content))

    def put(self, key: str, upload: str, number: int, content: bytes) -> None:
        """Upload a part as a client does: at the URL and with the headers that it was given."""
        where = self.sign(key, upload, number, content)
        if isinstance(self.port, MemoryStaging):
            self.port.put(where.url, content)
            return
        answer = self.http.request("PUT", where.url, body=content, headers=dict(where.headers))
        assert answer.status == 200, answer.data

    def fetch(self, key: str) -> bytes:
        """Read an object at its link."""
        if isinstance(self.port, MemoryStaging):
            return self.port.objects[self.port.link(key).removeprefix("memory:")]
        answer = self.http.request("GET", self.port.link(key))
        assert answer.status == 200, answer.data
        return bytes(answer.data)

    def upload(self, key: str, *parts: bytes) -> str:
        """Begin an upload and put its parts; return its id."""
        upload = self.port.begin(key)
        for number, content in enumerate(parts, start=1):
            self.put(key, upload, number, content)
        return upload


def make_signer(endpoint: str = "") -> Any:
    style = {"addressing_style": "path"} if endpoint else {}
    config = Config(signature_version="s3v4", s3=style)
    return boto3.client("s3", region_name=REGION, endpoint_url=endpoint or None, config=config)


def make_s3_staging(client: Any, endpoint: str = "") -> S3Staging:
    return S3Staging(client, make_signer(endpoint), BUCKET, lambda: NOW)


@contextmanager
def served() -> Iterator[str]:
    """Serve what stands in for AWS over HTTP, with the state that this process sees."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
