"""A clock for calls that end: what would outlast the call is not waited for."""

from dataclasses import dataclass

from chalicelib.origin.ports import Remaining
from chalicelib.useragent.clock import Clock
from chalicelib.useragent.errors import Stopped


@dataclass(frozen=True, slots=True)
class Deadline:
    """The user agent's clock within one call.

    Parameters
    ----------
    clock : Clock
        What it is but for the end.
    remaining : callable
        Seconds left of the call.
    margin : float
        Seconds that no waiting takes.
    """

    clock: Clock
    remaining: Remaining
    margin: float

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, if there is time for it. Raises Stopped."""
        if self.remaining() - seconds < self.margin:
            raise Stopped("The time of this call is over; the rest comes again.")
        self.clock.sleep(seconds)

    def uniform(self, low: float, high: float) -> float:
        """Return a number between the two."""
        return self.clock.uniform(low, high)

    def boundary(self) -> str:
        """Return a multipart boundary."""
        return self.clock.boundary()
