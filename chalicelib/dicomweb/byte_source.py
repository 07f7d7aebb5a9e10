"""Where a reader finds bytes by offset: a buffer in memory, or ranges of something larger.

A reader asks for a *window*: a buffer that holds at least what it needs now, and the offset of
the buffer's first byte. In memory that is always the whole buffer, so nothing is copied.
"""

from collections.abc import Callable
from typing import Protocol

Buffer = bytes | memoryview
DEFAULT_WINDOW = 1 << 20


class ByteSource(Protocol):
    """Random access to ``size`` bytes."""

    @property
    def size(self) -> int: ...

    def window(self, offset: int, at_least: int) -> tuple[Buffer, int]:
        """Return a buffer and the offset of its first byte.

        The buffer covers ``offset`` to ``offset + at_least``, or to the end if that comes first.
        """
        ...


class MemorySource:
    """A buffer as a source."""

    __slots__ = ("_buffer", "size")

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self.size = len(buffer)

    def window(self, offset: int, at_least: int) -> tuple[Buffer, int]:
        """Return the whole buffer: it covers every request."""
        return self._buffer, 0


class RangeSource:
    """Something larger than memory, read by ranges; one window is held at a time.

    Parameters
    ----------
    size : int
        Bytes in all.
    read : callable
        ``read(start, length)`` returns exactly those bytes.
    window_size : int
        Bytes fetched at once when a request is smaller.
    """

    def __init__(
        self, size: int, read: Callable[[int, int], bytes], window_size: int = DEFAULT_WINDOW
    ) -> None:
        self.size = size
        self._read = read
        self._window_size = window_size
        self._held = b""
        self._start = 0

    def window(self, offset: int, at_least: int) -> tuple[Buffer, int]:
        """Return the held window if it covers the request, else fetch one that starts there."""
        end = min(offset + at_least, self.size)
        if not (self._start <= offset and end <= self._start + len(self._held)):
            length = min(max(at_least, self._window_size), self.size - offset)
            self._held = self._read(offset, length) if length > 0 else b""
            self._start = offset
        return self._held, self._start


def read_bytes(source: ByteSource, offset: int, length: int) -> bytes:
    """Return the bytes from ``offset``, fewer at the end."""
    buffer, start = source.window(offset, length)
    return bytes(buffer[offset - start : offset - start + length])
