"""What EXIF tells that an instance keeps: orientation, when, and which camera (Exif 2.32 4.6).

Everything else, positions above all, is dropped with the segment that holds it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from re import fullmatch
from struct import unpack_from

_ORIENTATION, _MAKE, _MODEL, _EXIF_DIRECTORY = 0x0112, 0x010F, 0x0110, 0x8769
_DATE_TIME_ORIGINAL, _OFFSET_TIME_ORIGINAL = 0x9003, 0x9011
_ASCII, _SHORT, _LONG = 2, 3, 4
_ENTRY_BYTES = 12
_MAX_ENTRIES = 1000
_MAX_TEXT_BYTES = 256
_DATE_TIME = r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d"


@dataclass(frozen=True, slots=True)
class Exif:
    """What was found.

    Attributes
    ----------
    orientation : int
        1 to 8; 1 where nothing or nonsense is said.
    taken : str
        Local date and time as YYYYMMDDHHMMSS, "" where unknown.
    offset : str
        From UTC as &ZZXX, "" where unknown.
    make, model : str
        Of the camera.
    """

    orientation: int = 1
    taken: str = ""
    offset: str = ""
    make: str = ""
    model: str = ""


def read_exif(tiff: bytes) -> Exif:
    """Return what a TIFF structure tells; what cannot be read is left out.

    Parameters
    ----------
    tiff : bytes
        From the byte order on, without ``Exif`` and two NULs before it.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return Exif()
    first = dict(_directory(tiff, order, unpack_from(f"{order}I", tiff, 4)[0]))
    pointer = first.get(_EXIF_DIRECTORY)
    second = dict(_directory(tiff, order, pointer)) if isinstance(pointer, int) else {}
    orientation = first.get(_ORIENTATION)
    return Exif(
        orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
        _taken(str(second.get(_DATE_TIME_ORIGINAL, ""))),
        _offset(str(second.get(_OFFSET_TIME_ORIGINAL, ""))),
        str(first.get(_MAKE, "")),
        str(first.get(_MODEL, "")),
    )


def _directory(tiff: bytes, order: str, at: int) -> Iterator[tuple[int, int | str]]:
    """Yield tag and value of each entry that is a text or one number."""
    if at + 2 > len(tiff):
        return
    count = min(unpack_from(f"{order}H", tiff, at)[0], _MAX_ENTRIES)
    for entry in range(at + 2, at + 2 + _ENTRY_BYTES * count, _ENTRY_BYTES):
        if entry + _ENTRY_BYTES > len(tiff):
            return
        tag, kind, number = unpack_from(f"{order}HHI", tiff, entry)
        if kind == _SHORT and number == 1:
            yield tag, unpack_from(f"{order}H", tiff, entry + 8)[0]
        elif kind == _LONG and number == 1:
            yield tag, unpack_from(f"{order}I", tiff, entry + 8)[0]
        elif kind == _ASCII and number <= _MAX_TEXT_BYTES:
            start = entry + 8 if number <= 4 else unpack_from(f"{order}I", tiff, entry + 8)[0]
            yield tag, _text(tiff[start : start + number])


def _text(value: bytes) -> str:
    """Return printable ASCII, "" for anything else: makers and dates are nothing else."""
    text = value.split(b"\0")[0].strip(b" ")
    return text.decode() if text.isascii() and text.decode().isprintable() else ""


def _taken(text: str) -> str:
    if fullmatch(_DATE_TIME, text) is None:
        return ""
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").strftime("%Y%m%d%H%M%S")
    except ValueError:  # no such day; cameras whose clock was never set write zeros
        return ""


def _offset(text: str) -> str:
    found = fullmatch(r"([+-])(0\d|1[0-4]):([0-5]\d)", text)
    return "".join(found.groups()) if found else ""
