"""What a thread that sends tells the journal and the screen.

That instances leave is written down before they do. What became of them is written down a moment
later, when the next request leaves the thread nothing to do, and at the latest when the thread
ends: a process that dies before leaves *sent*, which the next run takes for unknown.
"""

from collections.abc import Callable, Sequence

from chalicelib.useragent.journal import Journal
from chalicelib.useragent.model import Instance, Outcome
from chalicelib.useragent.progress import Progress


class Recorder:
    """An observer for one thread.

    Parameters
    ----------
    journal : Journal
    progress : Progress
        Of the run; shared by threads.
    prepare : callable, optional
        Called when there is time: what is to be done for the next request.
    """

    def __init__(
        self, journal: Journal, progress: Progress, prepare: Callable[[], None] = lambda: None
    ) -> None:
        self._journal = journal
        self._progress = progress
        self._prepare = prepare
        self._unwritten: list[Outcome] = []

    def sending(self, instances: Sequence[Instance]) -> None:
        """Write down what leaves."""
        self._journal.sending(instances)
        self._progress.waiting = ""

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Count what became of instances; ``idle`` writes it down."""
        self._unwritten += outcomes
        self._progress.count(outcomes)

    def idle(self) -> None:
        """Write down what is not yet, and prepare what is next."""
        self.write()
        self._prepare()

    def write(self) -> None:
        """Write down what became of instances, if that is not done."""
        if self._unwritten:
            self._journal.settled(self._unwritten)
            self._unwritten = []

    def abandoned(self, instances: Sequence[Instance]) -> None:
        """Write down what is left for another run."""
        self._journal.take_back(instances)

    def waiting(self, seconds: float, why: str) -> None:
        """Show it."""
        self._progress.waiting = f"waiting {seconds:.1f} s: {why}"
