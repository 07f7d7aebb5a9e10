"""A client of store sessions that shares no code with the product's own, and bodies for it."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from struct import pack
from typing import Any

import urllib3

from infra.local.stack import LocalStack
from tests.builders_dicom import PIXEL_DATA, Uids, element, make_file
from tests.end_to_end.conftest import Answer, Post

BOUNDARY = "stowage-session-5c1e"
MULTIPART = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
JSON = "application/dicom+json"
SIDE = 512

Send = Callable[[str, str, bytes], Answer]
"""Sends a request to the stack: method, path, body."""


def framed(*contents: bytes) -> bytes:
    """Return the body of a Store request with these parts."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    parts = (head + content + b"\r\n" for content in contents)
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def base64(digest: bytes) -> str:
    return b64encode(digest).decode()


@dataclass(frozen=True)
class SessionClient:
    """Sends bodies by sessions of one service, whose path is ``service``."""

    send: Send
    service: str = ""

    def ask(self, method: str, path: str, document: Any = None) -> Answer:
        """Send a document; the path is below the sessions of the service."""
        body = b"" if document is None else json.dumps(document).encode()
        return self.send(method, f"{self.service}/sessions{path}", body)

    def open(
        self,
        body: bytes,
        resource: str = "/studies",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Open a session for a body."""
        fields = {"Content-Type": MULTIPART, "Accept": JSON, **(headers or {})}
        return self.ask("POST", "", {"resource": resource, "headers": fields, "size": len(body)})

    def upload(self, state: Mapping[str, Any], body: bytes) -> str:
        """Upload all parts of an open session, the last one first; return the checksum."""
        size, count = state["part_bytes"], state["parts"]
        parts = {n: body[(n - 1) * size : n * size] for n in range(1, count + 1)}
        digests = {number: sha256(part).digest() for number, part in parts.items()}
        wanted = [{"number": n, "sha256": base64(digests[n])} for n in reversed(parts)]
        urls = self.ask("POST", f"/{state['id']}/urls", {"parts": wanted})
        assert urls.status == 200, urls.body
        with urllib3.PoolManager(retries=False) as http:
            for one in urls.json()["parts"]:
                part = parts[one["number"]]
                answer = http.request("PUT", one["url"], body=part, headers=one["headers"])
                assert answer.status == 200, answer.data
        return f"{base64(sha256(b''.join(digests.values())).digest())}-{count}"

    def complete(self, identity: str, checksum: str) -> Answer:
        return self.ask("POST", f"/{identity}/complete", {"checksum": checksum})

    def submit(self, body: bytes, **opened: Any) -> str:
        """Open a session, upload and complete; return its identity."""
        answer = self.open(body, **opened)
        assert answer.status == 201, answer.body
        state = answer.json()
        completed = self.complete(state["id"], self.upload(state, body))
        assert completed.status == 202, completed.body
        return str(state["id"])

    def state(self, identity: str) -> Any:
        return self.ask("GET", f"/{identity}").json()

    def response(self, identity: str) -> Answer:
        return self.ask("GET", f"/{identity}/response")


def client_of(post: Post, service: str = "") -> SessionClient:
    kind = {"Content-Type": "application/json"}
    return SessionClient(lambda method, path, body: post(path, body, kind, method), service)


def answered(stack: LocalStack, sessions: SessionClient, identity: str) -> Answer:
    """Let the worker and what follows it work; return the session's response."""
    stack.drain(60.0)
    state = sessions.state(identity)
    assert state["state"] == "final", state
    response = sessions.response(identity)
    assert response.status == state["status"]
    return response


# ---------------------------------------------------------------- bodies


def make_image(name: object, study: str, shade: int = 0) -> tuple[str, bytes]:
    """A CT image of half a megabyte; the same name is the same instance."""
    uids = Uids.of("sessions", study, name, study=study)
    changes = (
        element(0x00280010, "US", pack("<H", SIDE)),
        element(0x00280011, "US", pack("<H", SIDE)),
        element(0x00280100, "US", pack("<H", 16)),
        element(0x00280101, "US", pack("<H", 16)),
        element(0x00280102, "US", pack("<H", 15)),
        element(PIXEL_DATA, "OW", bytes([shade]) * (SIDE * SIDE * 2)),
    )
    return uids.instance, make_file(uids).with_elements(*changes).encode()


def make_small(name: object, study: str, **changes: Any) -> bytes:
    return make_file(Uids.of("sessions", study, name, study=study), **changes).encode()
