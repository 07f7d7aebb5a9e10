"""When to try again, and after how long (U-12).

Every attempt sends a whole body. Waiting doubles from attempt to attempt and is jittered, so that
clients which a server turned away together do not come back together; the server's Retry-After is
obeyed up to a bound.
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from chalicelib.dicomweb.messages import Headers
from chalicelib.useragent.clock import Clock

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
THROTTLING_STATUSES = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of persistence.

    Parameters
    ----------
    attempts : int
        Of one batch or instance, the first included.
    first_wait, longest_wait : float
        Seconds.
    longest_retry_after : float
        The most that a server's Retry-After can make us wait.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 300.0

    def wait(self, attempt: int, clock: Clock, headers: Headers | None = None) -> float:
        """Return the seconds to wait after an attempt, counted from 1."""
        asked = retry_after(headers) if headers is not None else None
        if asked is not None:
            # Later than asked, never earlier.
            asked = min(asked, self.longest_retry_after)
            return asked + clock.uniform(0.0, min(1.0, asked / 4))
        ceiling = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return clock.uniform(ceiling / 2, ceiling)


def retry_after(headers: Headers) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110 10.2.3), None where it does not.

    A date is counted from the response's own Date: the two clocks need not agree.
    """
    text = (headers.get("Retry-After") or "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        since = parsedate_to_datetime((headers.get("Date") or "").strip())
        return max((until - since).total_seconds(), 0.0)
    except (ValueError, TypeError, IndexError):
        return None
