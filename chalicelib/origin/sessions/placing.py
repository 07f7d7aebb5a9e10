"""The second pass: the parts that framing found become instances, by the small door's own code.

A page of the framing table is placed as a whole and its outcomes are written down once; what
another worker places again is there already, as a re-send. Small parts are read many at a time and
put side by side; of a large one only what a structural walk looks at is read, and S3 copies it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import partial

from chalicelib.dicomweb.resources import Target
from chalicelib.dicomweb.store_instances import Outcome, Stored
from chalicelib.origin.intake import Arrival, IncomingPart, IntakePolicy, take_in
from chalicelib.origin.model import StagedRange
from chalicelib.origin.ports import Wait
from chalicelib.origin.sessions.lease import Lease
from chalicelib.origin.sessions.ports import Staging
from chalicelib.origin.sessions.reading import Stretch, read_ahead
from chalicelib.origin.sessions.tables import FramedPart
from chalicelib.origin.store import Store, StoreRequest

COPIED_BYTES = 64 << 20
"""A part of this size is copied inside S3 and never held."""
RUN_BYTES = 16 << 20
"""Small parts that are read at once."""
RUN_PARTS = 100
HELD_BYTES = 32 << 20
"""Bytes of a run and the one read ahead; a larger run is alone in memory."""
ATTEMPTS = 3
"""Of a part, before the page is left for later."""
_HEARTBEAT = 10.0


@dataclass(frozen=True, slots=True)
class PlacingPorts:
    """What placing needs of the world. ``executor`` reads ahead and is not the store's own."""

    staging: Staging
    store: Store
    executor: Executor
    wait: Wait


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """What became of a page's parts, in their order, and the studies of what is stored."""

    outcomes: tuple[Outcome, ...]
    studies: frozenset[str]

    @property
    def is_settled(self) -> bool:
        """Whether nothing would be cured by placing the page again."""
        return all(isinstance(one, Stored) or not one.reason.transient for one in self.outcomes)


def place_page(
    parts: Sequence[FramedPart],
    lease: Lease,
    ports: PlacingPorts,
    policy: IntakePolicy,
    target: Target,
    request: StoreRequest,
) -> PlacedPage:
    """Store the parts of a page.

    Raises
    ------
    Unavailable, KeyError
        The body cannot be read.
    LeaseLost
    """
    return _Placing(lease, ports, policy, target, request).place(parts)


@dataclass(frozen=True, slots=True)
class _Placing:
    lease: Lease
    ports: PlacingPorts
    policy: IntakePolicy
    target: Target
    request: StoreRequest

    def place(self, parts: Sequence[FramedPart]) -> PlacedPage:
        outcomes: list[Outcome] = []
        studies: set[str] = set()
        for run in self._incoming(parts):
            settled = self._while_held(partial(self._store_run, run), len(outcomes))
            outcomes += [outcome for outcome, _ in settled]
            studies |= {study for outcome, study in settled if isinstance(outcome, Stored)}
            del run  # its bytes make room for the next one's
        return PlacedPage(tuple(outcomes), frozenset(studies))

    def _incoming(self, parts: Sequence[FramedPart]) -> Iterator[list[IncomingPart]]:
        """Yield runs of parts, in order: their bytes, or where they are."""
        runs = list(runs_of(parts))
        key = self.lease.session.name.body_key
        wanted = (_stretch_of(run) for run in runs if run[0].size < COPIED_BYTES)
        contents = read_ahead(self.ports.staging, key, wanted, self.ports.executor, most=HELD_BYTES)
        for run in runs:
            if run[0].size >= COPIED_BYTES:
                yield [self._staged(one, key) for one in run]
            else:
                yield list(_cut(run, *next(contents)))

    def _staged(self, part: FramedPart, key: str) -> IncomingPart:
        staging = self.ports.staging

        def read(start: int, length: int) -> bytes:
            return staging.read(key, part.offset + start, min(length, part.size - start))

        content = StagedRange(key, part.offset, part.size, read)
        return IncomingPart(part.number, part.headers, content, part.sha256)

    def _store_run(self, run: Sequence[IncomingPart]) -> list[tuple[Outcome, str]]:
        """Return the outcome of each part with its study; what passes is tried again."""
        settled: dict[int, tuple[Outcome, str]] = {}
        left = list(run)
        for attempt in range(1, ATTEMPTS + 1):
            for part, outcome, study in self._store_once(left):
                settled[part.number] = outcome, study
            left = [part for part in left if _is_transient(settled[part.number][0])]
            if not left or attempt == ATTEMPTS:
                break
            self.ports.wait(attempt)
        return [settled[part.number] for part in run]

    def _store_once(
        self, parts: Sequence[IncomingPart]
    ) -> Iterator[tuple[IncomingPart, Outcome, str]]:
        taken = [take_in(part, self.target, self.policy) for part in parts]
        arrivals = [one for one in taken if isinstance(one, Arrival)]
        stored = self.ports.store.store(arrivals, self.request)
        for part, one in zip(parts, taken, strict=True):
            if isinstance(one, Arrival):
                yield part, stored[one.slot], one.file.study
            else:
                yield part, one, ""

    def _while_held(
        self, work: Callable[[], list[tuple[Outcome, str]]], under_way: int
    ) -> list[tuple[Outcome, str]]:
        """Do the work in another thread and renew the lease meanwhile: a copy may take long."""
        task = self.ports.executor.submit(work)
        while True:
            try:
                result = task.result(_HEARTBEAT)
            except FutureTimeoutError:
                if task.done():
                    raise
                self.lease.keep(under_way=under_way)
                continue
            self.lease.keep(under_way=under_way + len(result))
            return result


def runs_of(parts: Sequence[FramedPart]) -> Iterator[list[FramedPart]]:
    """Yield consecutive parts that are read together; a part that is copied stands alone."""
    run: list[FramedPart] = []
    for part in parts:
        is_full = run and (
            len(run) == RUN_PARTS
            or part.end - run[0].offset > RUN_BYTES
            or run[0].size >= COPIED_BYTES
        )
        if is_full:
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _stretch_of(run: Sequence[FramedPart]) -> Stretch:
    return Stretch(run[0].offset, run[-1].end - run[0].offset)


def _cut(run: Sequence[FramedPart], stretch: Stretch, content: bytes) -> Iterator[IncomingPart]:
    view = memoryview(content)
    for part in run:
        start = part.offset - stretch.start
        body = view[start : start + part.size]
        yield IncomingPart(part.number, part.headers, body, part.sha256)


def _is_transient(outcome: Outcome) -> bool:
    return not isinstance(outcome, Stored) and outcome.reason.transient
