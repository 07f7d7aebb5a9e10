"""The few values of a DICOM file that a plan needs, read with care from its first bytes.

Most files are known at a ``glance``; these are the others. Where elements are plain they are read
by a loop over headers alone. From the first sequence of undefined length on, and for other
encodings, the structural walk goes on, which trusts no length. Values that are skipped are not
read.
"""

import zlib
from struct import Struct
from typing import NamedTuple

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, MemorySource, read_bytes
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.structure import Kind, StructuralWalk
from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Encoding
from chalicelib.standard.vrs import VRS

_WANTED = (
    tags.SOP_CLASS_UID,
    tags.SOP_INSTANCE_UID,
    tags.STUDY_INSTANCE_UID,
    tags.SERIES_INSTANCE_UID,
)
_LAST = tags.SERIES_INSTANCE_UID
MAX_UID_BYTES = 66
_MAX_DEFLATED_BYTES = 1 << 20
_LONG_FORM = frozenset(code.encode() for code, row in VRS.items() if row.long_form)
_SHORT_FORM = frozenset(code.encode() for code, row in VRS.items() if not row.long_form)
_SHORT, _LONG = Struct("<HH2sH"), Struct("<I")


class Identity(NamedTuple):
    """What names an instance."""

    sop_class: str
    sop_instance: str
    study: str
    series: str
    transfer_syntax: str

    def missing(self) -> str:
        """Return the first of them that is "", in words; "" where none is."""
        if self.sop_class and self.sop_instance and self.study and self.series:
            return "" if self.transfer_syntax else "Transfer Syntax UID (0002,0010)"
        named = {
            "SOP Class UID (0008,0016)": self.sop_class,
            "SOP Instance UID (0008,0018)": self.sop_instance,
            "Study Instance UID (0020,000D)": self.study,
            "Series Instance UID (0020,000E)": self.series,
        }
        return next(name for name, uid in named.items() if not uid)


def read_identity(source: ByteSource) -> Identity:
    """Return what a DICOM file says it is.

    Raises
    ------
    InstanceError
        It is no DICOM file, or one that does not name itself: a server could only refuse it.
    """
    meta = read_file_meta(source)
    row = TRANSFER_SYNTAXES.get(meta.transfer_syntax)
    encoding = row.encoding if row is not None else Encoding.EXPLICIT_LITTLE
    start = meta.data_set_start
    if encoding is Encoding.DEFLATED:
        source = MemorySource(_inflated_head(read_bytes(source, start, _MAX_DEFLATED_BYTES)))
        start, encoding = 0, Encoding.EXPLICIT_LITTLE
    values: dict[int, bytes] = {}
    if encoding is Encoding.EXPLICIT_LITTLE:
        start = _read_plain(source, start, values)
    if start >= 0:
        _walk(source, encoding, start, values)
    sop_class = _uid(values, tags.SOP_CLASS_UID) or meta.sop_class
    sop_instance = _uid(values, tags.SOP_INSTANCE_UID) or meta.sop_instance
    study, series = (_uid(values, tag) for tag in _WANTED[2:])
    return Identity(sop_class, sop_instance, study, series, meta.transfer_syntax)


def _read_plain(source: ByteSource, position: int, values: dict[int, bytes]) -> int:
    """Read elements of defined length; return where the walk has to go on, -1 when all is read."""
    size = source.size
    buffer, base = source.window(position, 12)
    end = base + len(buffer)
    while position + 12 <= size:
        if position + 12 > end or position < base:
            buffer, base = source.window(position, 12)
            end = base + len(buffer)
        group, number, vr, length = _SHORT.unpack_from(buffer, position - base)
        tag = group << 16 | number
        if tag > _LAST:
            return -1
        if vr in _SHORT_FORM:
            value = position + 8
        elif vr in _LONG_FORM:
            (length,) = _LONG.unpack_from(buffer, position - base + 8)
            value = position + 12
        else:
            return position
        if length == 0xFFFFFFFF or value + length > size:
            return position
        if tag in _WANTED and length <= MAX_UID_BYTES:
            values[tag] = read_bytes(source, value, length)
            buffer, base = source.window(value, 0)
            end = base + len(buffer)
        position = value + length
    return position if position < size else -1


def _walk(source: ByteSource, encoding: Encoding, start: int, values: dict[int, bytes]) -> None:
    try:
        for step in StructuralWalk(source, encoding, False, start):
            if step.depth:
                continue
            if step.tag > _LAST:
                return
            if step.kind is Kind.ELEMENT and step.tag in _WANTED and step.length <= MAX_UID_BYTES:
                values[step.tag] = read_bytes(source, step.offset, step.length)
    except InstanceError:
        if not all(tag in values for tag in _WANTED):
            raise


def _inflated_head(deflated: bytes) -> bytes:
    try:
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        return inflater.decompress(deflated, _MAX_DEFLATED_BYTES)
    except zlib.error:
        return b""


def _uid(values: dict[int, bytes], tag: int) -> str:
    text = values.get(tag, b"").rstrip(b"\0 ").decode("latin-1")
    return text if is_uid(text) else ""
