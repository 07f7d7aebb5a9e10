"""Where a run is: counted as it goes on, read at any time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from chalicelib.useragent.model import Outcome, State

_MAX_SAID = 1000


@dataclass(slots=True)
class Progress:
    """Where a run is; read it at any time.

    Attributes
    ----------
    uploaded_bytes : int
        Of store sessions that are not answered yet.
    said : dict of int to str
        Servers' own words of failures, by the instance's key; not of more than a thousand.
    """

    found: int = 0
    found_bytes: int = 0
    skipped: int = 0
    earlier: int = 0
    settled: int = 0
    settled_bytes: int = 0
    stored: int = 0
    failed: int = 0
    unverified: int = 0
    is_scanning: bool = True
    waiting: str = ""
    uploaded_bytes: int = 0
    said: dict[int, str] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def moved_bytes(self) -> int:
        """Bytes that are settled, or have arrived and wait for their answer."""
        return self.settled_bytes + self.uploaded_bytes

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count what became of instances."""
        with self._lock:
            self.settled += len(outcomes)
            for one in outcomes:
                self.settled_bytes += one.instance.source.size
                if one.said and len(self.said) < _MAX_SAID:
                    self.said[one.instance.key] = one.said
            for state, count in Counter(one.state for one in outcomes).items():
                if state.is_stored:
                    self.stored += count
                elif state is State.FAILED:
                    self.failed += count
                elif state is State.UNVERIFIED:
                    self.unverified += count

    def moved(self, size: int) -> None:
        """Take note of how much of store sessions has arrived."""
        self.uploaded_bytes = size
        self.waiting = ""
