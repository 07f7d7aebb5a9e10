"""When a destination takes instances: windows of a week in its own time zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_DAYS_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Window:
    """From ``begins`` until ``ends``, which is on the next day unless it is later.

    ``days`` are those it begins on, Monday is 0. Equal times are a whole day.
    """

    begins: time
    ends: time
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Hours:
    """No windows mean always."""

    windows: tuple[Window, ...] = ()
    zone: tzinfo = UTC

    def seconds_until_open(self, now: datetime) -> int:
        """Return 0 while open, else the whole seconds until the next window begins.

        A local time that a change of clocks skips or repeats is taken as its zone takes it.
        """
        if not self.windows:
            return 0
        nearest = timedelta.max
        for begins, ends in self._spans(now.astimezone(self.zone)):
            if begins <= now < ends:
                return 0
            if begins > now:
                nearest = min(nearest, begins - now)
        return int(nearest.total_seconds()) + 1

    def _spans(self, local: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the windows from yesterday to a week ahead, in UTC."""
        for offset in range(-1, _DAYS_AHEAD):
            day = local.date() + timedelta(days=offset)
            for window in self.windows:
                if day.weekday() in window.days:
                    last = day if window.ends > window.begins else day + timedelta(days=1)
                    yield (
                        datetime.combine(day, window.begins, self.zone).astimezone(UTC),
                        datetime.combine(last, window.ends, self.zone).astimezone(UTC),
                    )


ALWAYS = Hours()
