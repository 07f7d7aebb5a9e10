"""The latest entries of a run: whoever keeps up with the scan need not read them again.

What was written to the database a moment ago is at hand here, as it was written. What has to be
read all the same: entries of earlier runs, what has fallen behind, and whatever is not certain.
"""

from collections import deque
from collections.abc import Iterable

from chalicelib.useragent.journal_entries import Entry

MOST = 2000
"""Some 2 MB."""


class Fresh:
    """Entries that nobody was given yet, by turn, without a gap.

    Parameters
    ----------
    after : int
        The last turn so far: all entries of the run beyond it are here.
    most : int, optional
        Entries that are kept; the oldest fall behind.
    """

    def __init__(self, after: int, most: int | None = None) -> None:
        self._after = after
        self._most = MOST if most is None else most
        self._entries: deque[Entry] = deque()

    def enter(self, entries: Iterable[Entry]) -> None:
        """Add what was entered just now."""
        self._entries.extend(entries)
        while len(self._entries) > self._most:
            self._after = self._entries.popleft().turn

    def skip_to(self, turn: int) -> None:
        """Take note that entries up to this turn have to be read."""
        self._entries.clear()
        self._after = turn

    def take(self, after: int, limit: int) -> list[Entry] | None:
        """Give out the next entries beyond a turn; None where they have to be read."""
        if after < self._after:
            return None
        while self._entries and self._entries[0].turn <= after:
            self._after = self._entries.popleft().turn
        taken = [self._entries.popleft() for _ in range(min(limit, len(self._entries)))]
        if taken:
            self._after = taken[-1].turn
        return taken
