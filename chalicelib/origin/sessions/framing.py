"""The first pass over a body: every delimiter and the end, each part's header and SHA-256.

Nothing is stored. Framing goes on where an earlier worker stopped: at the delimiter behind the
last part of the last page. The checksum of the whole is S3's composite. Where the store attests it,
having verified each part when it came, it is compared before anything is read; elsewhere the pieces
that it is made of are hashed again: the parts of the upload, one in which a worker begins from its
start.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import request_media_type
from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart import (
    Event,
    MultipartParser,
    PartBegin,
    PartData,
    PartEnd,
)
from chalicelib.dicomweb.sessions import SessionState, composite_checksum, is_checksum
from chalicelib.origin.sessions.lease import Lease
from chalicelib.origin.sessions.model import Framed, Session
from chalicelib.origin.sessions.ports import Staging
from chalicelib.origin.sessions.reading import read_ahead, stretches
from chalicelib.origin.sessions.tables import (
    FramedPart,
    FramingPage,
    decode_framing,
    encode_framing,
    kept_headers,
)

if TYPE_CHECKING:
    from hashlib import _Hash

READ_BYTES = 8 << 20
"""Read at once: one connection to S3 is slower than the digests."""
HELD_BYTES = 4 * READ_BYTES
"""Of what is at work and what is read ahead."""
PAGE_PARTS = 500
PAGE_BYTES = 256 << 20
"""A page ends behind the part with which it reaches either: what another worker may do again."""


class OutOfTime(Exception):  # noqa: N818 - reads as the fact it is
    """The rest is another worker's; all that was done is written down."""


@dataclass(frozen=True, slots=True)
class FramingPorts:
    """What framing needs of the world. ``executor`` reads ahead."""

    staging: Staging
    executor: Executor


def frame(
    lease: Lease,
    ports: FramingPorts,
    part_limits: Mapping[str, int],
    has_time: Callable[[], bool],
) -> None:
    """Frame the body of a session and move it to PLACING.

    Parameters
    ----------
    lease : Lease
        Of a session in the state FRAMING, its upload joined.
    part_limits : mapping
        Those of ``MultipartParser``.
    has_time : callable
        Whether another stretch can be read.

    Raises
    ------
    RequestError
        400 or 413 as the small door would, and 400 when the checksum is not that of the body.
    OutOfTime
    LeaseLost, Unavailable, KeyError
    """
    session = lease.session
    framer = _make_framer(session, part_limits)
    pieces = _make_pieces(session, ports.staging)
    begin = min(framer.offset, pieces.offset)
    wanted = stretches(begin, session.plan.size, READ_BYTES)
    key = session.name.body_key
    for stretch, content in read_ahead(ports.staging, key, wanted, ports.executor, most=HELD_BYTES):
        if not has_time():
            _write_pages(lease, ports.staging, framer.take_all(), pieces)
            raise OutOfTime
        pieces.feed(stretch.start, content)
        framer.feed(stretch.start, content)
        _write_pages(lease, ports.staging, framer.take_full(), pieces)
        lease.keep()
    framer.close()
    if pieces.close() != session.checksum:
        raise _other_body()
    _write_pages(lease, ports.staging, framer.take_all(), pieces)
    lease.write(state=SessionState.PLACING)


def _write_pages(
    lease: Lease, staging: Staging, pages: Iterable[Sequence["_Found"]], pieces: "_Pieces"
) -> None:
    """Write down what was found, page by page, each with a checkpoint behind its last part."""
    for found in pages:
        session, last = lease.session, found[-1]
        page = FramingPage(tuple(one.part for one in found), pieces.take())
        key = session.name.framing_key(session.fence, session.framed.pages)
        staging.create(key, encode_framing(page))
        framed = session.framed.followed(session.fence, last.part.number, last.delimiter_offset)
        lease.write(framed=framed, attempts=0)


def read_framing(staging: Staging, session: Session, page: int) -> FramingPage:
    """Return a page of the framing table. Raises KeyError, Unavailable."""
    key = session.name.framing_key(session.framed.writer_of(page), page)
    content = staging.get(key)
    if content is None:
        raise KeyError(key)
    return decode_framing(content)


def _make_pieces(session: Session, staging: Staging) -> "_Pieces":
    attested = staging.checksum(session.name.body_key)
    if attested == session.checksum:
        return _AttestedPieces(session)
    if is_checksum(attested, session.plan.count):
        raise _other_body()
    return _HashedPieces(session.plan.part_bytes, _known_digests(session, staging))


def _other_body() -> RequestError:
    return RequestError(
        HTTPStatus.BAD_REQUEST,
        "The body is not the one whose checksum was told. Nothing was stored.",
    )


def _known_digests(session: Session, staging: Staging) -> Iterator[bytes]:
    for page in range(session.framed.pages):
        yield from read_framing(staging, session, page).digests


def _make_framer(session: Session, part_limits: Mapping[str, int]) -> "_Framer":
    payload = request_media_type(session.content_type)
    if payload.boundary is None:
        return _SingleFramer(session)
    framed = session.framed
    parser = MultipartParser(payload.boundary, **part_limits)
    if framed.parts:
        parser.resume(framed.parts, framed.offset)
    return _MultipartFramer(parser, framed)


@dataclass(frozen=True, slots=True)
class _Found:
    """A part, and where the delimiter behind it begins: another framer can go on there."""

    part: FramedPart
    delimiter_offset: int


class _Framer:
    """Finds parts; what it has found is taken from it by pages."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        """Of the first byte that it needs."""
        self._found: list[_Found] = []

    def feed(self, start: int, content: bytes) -> None:
        """Take bytes that begin at an offset of the body."""
        raise NotImplementedError

    def close(self) -> None:
        """Confirm that the body ended. Raises RequestError."""
        raise NotImplementedError

    def take_full(self) -> Iterator[Sequence[_Found]]:
        """Yield the pages that are full."""
        while (end := self._page_end()) is not None:
            page, self._found = self._found[:end], self._found[end:]
            yield page

    def take_all(self) -> Iterator[Sequence[_Found]]:
        """Yield all that was found, the last page less than full."""
        yield from self.take_full()
        if self._found:
            yield self._found
            self._found = []

    def _page_end(self) -> int | None:
        total = 0
        for count, found in enumerate(self._found, start=1):
            total += found.part.size
            if count == PAGE_PARTS or total >= PAGE_BYTES:
                return count
        return None


class _MultipartFramer(_Framer):
    def __init__(self, parser: MultipartParser, framed: Framed) -> None:
        super().__init__(framed.offset)
        self._parser = parser
        self._fed = framed.offset
        self._begin: PartBegin | None = None
        self._hash: _Hash = sha256()

    def feed(self, start: int, content: bytes) -> None:
        """Take bytes; those that an earlier framer saw are passed over."""
        skipped = self._fed - start
        if skipped >= len(content):
            return
        for event in self._parser.feed(memoryview(content)[skipped:] if skipped else content):
            self._take(event)
        self._fed = start + len(content)

    def close(self) -> None:
        self._parser.close()

    def _take(self, event: Event) -> None:
        if isinstance(event, PartData):
            self._hash.update(event.data)
        elif isinstance(event, PartBegin):
            self._begin, self._hash = event, sha256()
        elif isinstance(event, PartEnd):
            assert self._begin is not None
            headers = kept_headers(self._begin.headers)
            offset, digest = self._begin.body_offset, self._hash.hexdigest()
            part = FramedPart(event.number, offset, event.size, digest, headers)
            self._found.append(_Found(part, event.delimiter_offset))


class _SingleFramer(_Framer):
    """A body without multipart framing is its only part (R-303)."""

    def __init__(self, session: Session) -> None:
        super().__init__(0)
        self._size = session.plan.size
        self._headers = Headers((("content-type", session.content_type),))
        self._hash = sha256()

    def feed(self, start: int, content: bytes) -> None:
        self._hash.update(content)

    def close(self) -> None:
        digest = self._hash.hexdigest()
        self._found.append(_Found(FramedPart(1, 0, self._size, digest, self._headers), self._size))


class _Pieces(Protocol):
    """The upload's parts, whose boundaries are none of the body's parts."""

    @property
    def offset(self) -> int:
        """Of the first byte that is needed."""
        ...

    def feed(self, start: int, content: bytes) -> None:
        """Take bytes; those of pieces that are known are passed over."""
        ...

    def take(self) -> tuple[bytes, ...]:
        """Return the digests since the last time, for the next page."""
        ...

    def close(self) -> str:
        """Return the composite checksum of the body that has ended."""
        ...


class _AttestedPieces:
    """Pieces that the store has verified: nothing of them is needed."""

    def __init__(self, session: Session) -> None:
        self.offset = session.plan.size
        self._checksum = session.checksum

    def feed(self, start: int, content: bytes) -> None:
        """Nothing is hashed."""

    def take(self) -> tuple[bytes, ...]:
        return ()

    def close(self) -> str:
        return self._checksum


class _HashedPieces:
    """Pieces that are hashed as they go by."""

    def __init__(self, piece_bytes: int, known: Iterable[bytes]) -> None:
        self._digests = list(known)
        self._piece_bytes = piece_bytes
        self._taken = len(self._digests)
        self._fed = len(self._digests) * piece_bytes
        self._hash = sha256()

    @property
    def offset(self) -> int:
        return self._fed

    def feed(self, start: int, content: bytes) -> None:
        view = memoryview(content)[max(self._fed - start, 0) :]
        while view:
            room = self._piece_bytes - self._fed % self._piece_bytes
            self._hash.update(view[:room])
            self._fed += len(view[:room])
            if self._fed % self._piece_bytes == 0:
                self._end_piece()
            view = view[room:]

    def take(self) -> tuple[bytes, ...]:
        taken, self._taken = self._taken, len(self._digests)
        return tuple(self._digests[taken:])

    def close(self) -> str:
        if self._fed % self._piece_bytes:  # the last piece may be shorter
            self._end_piece()
        return composite_checksum(self._digests)

    def _end_piece(self) -> None:
        self._digests.append(self._hash.digest())
        self._hash = sha256()
