"""Instances that are made of a photograph, a video or a document: the one call into ``acquire``.

The package that makes them is loaded when the first such file is met. An instance is made once to
know its UIDs and again when it is sent: the same file and options give the same UIDs, so nothing
of a patient's has to be kept on disk in between.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.dicomweb.byte_source import MemorySource as Bytes
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.multipart_writer import Buffer
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.headers import Identity, read_identity
from chalicelib.useragent.sources import FileSource, label_of

_PACKAGE = "chalicelib.useragent.acquire"


def is_acquire_there() -> bool:
    """Return whether instances can be made."""
    return importlib.util.find_spec(_PACKAGE) is not None


@dataclass(frozen=True, slots=True)
class Acquirer:
    """Makes instances with one set of options."""

    options: Any = field(repr=False)
    now: Callable[[], datetime]
    note: Callable[[str, str], None] = lambda path, note: None

    def make(self, path: bytes) -> bytes:
        """Return the DICOM file that a file becomes.

        Raises
        ------
        SourceError
            None can be made, and why.
        """
        label = label_of(path)
        acquire = importlib.import_module(_PACKAGE).acquire
        error_type = importlib.import_module(f"{_PACKAGE}.errors").AcquireError
        try:
            made = acquire(Path(os.fsdecode(path)), self.options, now=self.now())
            for note in made.notes:
                self.note(label, note)
            return bytes(made.content)
        except error_type as error:
            raise SourceError(label, error.detail) from None
        except OSError as error:
            raise SourceError(label, f"The file cannot be read: {error.strerror}.") from None

    def identify(self, path: bytes) -> Identity:
        """Return the identity of the instance that a file becomes."""
        try:
            return read_identity(Bytes(self.make(path)))
        except InstanceError as error:
            raise SourceError(label_of(path), error.detail) from None


class AcquiredSource:
    """An instance made of a file, when its bytes are first asked for."""

    is_held = True
    """In memory, so that few are gathered at a time."""

    def __init__(self, origin: FileSource, acquirer: Acquirer, sop_instance: str) -> None:
        self._origin = origin
        self._acquirer = acquirer
        self._sop_instance = sop_instance
        self._content: bytes | None = None

    @property
    def label(self) -> str:
        return self._origin.label

    @property
    def size(self) -> int:
        return len(self.make())

    def chunks(self) -> Iterator[Buffer]:
        """Yield the whole."""
        yield self.make()

    def read(self, offset: int, length: int) -> bytes:
        """Return a range."""
        return self.make()[offset : offset + length]

    def make(self) -> bytes:
        """Return the instance, made once. Raises SourceError."""
        if self._content is None:
            content = self._acquirer.make(self._origin.path)
            if read_identity(Bytes(content)).sop_instance != self._sop_instance:
                raise SourceError(self.label, "The file or the options have changed.")
            self._content = content
        return self._content
