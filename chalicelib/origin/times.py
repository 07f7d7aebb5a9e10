"""Moments as the records spell them: ISO 8601, UTC, so that text compares as time does."""

from datetime import datetime, timedelta


def timestamp(moment: datetime) -> str:
    """Return a moment with milliseconds and ``Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def later(moment: datetime, seconds: float) -> str:
    """Return the moment so many seconds later."""
    return timestamp(moment + timedelta(seconds=seconds))
