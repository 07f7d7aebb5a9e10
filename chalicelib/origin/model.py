"""The values an origin server keeps: identities, object facts, records, verdicts.

What belongs here: frozen dataclasses without behaviour beyond their own shape. What must not:
anything that reads, writes, or knows how a store spells these values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

RECORD_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class InstanceKey:
    """Where an instance stands. ``partition`` and ``sop_instance`` alone identify it."""

    partition: str
    study: str
    series: str
    sop_instance: str


class SourceForm(Enum):
    """The form in which an instance arrived."""

    PART10 = "part10"
    JSON = "json"
    XML = "xml"


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """All that is known of an object and not in its bytes: kept as object metadata.

    No patient data. ``received`` is an ISO 8601 UTC time with milliseconds and ``Z``;
    ``sha256`` is lower-case hex over the whole object; ``subject`` is empty when nobody had to
    authenticate; ``via`` is the hop mark it came with (``origin.hop_mark``), "" without one.
    """

    sha256: str
    study: str
    series: str
    received: str
    request_id: str
    subject: str = ""
    source_form: SourceForm = SourceForm.PART10
    via: str = ""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a look at a stored object tells without reading it. ``size`` in bytes."""

    size: int
    facts: ObjectFacts


@dataclass(frozen=True, slots=True)
class StagedRange:
    """Bytes of a staged object: an instance that is too large to be held.

    ``read(start, length)`` returns bytes of the range, counted from its own beginning.
    """

    key: str
    start: int
    length: int
    read: Callable[[int, int], bytes] = field(repr=False, compare=False)

    def __len__(self) -> int:
        return self.length


Content = bytes | memoryview | StagedRange
"""The bytes of an instance on its way into the store."""


class InstanceState(Enum):
    """Only STORED is written today; the others are what operators' acts will need."""

    STORED = "stored"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """The searchable record of one instance: a pure function of its object (bytes and facts).

    ``attributes`` maps keywords of ``standard.index_attributes`` to decoded text, several values
    joined by a backslash, absent when the attribute is absent, "" when it is empty; a sequence is
    the text of its DICOM JSON. ``undecoded`` maps keywords to the raw bytes of values whose
    character set is wrong or undeclared.
    """

    key: InstanceKey
    sop_class: str
    transfer_syntax: str
    size: int
    facts: ObjectFacts
    attributes: Mapping[str, str] = field(default_factory=dict)
    undecoded: Mapping[str, bytes] = field(default_factory=dict)
    state: InstanceState = InstanceState.STORED
    schema_version: int = RECORD_SCHEMA_VERSION


class Severity(Enum):
    """How much a finding matters, most severe first."""

    UNSAFE = "unsafe"
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing validation saw. ``detail`` names tags and lengths, never a patient's value."""

    rule: str
    severity: Severity
    tag_path: str
    detail: str
    section: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What validation makes of one object.

    ``findings`` are at most 200, ``omitted`` counts the rest. ``sha256`` ties the verdict to the
    very bytes it judged; ``rules_version`` to the rules it judged by.
    """

    key: InstanceKey
    sha256: str
    rules_version: int
    findings: tuple[Finding, ...] = ()
    omitted: int = 0

    @property
    def worst(self) -> Severity | None:
        """Return the most severe severity found, None when nothing was."""
        order = list(Severity)
        return min((f.severity for f in self.findings), key=order.index, default=None)
