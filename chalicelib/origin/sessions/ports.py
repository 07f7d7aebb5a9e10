"""What sessions need of the world, as protocols; adapters and fakes implement them.

Errors are those of ``origin.ports``.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from chalicelib.dicomweb.sessions import PartUrl, WantedPart
from chalicelib.origin.sessions.model import Session, SessionName


class SessionStore(Protocol):
    """The records of sessions. All methods raise Unavailable."""

    def read(self, name: SessionName) -> Session | None:
        """Return the session, strongly consistent; None when there is none."""
        ...

    def write(self, session: Session) -> Session:
        """Write in place of the version it carries; return it with the next one.

        Raises
        ------
        Conflict
            When another version is there.
        """
        ...


class Staging(Protocol):
    """A bucket for what is on its way: bodies, tables, answers. All methods raise Unavailable."""

    def begin(self, key: str) -> str:
        """Begin an upload in parts; return its id."""
        ...

    def part_url(self, key: str, upload_id: str, part: WantedPart, size: int) -> PartUrl:
        """Return where a part of this size and digest goes, and nothing else may."""
        ...

    def received(self, key: str, upload_id: str) -> Mapping[int, int] | None:
        """Return the parts that have arrived with their sizes; None when the upload is over."""
        ...

    def join(self, key: str, upload_id: str) -> bool:
        """Make one object of the parts; False when neither upload nor object is there.

        Joining what is joined already changes nothing.
        """
        ...

    def checksum(self, key: str) -> str:
        """Return the composite SHA-256 that the store itself attests of an object it joined.

        As ``dicomweb.sessions.composite_checksum`` gives it; anything else where it attests none.
        """
        ...

    def abort(self, key: str, upload_id: str) -> None:
        """Forget an upload and its parts."""
        ...

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return a range of an object. Raises KeyError if absent."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return a whole object, None when there is none."""
        ...

    def create(self, key: str, content: bytes) -> None:
        """Write an object unless one is there: the first to write it is right."""
        ...

    def write(self, key: str, chunks: Iterable[bytes], content_type: str) -> int:
        """Write an object as its bytes come; return their number."""
        ...

    def link(self, key: str) -> str:
        """Return a URL at which an object can be read for a while."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are no error."""
        ...


class IngestQueue(Protocol):
    """Wakes workers."""

    def wake(self, name: SessionName, delay: int = 0) -> None:
        """Have a session worked on, after so many seconds. Raises Unavailable."""
        ...
