"""Requests' payloads: what a batch looks like on the wire (PS3.18 10.5.1.4).

The default shape is the one that every server takes: quoted ``type``, one part for each instance
with ``Content-Type: application/dicom`` and nothing else, Content-Length, no coding.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from chalicelib.dicomweb.multipart_writer import Buffer, Content, MultipartBody, OutgoingPart
from chalicelib.standard.media_types import DICOM
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Encoding
from chalicelib.useragent.model import Instance
from chalicelib.useragent.rewrite import rewritten
from chalicelib.useragent.sources import SourceContent

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_FORBIDDEN = frozenset(
    uid
    for uid, row in TRANSFER_SYNTAXES.items()
    if row.encoding in (Encoding.IMPLICIT_LITTLE, Encoding.EXPLICIT_BIG)
)
_FRAMING_BYTES = 100
_GZIP_LEVEL = 4


@dataclass(frozen=True, slots=True)
class Payload:
    """A body with the header fields that describe it."""

    headers: tuple[tuple[str, str], ...]
    body: Content


class Piece(NamedTuple):
    """An instance of a batch; ``must_rewrite`` when the server asked for another syntax."""

    instance: Instance
    must_rewrite: bool = False


class Encoder(Protocol):
    """Makes payloads of one kind."""

    def cost(self, instance: Instance) -> int:
        """Return about how many bytes an instance adds to a body."""
        ...

    def is_rewritten(self, piece: Piece) -> bool:
        """Return whether the instance leaves in another transfer syntax than it has."""
        ...

    def encode(self, pieces: Sequence[Piece], boundary: str, *, is_quoted: bool) -> Payload:
        """Return the payload.

        Raises
        ------
        SourceError
            One instance cannot be read or written so.
        """
        ...


@dataclass(frozen=True, slots=True)
class WireOptions:
    """How a payload travels. ``is_chunked``: without Content-Length (RFC 9112 7.1)."""

    is_gzipped: bool = False
    is_chunked: bool = False

    def dress(self, body: Content, content_type: str) -> Payload:
        """Return the payload with codings."""
        headers = [("Content-Type", content_type)]
        if self.is_gzipped:
            body = GzipContent(body, is_counted=not self.is_chunked)
            headers.append(("Content-Encoding", "gzip"))
        elif self.is_chunked:
            body = _Unmeasured(body)
        return Payload(tuple(headers), body)


PLAIN = WireOptions()


@dataclass(frozen=True, slots=True)
class DicomEncoder:
    """PS3.10 instances (R-201), byte for byte as they are but for what may not travel (U-04).

    Parameters
    ----------
    names_syntax : bool
        Add ``transfer-syntax`` to each part, and to the message where all agree (U-05).
    is_raw : bool
        Send Implicit VR Little Endian and Big Endian as they are.
    """

    wire: WireOptions = PLAIN
    names_syntax: bool = False
    is_raw: bool = False

    def cost(self, instance: Instance) -> int:
        """Return the bytes of the file and its framing."""
        return instance.source.size + _FRAMING_BYTES

    def is_rewritten(self, piece: Piece) -> bool:
        """Return whether U-04, or the server, wants Explicit VR Little Endian."""
        if piece.must_rewrite:
            return True
        return not self.is_raw and piece.instance.transfer_syntax in _FORBIDDEN

    def encode(self, pieces: Sequence[Piece], boundary: str, *, is_quoted: bool) -> Payload:
        """Return one part for each instance."""
        parts = [self._part(piece) for piece in pieces]
        body = MultipartBody(parts, boundary)
        content_type = body.content_type(
            DICOM, is_quoted=is_quoted, parameters=self._common_syntax(pieces)
        )
        return self.wire.dress(body, content_type)

    def _common_syntax(self, pieces: Sequence[Piece]) -> str:
        syntaxes = {self._syntax(piece) for piece in pieces} if self.names_syntax else set()
        return f"; transfer-syntax={syntaxes.pop()}" if len(syntaxes) == 1 else ""

    def _part(self, piece: Piece) -> OutgoingPart:
        source = piece.instance.source
        content = rewritten(source) if self.is_rewritten(piece) else SourceContent(source)
        kind = f"{DICOM}; transfer-syntax={self._syntax(piece)}" if self.names_syntax else DICOM
        return OutgoingPart((("Content-Type", kind),), content)

    def _syntax(self, piece: Piece) -> str:
        if self.is_rewritten(piece):
            return EXPLICIT_VR_LITTLE_ENDIAN
        return piece.instance.transfer_syntax


def can_rewrite(instance: Instance) -> bool:
    """Return whether we can write the instance as Explicit VR Little Endian without a codec."""
    row = TRANSFER_SYNTAXES.get(instance.transfer_syntax)
    return row is not None and row.encoding is not Encoding.EXPLICIT_LITTLE


class GzipContent:
    """A body with gzip (RFC 1952), compressed as it goes out.

    Parameters
    ----------
    is_counted : bool
        Know the length, for which the body is compressed once more than it is sent: servers that
        want Content-Length are many.
    """

    def __init__(self, content: Content, *, is_counted: bool) -> None:
        self._content = content
        self._is_counted = is_counted
        self._length: int | None = None

    @property
    def length(self) -> int | None:
        """Compressed bytes, None when they are not counted."""
        if self._is_counted and self._length is None:
            self._length = sum(len(chunk) for chunk in self)
        return self._length

    def __iter__(self) -> Iterator[Buffer]:
        deflater = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
        for chunk in self._content:
            if compressed := deflater.compress(chunk):
                yield compressed
        yield deflater.flush()


@dataclass(frozen=True, slots=True)
class _Unmeasured:
    """A body whose length is not told."""

    content: Content

    @property
    def length(self) -> None:
        return None

    def __iter__(self) -> Iterator[Buffer]:
        return iter(self.content)
