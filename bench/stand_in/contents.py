"""Where the bytes of bodies and objects are: in memory, in files, or nowhere.

An object's content is a tuple of `Segment`; nothing is copied to assemble objects from parts. What
no segment refers to any longer is free: files have no name, so they end with the process at the
latest, however it ends.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.stand_in.values import AwsError

Buffer = bytes | bytearray | memoryview

OWN_FILE = 1024 * 1024
"""Bytes from which a body has a file of its own; smaller ones share one."""
SHARED_FILE = 64 * 1024 * 1024
"""Bytes after which another shared file is begun, so that deleted bodies free theirs in time."""
_READ = 1024 * 1024
_ZEROS = bytes(256 * 1024)


class Place(Protocol):
    """Holds bytes at offsets."""

    def write(self, offset: int, piece: Buffer) -> None:
        """Write the piece."""

    def read(self, offset: int, length: int) -> bytes:
        """Return so many bytes. Raises AwsError 501 where they are not held."""

    def fileno(self) -> int | None:
        """Return the descriptor of the file, if it is one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of bytes: ``length`` of them from ``offset`` of ``place``."""

    place: Place
    offset: int
    length: int

    def write(self, start: int, piece: Buffer) -> None:
        """Write the piece ``start`` bytes into the segment."""
        self.place.write(self.offset + start, piece)

    def read(self) -> bytes:
        """Return all bytes."""
        return self.place.read(self.offset, self.length)

    def fileno(self) -> int | None:
        """Return the descriptor of the file that holds them, if one does."""
        return self.place.fileno()

    def cut(self, start: int, length: int) -> "Segment":
        """Return a run within this one."""
        return Segment(self.place, self.offset + start, length)


Content = tuple[Segment, ...]


def size_of(content: Sequence[Segment]) -> int:
    """Return the bytes in all segments."""
    return sum(segment.length for segment in content)


def cut(content: Sequence[Segment], first: int, last: int) -> Content:
    """Return the segments of bytes ``first`` to ``last``, both included."""
    found, start = [], 0
    for segment in content:
        begin, end = max(first - start, 0), min(last + 1 - start, segment.length)
        if begin < end:
            found.append(segment.cut(begin, end - begin))
        start += segment.length
    return tuple(found)


def sha256_of(content: Sequence[Segment]) -> bytes:
    """Return the digest, read a little at a time."""
    digest = hashlib.sha256()
    for piece in _pieces(content):
        digest.update(piece)
    return digest.digest()


def _pieces(content: Sequence[Segment]) -> Iterator[bytes]:
    for segment in content:
        for start in range(0, segment.length, _READ):
            yield segment.cut(start, min(_READ, segment.length - start)).read()


class Nowhere:
    """Forgets what is written."""

    def begin(self, length: int) -> Segment:
        """Return a segment to write to."""
        return Segment(self, 0, length)

    def write(self, offset: int, piece: Buffer) -> None:
        """Forget the piece."""

    def read(self, offset: int, length: int) -> bytes:
        """Refuse."""
        raise AwsError(501, "NotImplemented", "The stand-in holds no bytes.")

    def fileno(self) -> None:
        """Return None."""
        return


class Memory:
    """Holds every body in a buffer of its own."""

    def begin(self, length: int) -> Segment:
        """Return a segment to write to."""
        return Segment(_Buffer(length), 0, length)


class _Buffer:
    def __init__(self, length: int) -> None:
        self._bytes = bytearray(length)

    def write(self, offset: int, piece: Buffer) -> None:
        self._bytes[offset : offset + len(piece)] = piece

    def read(self, offset: int, length: int) -> bytes:
        return bytes(memoryview(self._bytes)[offset : offset + length])

    def fileno(self) -> None:
        return


class Files:
    """Holds large bodies in files of their own and small ones side by side.

    Parameters
    ----------
    directory : Path
        Where the files take their room; it is made, and nothing is to be seen in it.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._shared = _File(directory)

    def begin(self, length: int) -> Segment:
        """Return a segment to write to."""
        if length >= OWN_FILE:
            file = _File(self._directory)
        else:
            if self._shared.size >= SHARED_FILE:
                self._shared = _File(self._directory)
            file = self._shared
        return Segment(file, file.reserve(length), length)


Store = Nowhere | Memory | Files


class _File:
    """A file without a name. Zeros become holes, so that sparse bodies stay sparse."""

    def __init__(self, directory: Path) -> None:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            self._descriptor = os.dup(file.fileno())
        self.size = 0

    def reserve(self, length: int) -> int:
        """Return the offset of new room: a hole, so far."""
        start, self.size = self.size, self.size + length
        os.ftruncate(self._descriptor, self.size)
        return start

    def write(self, offset: int, piece: Buffer) -> None:
        if _ZEROS.startswith(piece):
            return
        view = memoryview(piece)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written

    def read(self, offset: int, length: int) -> bytes:
        piece = os.pread(self._descriptor, length, offset)
        while len(piece) < length:  # one call returns 2 GiB at most
            piece += os.pread(self._descriptor, length - len(piece), offset + len(piece))
        return piece

    def fileno(self) -> int:
        return self._descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)
