"""Where an instance's bytes are: a file, memory, or something the caller brings.

A source can be read any number of times, from the start or by ranges, and notices when what it
reads is no longer what was planned.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from chalicelib.dicomweb.byte_source import RangeSource
from chalicelib.dicomweb.multipart_writer import Buffer
from chalicelib.useragent.errors import SourceError

CHUNK_BYTES = 256 * 1024
SLICE_BYTES = 4 * 1024 * 1024


class Source(Protocol):
    """Bytes of a DICOM file.

    ``label`` names the source to a person and in reports: a path as a rule. ``range_bytes``, where
    a source has it, is what it would rather be asked for at once.
    """

    @property
    def label(self) -> str: ...

    @property
    def size(self) -> int: ...

    def chunks(self) -> Iterator[Buffer]:
        """Yield all bytes; a buffer is valid until the next is asked for.

        Raises
        ------
        SourceError
        """
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes.

        Raises
        ------
        SourceError
        """
        ...


def label_of(path: bytes) -> str:
    """Return a path as text that can be written anywhere: what is not UTF-8 as ``\\xff``."""
    return path.decode("utf-8", "backslashreplace")


@dataclass(slots=True)
class FileSlice:
    """Bytes of an open file that a socket can take from it directly; valid like a buffer.

    ``changed`` makes the error for when they are not there.
    """

    descriptor: int
    offset: int
    length: int
    changed: Callable[[], SourceError]

    def chunks(self) -> Iterator[Buffer]:
        """Yield the bytes; a buffer is valid until the next is asked for.

        Raises
        ------
        SourceError
        """
        view = memoryview(bytearray(min(CHUNK_BYTES, self.length)))
        offset, end = self.offset, self.offset + self.length
        while offset < end:
            try:
                count = os.preadv(self.descriptor, [view[: end - offset]], offset)
            except OSError as error:
                detail = f"The file cannot be read: {error.strerror}."
                raise SourceError(self.changed().label, detail) from None
            if count == 0:
                raise self.changed()
            offset += count
            yield view[:count]


class FileSource(NamedTuple):
    """A file, identified by path, size and time of modification (in nanoseconds)."""

    path: bytes
    size: int
    mtime_ns: int

    @property
    def label(self) -> str:
        return label_of(self.path)

    @property
    def is_there(self) -> bool:
        """Whether the file is there, as it was."""
        try:
            facts = os.stat(self.path)
        except OSError:
            return False
        return (facts.st_size, facts.st_mtime_ns) == (self.size, self.mtime_ns)

    def chunks(self) -> Iterator[Buffer]:
        """Yield the file's bytes as they lie on disk."""
        buffer = bytearray(min(CHUNK_BYTES, max(self.size, 1)))
        view = memoryview(buffer)
        left = self.size
        descriptor = self._open()
        try:
            while left:
                count = os.readv(descriptor, [view[:left] if left < len(view) else view])
                if count == 0:
                    raise self._changed()
                left -= count
                yield view[:count]
        except OSError as error:
            raise self._unreadable(error) from None
        finally:
            os.close(descriptor)

    def slices(self, start: int = 0, end: int | None = None) -> Iterator[FileSlice]:
        """Yield the file's bytes, or some of them, without reading them."""
        end = self.size if end is None else end
        descriptor = self._open()
        try:
            for offset in range(start, end, SLICE_BYTES):
                length = min(SLICE_BYTES, end - offset)
                yield FileSlice(descriptor, offset, length, self._changed)
        finally:
            os.close(descriptor)

    def read(self, offset: int, length: int) -> bytes:
        """Return a range of the file."""
        descriptor = self._open()
        try:
            found = os.pread(descriptor, length, offset)
        except OSError as error:
            raise self._unreadable(error) from None
        finally:
            os.close(descriptor)
        if len(found) != length:
            raise self._changed()
        return found

    def _open(self) -> int:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise self._unreadable(error) from None
        facts = os.fstat(descriptor)
        if (facts.st_size, facts.st_mtime_ns) != (self.size, self.mtime_ns):
            os.close(descriptor)
            raise self._changed()
        return descriptor

    def _changed(self) -> SourceError:
        return SourceError(self.label, "The file has changed since it was found.")

    def _unreadable(self, error: OSError) -> SourceError:
        return SourceError(self.label, f"The file cannot be read: {error.strerror}.")


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A DICOM file in memory."""

    label: str
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def chunks(self) -> Iterator[Buffer]:
        """Yield the whole."""
        yield self.content

    def read(self, offset: int, length: int) -> bytes:
        """Return a range."""
        return self.content[offset : offset + length]

    def __repr__(self) -> str:
        return f"MemorySource({self.size} bytes)"


@dataclass(frozen=True, slots=True)
class SourceContent:
    """A source as the content of a part: its bytes, untouched."""

    source: Source

    @property
    def length(self) -> int:
        return self.source.size

    def __iter__(self) -> Iterator[Buffer]:
        return self.source.chunks()

    def segments(self) -> Iterator[object]:
        """Yield slices of a file, chunks of anything else."""
        if isinstance(self.source, FileSource):
            return self.source.slices()
        return self.source.chunks()

    def ranged(self, start: int, end: int) -> Iterator[object]:
        """Yield the bytes from start to end: slices of a file, chunks of anything else."""
        if isinstance(self.source, FileSource):
            yield from self.source.slices(start, end)
            return
        step = getattr(self.source, "range_bytes", CHUNK_BYTES)
        for offset in range(start, end, step):
            yield self.source.read(offset, min(step, end - offset))


def ranges_of(source: Source, window: int = 64 * 1024) -> RangeSource:
    """Return the source for readers that jump."""
    return RangeSource(source.size, source.read, window)
