"""What the index keeps of a series and of a study, and how two such values become one.

What belongs here: values and pure functions. What must not: reading, writing, retrying.

Events come twice, late and in any order, and several indexers work on one study at once. So a
series aggregate is an element of a join-semilattice: ``join`` is commutative, associative and
idempotent, and nothing it yields is ever less than what went in. Whoever joins what, as often as
they like, arrives at the same value. A study aggregate is a fold over its series aggregates and
holds nothing of its own.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.origin.model import InstanceRecord
from chalicelib.standard.index_attributes import INDEX_ATTRIBUTES, Level

MAX_DISTINCT = 16
"""Distinct values kept of one attribute. A study that disagrees in more than sixteen values of one
attribute is misfiled, and the seventeenth tells nobody more; the item stays below DynamoDB's
400 kB even when each value is as long as a record may be (16 kB)."""

MAX_MODALITIES = 64
"""Modalities kept of one study: more than PS3.3 C.7.3.1.1.1 lets a real study have, because a
modality left out could not be matched on (0008,0061)."""

SERIES_SPANS_STUDIES = "SeriesInstanceUID"
"""The conflict of a study whose series is seen in another study too."""

STUDY_KEYWORDS = tuple(row.keyword for row in INDEX_ATTRIBUTES if row.level is Level.STUDY)
SERIES_KEYWORDS = tuple(row.keyword for row in INDEX_ATTRIBUTES if row.level is Level.SERIES)
_KEYWORDS = STUDY_KEYWORDS + SERIES_KEYWORDS


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """Where a series stands: the same series UID in another study is another series here."""

    partition: str
    study: str
    series: str


@dataclass(frozen=True, slots=True)
class Distinct:
    """The smallest of the distinct values seen, in order, and whether there were more.

    Keeping the smallest, rather than the first, makes the join independent of the order.
    """

    values: tuple[str, ...] = ()
    more: bool = False

    @classmethod
    def of(cls, values: Iterable[str], limit: int = MAX_DISTINCT) -> "Distinct":
        """Return the distinct ones of the values, the ``limit`` smallest."""
        ordered = tuple(sorted(set(values)))
        return cls(ordered[:limit], len(ordered) > limit)

    def join(self, other: "Distinct", limit: int = MAX_DISTINCT) -> "Distinct":
        """Return the distinct values of both."""
        if self == other:
            return self
        joined = Distinct.of((*self.values, *other.values), limit)
        return replace(joined, more=joined.more or self.more or other.more)

    @property
    def chosen(self) -> str:
        """Return the value that stands for all: the smallest that is not empty, else ""."""
        return next((value for value in self.values if value), "")

    @property
    def conflict(self) -> bool:
        """Return whether there is more than one value; empty and absent ones never disagree."""
        return self.more or sum(1 for value in self.values if value) > 1


@dataclass(frozen=True, slots=True)
class SeriesAggregate:
    """What the index knows of one series in one study.

    Parameters
    ----------
    key : SeriesKey
        The series.
    count : int
        Records, by a strongly consistent count: (0020,1209).
    first_arrival, last_arrival : str
        The earliest and latest receipt, ISO 8601 UTC; "" while no record is known.
    values : mapping of str to Distinct
        By keyword, every study and series attribute of `standard.index_attributes` that an
        instance holds. Study attributes are kept here so that the study is a fold of its series.
    sources : Distinct
        Subjects that sent instances; "" is nobody in particular.
    spans : Distinct
        Other studies in which this series UID was seen.
    claimed : bool
        Whether those other studies were looked for and told. Once is enough: who comes later
        tells this one.
    """

    key: SeriesKey
    count: int = 0
    first_arrival: str = ""
    last_arrival: str = ""
    values: Mapping[str, Distinct] = field(default_factory=dict)
    sources: Distinct = Distinct()
    spans: Distinct = Distinct()
    claimed: bool = False

    def join(self, other: "SeriesAggregate") -> "SeriesAggregate":
        """Return what both know together. Raises ValueError when they are of two series."""
        if self.key != other.key:
            raise ValueError("aggregates of two series cannot be joined")
        return SeriesAggregate(
            key=self.key,
            count=max(self.count, other.count),
            first_arrival=_earliest(self.first_arrival, other.first_arrival),
            last_arrival=max(self.last_arrival, other.last_arrival),
            values=_join_values(self.values, other.values),
            sources=self.sources.join(other.sources),
            spans=self.spans.join(other.spans),
            claimed=self.claimed or other.claimed,
        )


@dataclass(frozen=True, slots=True)
class StudyAggregate:
    """What the index knows of one study: the fold of its series.

    Parameters
    ----------
    partition, study : str
        The study.
    series_count, instance_count : int
        (0020,1206) and (0020,1208).
    first_arrival, last_arrival : str
        ISO 8601 UTC; "" while no record is known.
    modalities : Distinct
        (0008,0061).
    values : mapping of str to Distinct
        By keyword, the study attributes.
    sources : Distinct
        As of the series.
    conflicts : tuple of str
        Keywords of study attributes with more than one value, and `SERIES_SPANS_STUDIES`.
    """

    partition: str
    study: str
    series_count: int = 0
    instance_count: int = 0
    first_arrival: str = ""
    last_arrival: str = ""
    modalities: Distinct = Distinct()
    values: Mapping[str, Distinct] = field(default_factory=dict)
    sources: Distinct = Distinct()
    conflicts: tuple[str, ...] = ()


def aggregate_of(
    key: SeriesKey, records: Collection[InstanceRecord], count: int = 0
) -> SeriesAggregate:
    """Return what these records of one series tell, with a count made elsewhere."""
    received = [record.facts.received for record in records]
    seen: dict[str, set[str]] = {}
    for record in records:
        for keyword, value in _indexed(record):
            seen.setdefault(keyword, set()).add(value)
    return SeriesAggregate(
        key=key,
        count=count,
        first_arrival=min(received, default=""),
        last_arrival=max(received, default=""),
        values={keyword: Distinct.of(values) for keyword, values in seen.items()},
        sources=Distinct.of(record.facts.subject for record in records),
    )


def fold(partition: str, study: str, series: Iterable[SeriesAggregate]) -> StudyAggregate:
    """Return the study that these series make.

    A series of which no record was counted yet (another study's indexer made it known) adds its
    conflict but is not counted.
    """
    known = sorted(series, key=lambda one: one.key)
    values: Mapping[str, Distinct] = {}
    modalities, sources, first = Distinct(), Distinct(), ""
    for one in known:
        values = _join_values(values, one.values)
        found = Distinct.of(filter(None, one.values.get("Modality", Distinct()).values))
        modalities = modalities.join(found, MAX_MODALITIES)
        sources = sources.join(one.sources)
        first = _earliest(first, one.first_arrival)
    of_study = {keyword: values[keyword] for keyword in STUDY_KEYWORDS if keyword in values}
    return StudyAggregate(
        partition=partition,
        study=study,
        series_count=sum(1 for one in known if one.count),
        instance_count=sum(one.count for one in known),
        first_arrival=first,
        last_arrival=max((one.last_arrival for one in known), default=""),
        modalities=modalities,
        values=of_study,
        sources=sources,
        conflicts=_conflicts(of_study, known),
    )


def _conflicts(
    values: Mapping[str, Distinct], series: Collection[SeriesAggregate]
) -> tuple[str, ...]:
    disagreeing = [keyword for keyword, distinct in values.items() if distinct.conflict]
    if any(one.spans.values for one in series):
        disagreeing.append(SERIES_SPANS_STUDIES)
    return tuple(disagreeing)


def _indexed(record: InstanceRecord) -> Iterable[tuple[str, str]]:
    """Yield the study and series attributes of a record; bytes nobody could decode as escapes.

    Undecoded values still take part: a study whose names cannot be compared is shown as a
    conflict rather than agreeing by silence.
    """
    for keyword in _KEYWORDS:
        value = record.attributes.get(keyword)
        if value is None and keyword in record.undecoded:
            value = record.undecoded[keyword].decode("ascii", "backslashreplace")
        if value is not None:
            yield keyword, value


def _join_values(
    left: Mapping[str, Distinct], right: Mapping[str, Distinct]
) -> dict[str, Distinct]:
    joined = dict(left)
    for keyword, distinct in right.items():
        mine = joined.get(keyword)
        joined[keyword] = distinct if mine is None else mine.join(distinct)
    return joined


def _earliest(left: str, right: str) -> str:
    return min(left, right) if left and right else left or right
