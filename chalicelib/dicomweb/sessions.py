"""Store sessions, our extension of the Store Transaction: what both sides say to each other.

What belongs here: the documents of ``docs/sessions.md`` as values, how a body is cut into parts,
and its checksum. What must not: who may do what and when (``origin.sessions``), and sending
(``useragent.sessions``).

Documents are read leniently: members that are not known are ignored, so that either side may learn
more words than the other.
"""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

RELATION = "urn:stowage:store-sessions"
"""Of the link from a 413 to where sessions are opened (RFC 8288 2.1.2)."""

MAX_PARTS = 1000
"""S3 lists so many parts of an upload in one answer; it takes ten times as many."""
MIN_PART_BYTES = 8 << 20
"""S3 takes no part below 5 MiB but the last."""
MAX_URLS = 100
"""URLs of one answer."""
MAX_HEADER_BYTES = 10_240
"""Of the header fields of the Store request, names and values: as many as API Gateway takes."""

_MIB = 1 << 20
_DIGEST_BYTES = 32
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5
_CHECKSUM = re.compile(r"([A-Za-z0-9+/]{43}=)-([1-9][0-9]{0,3})")


class SessionState(StrEnum):
    """Where a session stands."""

    OPEN = "open"
    QUEUED = "queued"
    FRAMING = "framing"
    PLACING = "placing"
    FINAL = "final"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_at_work(self) -> bool:
        """Whether a worker has, or will have, something to do."""
        return self in (SessionState.QUEUED, SessionState.FRAMING, SessionState.PLACING)


class MalformedDocument(ValueError):  # noqa: N818 - reads as the fact it is
    """The text is not the document that was expected; the message names the member."""


# ---------------------------------------------------------------- the body and its parts


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How a body of ``size`` bytes is cut: parts of ``part_bytes``, numbered from 1."""

    size: int
    part_bytes: int

    @property
    def count(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_bytes)

    def offset_of(self, number: int) -> int:
        """Return where a part begins."""
        return (number - 1) * self.part_bytes

    def size_of(self, number: int) -> int:
        """Return the bytes of a part: all are equal but the last."""
        return min(self.part_bytes, self.size - self.offset_of(number))


def plan_parts(size: int) -> PartPlan:
    """Return how a body of this many bytes, at least one, is cut."""
    share = -(-size // MAX_PARTS)
    return PartPlan(size, max(MIN_PART_BYTES, -(-share // _MIB) * _MIB))


def composite_checksum(digests: Iterable[bytes]) -> str:
    """Return S3's composite SHA-256 of a body from the SHA-256 digests of its parts in order."""
    whole, count = sha256(), 0
    for digest in digests:
        whole.update(digest)
        count += 1
    return f"{b64encode(whole.digest()).decode('ascii')}-{count}"


def is_checksum(text: str, count: int) -> bool:
    """Return whether the text may be the composite checksum of so many parts."""
    found = _CHECKSUM.fullmatch(text)
    return found is not None and int(found[2]) == count


# ---------------------------------------------------------------- what a client says


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a session is opened with.

    Attributes
    ----------
    resource : str
        Path of the target resource below the service: ``/studies`` or ``/studies/{study}``.
    headers : mapping
        Those that the Store request would carry; names in any case.
    size : int
        Bytes of the body, at least one.
    checksum : str
        As ``composite_checksum`` gives it, "" when it is told at the end.
    """

    resource: str
    headers: Mapping[str, str]
    size: int
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class WantedPart:
    """A part for which a URL is wanted; ``sha256`` is its digest in base64."""

    number: int
    sha256: str


def encode_open(request: OpenRequest) -> str:
    """Return the document that opens a session."""
    known = {
        "resource": request.resource,
        "headers": dict(request.headers),
        "size": request.size,
        "checksum": request.checksum,
    }
    return _dumps({name: value for name, value in known.items() if value != ""})


def decode_open(text: str | bytes) -> OpenRequest:
    """Return what a document asks to open. Raises MalformedDocument."""
    document = _object(text)
    headers = document.get("headers")
    if not isinstance(headers, dict) or not all(map(_is_field_value, headers.values())):
        raise MalformedDocument("headers is not an object of header fields")
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADER_BYTES:
        raise MalformedDocument(f"headers has more than {MAX_HEADER_BYTES} bytes")
    size = _number(document, "size")
    if size < 1:
        raise MalformedDocument("size is not a positive whole number")
    return OpenRequest(_text(document, "resource"), headers, size, _text(document, "checksum", ""))


def encode_wanted(parts: Sequence[WantedPart]) -> str:
    """Return the document that asks for URLs."""
    return _dumps({"parts": [{"number": one.number, "sha256": one.sha256} for one in parts]})


def decode_wanted(text: str | bytes) -> tuple[WantedPart, ...]:
    """Return the parts that a document asks URLs for. Raises MalformedDocument."""
    wanted = tuple(
        WantedPart(_number(part, "number"), _text(part, "sha256")) for part in _parts(text)
    )
    if not 1 <= len(wanted) <= MAX_URLS:
        raise MalformedDocument(f"parts is not a list of 1 to {MAX_URLS}")
    for part in wanted:
        if not _is_digest(part.sha256):
            raise MalformedDocument("sha256 is not 32 bytes in base64")
    return wanted


def encode_complete(checksum: str) -> str:
    """Return the document that completes a session."""
    return _dumps({"checksum": checksum})


def decode_complete(text: str | bytes) -> str:
    """Return the checksum of a document, "" when it has none. Raises MalformedDocument."""
    return _text(_object(text), "checksum", "") if text else ""


# ---------------------------------------------------------------- what the server says


@dataclass(frozen=True, slots=True)
class PartUrl:
    """Where a part goes: ``headers`` are signed and must be sent as they are."""

    number: int
    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker has come."""

    framed_bytes: int = 0
    framed_parts: int = 0
    placed_parts: int = 0
    stored: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session's state, as ``GET`` of it answers.

    ``retry_after`` is in seconds; ``status`` is that of the final answer, 0 before.
    """

    identity: str
    state: SessionState
    resource: str
    plan: PartPlan
    opened: str
    expires: str
    received: tuple[int, ...] = ()
    retry_after: int = 0
    is_stalled: bool = False
    progress: Progress = field(default_factory=Progress)
    status: int = 0
    response: str = ""
    response_url: str = field(default="", repr=False)


def encode_status(status: SessionStatus) -> str:
    """Return the state's document; only members that say something stand in it."""
    document: dict[str, Any] = {
        "id": status.identity,
        "state": status.state.value,
        "resource": status.resource,
        "size": status.plan.size,
        "part_bytes": status.plan.part_bytes,
        "parts": status.plan.count,
        "opened": status.opened,
        "expires": status.expires,
    }
    if status.state is SessionState.OPEN:
        document["received"] = list(status.received)
    if status.state.is_at_work:
        document |= {"retry_after": status.retry_after, "stalled": status.is_stalled}
    if status.state.is_at_work or status.state is SessionState.FINAL:
        progress = status.progress
        document["progress"] = {name: getattr(progress, name) for name in Progress.__slots__}
    if status.state is SessionState.FINAL:
        document |= {"status": status.status, "response": status.response}
        if status.response_url:
            document["response_url"] = status.response_url
    return _dumps(document)


def decode_status(text: str | bytes) -> SessionStatus:
    """Return the state that a document tells. Raises MalformedDocument."""
    document = _object(text)
    size, part_bytes = _number(document, "size"), _number(document, "part_bytes")
    if size < 1 or part_bytes < 1:
        raise MalformedDocument("size or part_bytes is not positive")
    try:
        state = SessionState(_text(document, "state"))
    except ValueError:
        raise MalformedDocument("state is none that is known") from None
    told, received = document.get("progress", {}), document.get("received", [])
    if not isinstance(told, dict) or not isinstance(received, list):
        raise MalformedDocument("progress or received has not its form")
    return SessionStatus(
        identity=_text(document, "id"),
        state=state,
        resource=_text(document, "resource", ""),
        plan=PartPlan(size, part_bytes),
        opened=_text(document, "opened", ""),
        expires=_text(document, "expires", ""),
        received=tuple(number for number in received if isinstance(number, int)),
        retry_after=_number(document, "retry_after", 0),
        is_stalled=document.get("stalled") is True,
        progress=Progress(**{name: _number(told, name, 0) for name in Progress.__slots__}),
        status=_number(document, "status", 0),
        response=_text(document, "response", ""),
        response_url=_text(document, "response_url", ""),
    )


def encode_urls(urls: Iterable[PartUrl]) -> str:
    """Return the document that gives URLs."""
    return _dumps(
        {
            "parts": [
                {
                    "number": one.number,
                    "url": one.url,
                    "headers": dict(one.headers),
                    "expires": one.expires,
                }
                for one in urls
            ]
        }
    )


def decode_urls(text: str | bytes) -> tuple[PartUrl, ...]:
    """Return the URLs of a document. Raises MalformedDocument."""
    urls = []
    for part in _parts(text):
        headers = part.get("headers", {})
        if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
            raise MalformedDocument("headers is not an object of texts")
        number, url = _number(part, "number"), _text(part, "url")
        urls.append(PartUrl(number, url, headers, _text(part, "expires", "")))
    return tuple(urls)


# ---------------------------------------------------------------- members


def _dumps(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedDocument("the text is not JSON") from None
    if not isinstance(document, dict):
        raise MalformedDocument("the text is not a JSON object")
    return document


def _parts(text: str | bytes) -> Sequence[Mapping[str, Any]]:
    parts = _object(text).get("parts")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise MalformedDocument("parts is not a list of objects")
    return parts


def _text(document: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = document.get(name, default)
    if not isinstance(value, str):
        raise MalformedDocument(f"{name} is not a text")
    return value


def _number(document: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = document.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedDocument(f"{name} is not a whole number")
    return value


def _is_field_value(value: object) -> bool:
    return isinstance(value, str) and _FIELD_VALUE.fullmatch(value) is not None


def _is_digest(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == _DIGEST_BYTES
    except (Base64Error, ValueError):
        return False
