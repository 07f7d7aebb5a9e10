"""The ports of store sessions in memory. ``before`` is called with each method's name and key; it
may wait or raise."""

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock

from chalicelib.dicomweb.sessions import PartUrl, WantedPart, composite_checksum
from chalicelib.origin.ports import Conflict
from chalicelib.origin.sessions.model import Session, SessionName

Before = Callable[[str, str], None]


def nothing(method: str, key: str) -> None:
    """Let every call pass."""


class MemorySessionStore:
    """Implements `origin.sessions.ports.SessionStore`."""

    def __init__(self, before: Before = nothing) -> None:
        self.sessions: dict[SessionName, Session] = {}
        self._before = before
        self._lock = Lock()

    def read(self, name: SessionName) -> Session | None:
        self._before("read-session", name.identity)
        return self.sessions.get(name)

    def write(self, session: Session) -> Session:
        self._before("write-session", session.state)
        with self._lock:
            known = self.sessions.get(session.name)
            if (known.version if known else 0) != session.version:
                raise Conflict("another version")
            written = replace(session, version=session.version + 1)
            self.sessions[session.name] = written
        return written


@dataclass
class Upload:
    """Parts by number; ``size`` and ``digest`` are what their URL allows."""

    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryStaging:
    """Implements `origin.sessions.ports.Staging`. :meth:`put` stands for a client's PUT."""

    def __init__(self, before: Before = nothing) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, Upload] = {}
        self.signed: dict[str, tuple[str, int, int, str]] = {}
        self.attests = False
        """Whether it tells the checksums of what it joined."""
        self._checksums: dict[str, str] = {}
        self._before = before

    def begin(self, key: str) -> str:
        self._before("begin", key)
        upload_id = f"upload-{len(self.uploads) + 1}"
        self.uploads[upload_id] = Upload(key)
        return upload_id

    def part_url(self, key: str, upload_id: str, part: WantedPart, size: int) -> PartUrl:
        url = f"memory:{upload_id}/{part.number}/{part.sha256}"
        self.signed[url] = (upload_id, part.number, size, part.sha256)
        headers = {"Content-Length": str(size), "x-amz-checksum-sha256": part.sha256}
        return PartUrl(part.number, url, headers, "2026-05-01T10:15:00Z")

    def put(self, url: str, content: bytes) -> None:
        """Upload a part, as S3 lets one with such a URL."""
        upload_id, number, size, digest = self.signed[url]
        if len(content) != size or sha256(content).digest() != b64decode(digest):
            raise ValueError("not what was signed")
        self.uploads[upload_id].parts[number] = content

    def received(self, key: str, upload_id: str) -> Mapping[int, int] | None:
        self._before("received", key)
        upload = self.uploads.get(upload_id)
        return {n: len(part) for n, part in upload.parts.items()} if upload else None

    def join(self, key: str, upload_id: str) -> bool:
        self._before("join", key)
        upload = self.uploads.pop(upload_id, None)
        if upload is not None:
            parts = (part for _, part in sorted(upload.parts.items()))
            self._checksums[key] = composite_checksum(sha256(part).digest() for part in parts)
            self.objects[key] = b"".join(part for _, part in sorted(upload.parts.items()))
        return key in self.objects

    def checksum(self, key: str) -> str:
        self._before("checksum", key)
        return self._checksums.get(key, "") if self.attests else ""

    def abort(self, key: str, upload_id: str) -> None:
        self._before("abort", key)
        self.uploads.pop(upload_id, None)

    def read(self, key: str, start: int, length: int) -> bytes:
        self._before("read", key)
        return self.objects[key][start : start + length]

    def get(self, key: str) -> bytes | None:
        self._before("get", key)
        return self.objects.get(key)

    def create(self, key: str, content: bytes) -> None:
        self._before("create", key)
        self.objects.setdefault(key, content)

    def write(self, key: str, chunks: Iterable[bytes], content_type: str) -> int:
        self._before("write", key)
        self.objects[key] = b"".join(chunks)
        return len(self.objects[key])

    def link(self, key: str) -> str:
        return f"memory:{key}"

    def delete(self, keys: Iterable[str]) -> None:
        self._before("delete", "")
        for key in keys:
            self.objects.pop(key, None)


class MemoryIngestQueue:
    """Implements `origin.sessions.ports.IngestQueue`; ``woken`` are its messages."""

    def __init__(self, before: Before = nothing) -> None:
        self.woken: list[tuple[SessionName, int]] = []
        self._before = before

    def wake(self, name: SessionName, delay: int = 0) -> None:
        self._before("wake", name.identity)
        self.woken.append((name, delay))
