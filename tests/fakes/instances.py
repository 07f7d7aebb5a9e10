"""An InstanceStore in memory."""

from collections.abc import Callable
from hashlib import sha256
from threading import Lock

from chalicelib.origin.model import Content, ObjectFacts, StagedRange, StoredObject


class MemoryInstanceStore:
    """Implements `origin.ports.InstanceStore`.

    ``before`` is called with each method's name and the SOP Instance UID; it may wait or raise.
    """

    def __init__(self, before: Callable[[str, str], None] = lambda _, __: None) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, ObjectFacts]] = {}
        self._before = before
        self._lock = Lock()

    def create(
        self, partition: str, sop_instance: str, content: Content, facts: ObjectFacts
    ) -> bool:
        self._before("create", sop_instance)
        if isinstance(content, StagedRange):
            content = content.read(0, len(content))
        if sha256(content).hexdigest() != facts.sha256:
            raise ValueError("BadDigest")
        made = (bytes(content), facts)
        with self._lock:
            return self.objects.setdefault((partition, sop_instance), made) is made

    def find(self, partition: str, sop_instance: str) -> StoredObject | None:
        self._before("find", sop_instance)
        found = self.objects.get((partition, sop_instance))
        return StoredObject(len(found[0]), found[1]) if found else None

    def read(
        self, partition: str, sop_instance: str, start: int = 0, length: int | None = None
    ) -> bytes:
        self._before("read", sop_instance)
        content, _ = self.objects[partition, sop_instance]
        return content[start : None if length is None else start + length]
