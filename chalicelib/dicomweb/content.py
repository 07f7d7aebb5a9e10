"""Whether two DICOM files hold the same content in other bytes.

A router that passes an instance on may write it anew: another preamble and File Meta Information,
group lengths, padding, implicit instead of explicit VR, sequences of undefined length, another
byte order. None of that changes the instance. A changed value does.
"""

from array import array
from collections.abc import Iterator
from hashlib import sha256
from struct import pack

from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.dicom_file import (
    DicomFileLimits,
    accepted_transfer_syntax,
    walk_of,
)
from chalicelib.dicomweb.dictionary import dictionary_vr
from chalicelib.dicomweb.file_meta import FileMeta
from chalicelib.dicomweb.structure import Kind, Step
from chalicelib.standard.transfer_syntaxes import Encoding
from chalicelib.standard.vrs import VR, VRS

_TRANSFER_SYNTAX_UID = 0x00020010
_DATA_SET_TRAILING_PADDING = 0xFFFCFFFC
# An instance built again from the same metadata and bulkdata was coerced at another time.
_ATTRIBUTE_MODIFICATION_DATETIME = 0x04000562
_NO_CONTENT = frozenset({_DATA_SET_TRAILING_PADDING, _ATTRIBUTE_MODIFICATION_DATETIME})
_CHUNK = 1 << 20  # a multiple of every unit that swaps
_ARRAY_CODES = {2: "H", 4: "I", 8: "Q"}
_CLOSES = (Kind.END_SEQUENCE, Kind.END_FRAGMENTS)


def differing_tags(
    one: ByteSource,
    one_meta: FileMeta,
    other: ByteSource,
    other_meta: FileMeta,
    limits: DicomFileLimits | None = None,
) -> tuple[int, ...]:
    """Return the top-level tags in which two files differ, ascending; empty when they are equal.

    Each source holds a whole file. (0002,0010) is among the tags when both encapsulate their
    pixel data in different transfer syntaxes: equal fragments then mean different pixels.

    Raises
    ------
    InstanceError
        When one of the files cannot be walked.
    """
    limits = limits or DicomFileLimits()
    ours = dict(_digests(one, one_meta, limits))
    theirs = dict(_digests(other, other_meta, limits))
    differing = {tag for tag in ours.keys() | theirs.keys() if ours.get(tag) != theirs.get(tag)}
    if one_meta.transfer_syntax != other_meta.transfer_syntax and (
        accepted_transfer_syntax(one_meta.transfer_syntax).encapsulated
        or accepted_transfer_syntax(other_meta.transfer_syntax).encapsulated
    ):
        differing.add(_TRANSFER_SYNTAX_UID)
    return tuple(sorted(differing))


def _digests(
    source: ByteSource, meta: FileMeta, limits: DicomFileLimits
) -> Iterator[tuple[int, bytes]]:
    """Yield each top-level tag with a digest of what it holds, however it is written."""
    walk = walk_of(source, meta, accepted_transfer_syntax(meta.transfer_syntax), limits)
    digest = sha256()
    for step in walk:
        if _is_framing(step):
            continue
        # Delimiters and lengths are framing; that something opens or ends is content.
        digest.update(pack("<BI", step.kind, step.tag))
        if step.kind in (Kind.ELEMENT, Kind.FRAGMENT):
            for piece in _normalised(walk.source, step):
                digest.update(piece)
        if step.depth == 0 and (step.kind is Kind.ELEMENT or step.kind in _CLOSES):
            yield step.tag, digest.digest()
            digest = sha256()


def _is_framing(step: Step) -> bool:
    return step.kind is Kind.ELEMENT and (step.tag & 0xFFFF == 0 or step.tag in _NO_CONTENT)


def _normalised(source: ByteSource, step: Step) -> Iterator[bytes]:
    """Yield a value in Little Endian and without padding, its length before it."""
    public = _public_vr(step.tag)
    if public is not None and (public.multiple or public.text or public.code == "UR"):
        value = read_bytes(source, step.offset, step.length).rstrip(b" \0")
        yield pack("<Q", len(value)) + value
        return
    yield pack("<Q", step.length)
    # The file alone knows the VR of a private element, or which of two a public one has.
    vr = public or VRS.get(step.vr)
    unit = vr.unit if vr is not None and step.encoding is Encoding.EXPLICIT_BIG else 1
    for start in range(0, step.length, _CHUNK):
        piece = read_bytes(source, step.offset + start, min(_CHUNK, step.length - start))
        yield _swapped(piece, unit) if unit > 1 else piece


def _public_vr(tag: int) -> VR | None:
    """Return the dictionary's VR, so that an element is treated alike however a file writes it.

    Padding of a private value stays: an implicit file does not say whether it is text.
    """
    return VRS.get(dictionary_vr(tag))


def _swapped(piece: bytes, unit: int) -> bytes:
    whole = len(piece) // unit * unit
    numbers = array(_ARRAY_CODES[unit], piece[:whole])
    numbers.byteswap()
    return numbers.tobytes() + piece[whole:]
