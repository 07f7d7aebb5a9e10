"""What a hostile case is: a request, and the whole answer that is due to it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from chalicelib.standard.reasons import FailureReason
from tests.builders_dicom import LITTLE, FileParts, Uids, make_file, uid_of
from tests.hostile.canary import PATIENT, TEXT

BOUNDARY = "stowage-hostile-4f1c"
MULTIPART = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
DICOM_PART = (("Content-Type", "application/dicom"),)
MAX_ELEMENTS = 50_000
"""What the product is served with: the floods need not be larger to be floods."""


class Sequence(Enum):
    """Where a part's item stands in the response."""

    REFERENCED = "00081199"
    FAILED = "00081198"
    OTHER = "0008119A"


@dataclass(frozen=True)
class Outcome:
    """What becomes of one part: its sequence, and for a failure the reason and the tag named."""

    sequence: Sequence
    reason: FailureReason | None = None
    tag: str | None = None


STORED = Outcome(Sequence.REFERENCED)


def failed(reason: FailureReason, tag: str | None = None) -> Outcome:
    """An item of Failed SOP Sequence."""
    return Outcome(Sequence.FAILED, reason, tag)


def unnamed(reason: FailureReason, tag: str | None = None) -> Outcome:
    """An item of Other Failures Sequence."""
    return Outcome(Sequence.OTHER, reason, tag)


@dataclass(frozen=True)
class Part:
    """One part as it goes out. ``instance`` is what would be stored of it."""

    body: bytes
    instance: str = ""
    headers: tuple[tuple[str, str], ...] = DICOM_PART


@dataclass(frozen=True)
class Request:
    """A request below a case's own partition. ``target`` is the path after it, percent-encoded."""

    body: bytes
    target: str = "/studies"
    content_type: str | None = MULTIPART
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"


@dataclass(frozen=True)
class Refusal:
    """What a request that is refused as a whole is told."""

    part: int | None = None
    limit: tuple[str, int] | None = None


@dataclass(frozen=True)
class Case:
    """A request and its answer.

    ``outcomes`` are due in the order of the parts, ``stored`` maps SOP Instance UIDs to the bytes
    that must have been kept, and nothing else may be. ``refusal`` is due where there is no module.
    """

    name: str
    request: Request
    status: int
    outcomes: tuple[Outcome, ...] = ()
    stored: Mapping[str, bytes] = field(default_factory=dict)
    refusal: Refusal | None = None

    @property
    def partition(self) -> str:
        """The partition this case has for itself; its name tells nothing."""
        return f"case-{sha256(self.name.encode()).hexdigest()[:16]}"


Build = Callable[[FileParts, Uids], FileParts | bytes]


@dataclass(frozen=True)
class FileCase:
    """One file, and what becomes of it whatever stands around it.

    ``build`` changes a good file that tells of the canary. What is heavy is sent alone.
    """

    name: str
    build: Build
    outcome: Outcome
    base: Mapping[str, Any] = field(default_factory=lambda: {"encoding": LITTLE})
    is_heavy: bool = False

    def make(self, uids: Uids) -> Part:
        """The file as a part."""
        made = self.build(make_file(uids, PATIENT, **self.base), uids)
        return Part(made if isinstance(made, bytes) else made.encode(), uids.instance)


def good_file(*words: object, study: str | None = None) -> Part:
    """A part nothing is wrong with, but for the patient it tells of."""
    uids = Uids.of(*words, study=study)
    return Part(make_file(uids, PATIENT).encode(), uids.instance)


def join_parts(*parts: Part, boundary: str = BOUNDARY) -> bytes:
    """A multipart body; each part's header tells of the canary too."""
    pieces = []
    for part in parts:
        fields = (
            *part.headers,
            ("Content-Location", f"/files/{TEXT}.dcm"),
            ("Content-Disposition", f'attachment; filename="{TEXT}.dcm"'),
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        pieces.append(f"--{boundary}\r\n{head}\r\n".encode("latin-1") + part.body + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode("latin-1")


def store_case(name: str, *parts: tuple[Part, Outcome], request: Request | None = None) -> Case:
    """A request of parts, with the status that their outcomes lead to (Table 10.5.3-1)."""
    outcomes = tuple(outcome for _, outcome in parts)
    kept = {part.instance: part.body for part, outcome in parts if outcome == STORED}
    return Case(
        name,
        request or Request(join_parts(*(part for part, _ in parts))),
        status_of(outcomes),
        outcomes,
        kept,
    )


def status_of(outcomes: tuple[Outcome, ...]) -> int:
    """The status of outcomes that no re-send changes."""
    if all(outcome == STORED for outcome in outcomes):
        return HTTPStatus.OK
    return HTTPStatus.ACCEPTED if STORED in outcomes else HTTPStatus.CONFLICT


def refused(
    name: str,
    status: int,
    request: Request,
    *,
    part: int | None = None,
    limit: tuple[str, int] | None = None,
) -> Case:
    """A request that is refused as a whole."""
    return Case(name, request, status, refusal=Refusal(part, limit))


def send_alone(case: FileCase) -> Case:
    """The request that sends one file."""
    return store_case(case.name, (case.make(Uids.of(case.name, "alone")), case.outcome))


def send_together(name: str, files: Iterable[FileCase]) -> Case:
    """One request of many files, with good ones at both ends."""
    study = uid_of(name)
    parts = [
        (file.make(Uids.of(file.name, "together", study=study)), file.outcome) for file in files
    ]
    first, last = (good_file(name, end, study=study) for end in ("first", "last"))
    return store_case(name, (first, STORED), *parts, (last, STORED))


def send_group(name: str, files: Several[FileCase], *, alone: bool = True) -> Iterator[Case]:
    """The requests of a group: what is stored in one, what is refused in one and each alone."""
    light = [file for file in files if not file.is_heavy]
    accepted = [file for file in light if file.outcome == STORED]
    refused = [file for file in light if file.outcome != STORED]
    if accepted:
        yield send_together(f"{name}: all that is stored", accepted)
    if refused:
        yield send_together(f"{name}: all that is refused", refused)
    for file in files:
        if file.is_heavy or (alone and file.outcome != STORED):
            yield send_alone(file)
