"""Time and chance, as arguments: tests bring their own."""

import random
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from chalicelib.useragent.errors import Stopped


class Clock(Protocol):
    """Where waiting and its jitter come from."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises
        ------
        Stopped
            Nothing more is to be done.
        """
        ...

    def uniform(self, low: float, high: float) -> float:
        """Return a number between the two."""
        ...

    def boundary(self) -> str:
        """Return a multipart boundary of at least 128 random bits (U-14)."""
        ...


class SystemClock:
    """The real one. ``stop`` ends all waiting."""

    def __init__(self) -> None:
        self._random = random.Random()  # jitter needs no secrecy
        self._stopped = threading.Event()

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; raise once ``stop`` was called."""
        if self._stopped.wait(seconds):
            raise Stopped("Stopped.")

    def uniform(self, low: float, high: float) -> float:
        """Return a number between the two."""
        return self._random.uniform(low, high)

    def boundary(self) -> str:
        """Return a boundary of 128 random bits."""
        return f"stowage-{secrets.token_hex(16)}"

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is where it comes from

    def stop(self) -> None:
        """End all waiting now and from now on."""
        self._stopped.set()
