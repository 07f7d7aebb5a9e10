"""Finding what can be sent: files and folders, told by content and never by name.

What is skipped is said, with the reason: a file that silently stays behind is a lost instance.
Memory does not grow with the number of files: folders are read entry by entry, in the order that
the file system gives.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from chalicelib.dicomweb.byte_source import RangeSource
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import PREAMBLE_LENGTH, PREFIX
from chalicelib.standard.sop_classes import SopClassKind, kind_of
from chalicelib.useragent.glance import Glance
from chalicelib.useragent.headers import Identity, read_identity
from chalicelib.useragent.sources import FileSource

_HEAD_BYTES = 4 * 1024
_WINDOW_BYTES = 16 * 1024


class Found(NamedTuple):
    """A DICOM instance in a file, or a file from which one can be made.

    ``form`` is "" for a DICOM file, else the media type of what an instance is made from; then
    ``identity`` is None until that is done.
    """

    source: FileSource
    identity: Identity | None
    form: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that is not sent, and why, in words.

    ``is_lost``: it is, or may hold, an instance that ought to be sent.
    """

    path: bytes
    reason: str
    is_lost: bool = False


Known = Callable[[FileSource], bool]
"""Whether a file needs no second look because it is in the journal as it is."""

_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"%PDF-", 0, "application/pdf"),
    (b"ftyp", 4, "video/mp4"),
    (b"\0\0\1\xba", 0, "video/mpeg"),
    (b"\0\0\1\xb3", 0, "video/mpeg"),
)
_SAID = {
    "image/jpeg": "a JPEG picture",
    "image/png": "a PNG picture",
    "application/pdf": "a PDF document",
    "video/mp4": "an MP4 video",
    "video/mpeg": "an MPEG video",
}
_ARCHIVES = (b"PK\3\4", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ")


def scan(
    paths: Iterable[str | os.PathLike[str]],
    is_known: Known = lambda source: False,
    *,
    can_acquire: bool = False,
) -> Iterator[Found | Skipped]:
    """Yield everything below the paths, once for each file.

    Parameters
    ----------
    paths : iterable of path
        Files and folders. Symbolic links to folders are not followed below them.
    is_known : callable
        For such a file ``identity`` is None and ``form`` "".
    can_acquire : bool
        Whether pictures, videos and documents are found rather than skipped.
    """
    manner = _Manner(is_known, can_acquire)
    for path in paths:
        yield from _scan_path(os.fsencode(path), manner)


@dataclass(frozen=True, slots=True)
class _Manner:
    """How the files of one scan are looked at."""

    is_known: Known
    can_acquire: bool
    glance: Glance = field(default_factory=Glance)


def _scan_path(path: bytes, manner: _Manner) -> Iterator[Found | Skipped]:
    path = os.path.abspath(path)
    try:
        facts = os.stat(path)
    except OSError as error:
        yield Skipped(path, f"cannot be read: {error.strerror}", is_lost=True)
        return
    if S_ISDIR(facts.st_mode):
        yield from _scan_folder(path, manner)
    else:
        yield _look(path, facts, manner)


def _scan_folder(top: bytes, manner: _Manner) -> Iterator[Found | Skipped]:
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        yield _look_at_entry(entry, manner)
        except OSError as error:
            yield Skipped(folder, f"the folder cannot be read: {error.strerror}", is_lost=True)


def _look_at_entry(entry: os.DirEntry[bytes], manner: _Manner) -> Found | Skipped:
    try:
        if entry.is_symlink() and entry.is_dir():
            return Skipped(entry.path, "a symbolic link to a folder; name the folder itself")
        return _look(entry.path, entry.stat(), manner)
    except OSError as error:
        return Skipped(entry.path, f"cannot be read: {error.strerror}", is_lost=True)


def _look(path: bytes, facts: os.stat_result, manner: _Manner) -> Found | Skipped:
    if not S_ISREG(facts.st_mode):
        return Skipped(path, "not a regular file")
    source = FileSource(path, facts.st_size, facts.st_mtime_ns)
    if manner.is_known(source):
        return Found(source, None)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        return Skipped(path, f"cannot be read: {error.strerror}", is_lost=True)
    try:
        return _identify(source, descriptor, manner)
    except OSError as error:
        return Skipped(path, f"cannot be read: {error.strerror}", is_lost=True)
    finally:
        os.close(descriptor)


def _identify(source: FileSource, descriptor: int, manner: _Manner) -> Found | Skipped:
    head = os.pread(descriptor, _HEAD_BYTES, 0)
    if head[PREAMBLE_LENGTH : PREAMBLE_LENGTH + len(PREFIX)] != PREFIX:
        return _not_dicom(source, head, can_acquire=manner.can_acquire)
    identity = manner.glance.at(head)
    if identity is not None:
        return _judge(source, identity)

    def read(start: int, length: int) -> bytes:
        if start + length <= len(head):
            return head[start : start + length]
        return os.pread(descriptor, length, start)

    try:
        identity = read_identity(RangeSource(source.size, read, _WINDOW_BYTES))
    except InstanceError as error:
        return Skipped(source.path, f"a damaged DICOM file: {error.detail}", is_lost=True)
    return _judge(source, identity)


def _judge(source: FileSource, identity: Identity) -> Found | Skipped:
    kind = kind_of(identity.sop_class)
    if kind is SopClassKind.NOT_STORAGE and identity.sop_class:
        return Skipped(source.path, "a DICOM file that is no instance, such as a DICOMDIR")
    if kind is SopClassKind.NON_PATIENT:
        return Skipped(source.path, "an object of no patient; it has a service of its own")
    missing = identity.missing()
    if missing:
        return Skipped(source.path, f"a DICOM file without a valid {missing}", is_lost=True)
    return Found(source, identity)


def _not_dicom(source: FileSource, head: bytes, *, can_acquire: bool) -> Found | Skipped:
    if not head:
        return Skipped(source.path, "empty")
    for signature, offset, media_type in _SIGNATURES:
        if head.startswith(signature, offset):
            if can_acquire:
                return Found(source, None, media_type)
            return Skipped(
                source.path,
                f"{_SAID[media_type]}: making instances from it is not part of this installation",
            )
    if head.startswith(_ARCHIVES):
        return Skipped(source.path, "an archive; unpack it first")
    if head[:2] in (b"\x08\0", b"\x02\0") and len(head) > PREAMBLE_LENGTH:
        return Skipped(
            source.path, "perhaps a data set, but without File Meta Information", is_lost=True
        )
    return Skipped(source.path, "not a DICOM file")
