"""The framing table and its outcomes, page by page: what a worker leaves for the next one.

One JSON array a page; a row is an array, because there may be a hundred thousand. Pages are written
once and never changed.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.store_instances import (
    Explanation,
    Failed,
    OtherFailure,
    Outcome,
    Reference,
    Stored,
)
from chalicelib.standard.reasons import FailureReason, WarningReason

_KEPT_FIELDS = ("content-type", "content-transfer-encoding", "content-encoding")
"""Header fields of a part that say what its bytes are."""


@dataclass(frozen=True, slots=True)
class FramedPart:
    """A part that framing found: ``offset`` and ``size`` of its body, in bytes of the whole."""

    number: int
    offset: int
    size: int
    sha256: str
    headers: Headers

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class FramingPage:
    """Parts in a row, and the digests of the upload's parts that ended among them."""

    parts: tuple[FramedPart, ...]
    digests: tuple[bytes, ...] = ()


def kept_headers(headers: Headers) -> Headers:
    """Return the fields that placing looks at."""
    return Headers((name, value) for name, value in headers if name in _KEPT_FIELDS)


def encode_framing(page: FramingPage) -> bytes:
    """Return the page as an object's bytes."""
    rows = [
        [one.number, one.offset, one.size, one.sha256, list(map(list, one.headers))]
        for one in page.parts
    ]
    return _dumps({"parts": rows, "digests": [digest.hex() for digest in page.digests]})


def decode_framing(content: bytes) -> FramingPage:
    """Return the page of an object made by :func:`encode_framing`."""
    page = json.loads(content)
    parts = (
        FramedPart(number, offset, size, digest, Headers(map(tuple, headers)))
        for number, offset, size, digest, headers in page["parts"]
    )
    return FramingPage(tuple(parts), tuple(map(bytes.fromhex, page["digests"])))


def encode_outcomes(outcomes: Iterable[Outcome], studies: Iterable[str]) -> bytes:
    """Return outcomes, and the studies of what is stored, as an object's bytes."""
    return _dumps({"outcomes": list(map(_row_of, outcomes)), "studies": sorted(studies)})


def decode_outcomes(content: bytes) -> tuple[tuple[Outcome, ...], tuple[str, ...]]:
    """Return the outcomes and studies of an object made by :func:`encode_outcomes`."""
    page = json.loads(content)
    return tuple(map(_outcome_of, page["outcomes"])), tuple(page["studies"])


def _row_of(outcome: Outcome) -> list[Any]:
    match outcome:
        case Stored(Reference(sop_class, sop_instance), warning):
            return [sop_class, sop_instance, warning.name if warning else None]
        case Failed(Reference(sop_class, sop_instance), reason, explanation):
            return [sop_class, sop_instance, reason.name, *_explained(explanation)]
        case OtherFailure(reason, explanation):
            return [reason.name, *_explained(explanation)]


def _explained(explanation: Explanation) -> Sequence[Any]:
    return [explanation.detail, explanation.part, explanation.tag_path]


def _outcome_of(row: list[Any]) -> Outcome:
    match row:
        case [sop_class, sop_instance, warning]:
            known = WarningReason[warning] if warning else None
            return Stored(Reference(sop_class, sop_instance), known)
        case [sop_class, sop_instance, reason, detail, part, tag_path]:
            explanation = Explanation(detail, part, tag_path)
            return Failed(Reference(sop_class, sop_instance), FailureReason[reason], explanation)
        case [reason, detail, part, tag_path]:
            return OtherFailure(FailureReason[reason], Explanation(detail, part, tag_path))
    raise ValueError("not a row of outcomes")


def _dumps(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
