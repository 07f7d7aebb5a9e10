"""Patient and study attributes out of a DICOM file of that study."""

from collections.abc import Mapping
from pathlib import Path

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import RangeSource, read_bytes
from chalicelib.dicomweb.dicom_file import (
    DicomFileLimits,
    accepted_transfer_syntax,
    walk_of,
)
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.dicomweb.structure import UNDEFINED_LENGTH, Kind
from chalicelib.dicomweb.text import UndecodableText, character_sets_of, decode_text
from chalicelib.standard.created_iods import SETTABLE
from chalicelib.standard.created_modules import ValueSource
from chalicelib.standard.vrs import VRS
from chalicelib.useragent.acquire.errors import AcquireError, attribute

_COPIED = {row.tag: row for row in SETTABLE.values() if row.source is ValueSource.TEMPLATE}
_LAST = max(_COPIED)
_MAX_VALUE_BYTES = 4096


def read_template(path: Path) -> Mapping[str, str]:
    """Return the patient and study attributes that a DICOM file has, by keyword.

    An attribute of zero length is stated as empty. The file is read no further than needed.

    Raises
    ------
    AcquireError
        When it is no readable DICOM file, or a text cannot be decoded.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)

            def read(start: int, length: int) -> bytes:
                file.seek(start)
                return file.read(length)

            values = _values(RangeSource(size, read, window_size=1 << 16))
    except OSError as error:
        raise AcquireError(f"It cannot be read: {error.strerror}.", path=path) from None
    except InstanceError as error:
        raise AcquireError(f"It is no template: {error.detail}", path=path) from None
    try:
        return _decoded(values)
    except AcquireError as error:
        error.path = path
        raise


def _values(source: RangeSource) -> dict[int, bytes]:
    """Return the raw values of the tags wanted, up to the last of them."""
    meta = read_file_meta(source)
    syntax = accepted_transfer_syntax(meta.transfer_syntax)
    walk = walk_of(source, meta, syntax, DicomFileLimits())
    values = {}
    for step in walk:
        if step.depth == 0 and step.tag > _LAST:
            break
        is_wanted = step.tag in _COPIED or step.tag == tags.SPECIFIC_CHARACTER_SET
        if step.kind is not Kind.ELEMENT or step.depth or not is_wanted:
            continue
        if step.length != UNDEFINED_LENGTH and step.length <= _MAX_VALUE_BYTES:
            values[step.tag] = read_bytes(walk.source, step.offset, step.length)
    return values


def _decoded(values: Mapping[int, bytes]) -> dict[str, str]:
    declared = values.get(tags.SPECIFIC_CHARACTER_SET, b"").rstrip(b" \0")
    try:
        sets = character_sets_of(declared) if declared else ()
    except UndecodableText:
        raise AcquireError(
            "Its Specific Character Set (0008,0005) is unknown.", tag=tags.SPECIFIC_CHARACTER_SET
        ) from None
    decoded = {}
    for tag, value in values.items():
        row = _COPIED.get(tag)
        if row is None:
            continue
        used = sets if VRS[row.vr].text else ()
        try:
            decoded[row.keyword] = decode_text(value.rstrip(b" \0"), used, vr=row.vr)
        except UndecodableText:
            named = attribute(row.keyword, tag)
            raise AcquireError(
                f"Its {named} is no text of its Specific Character Set.", tag=tag
            ) from None
    return decoded
