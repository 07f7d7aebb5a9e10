"""Elements by the byte, in each encoding, for tests of what reads them."""

from struct import pack

UNDEFINED = 0xFFFFFFFF
ITEM_DELIMITER = bytes.fromhex("FEFF0DE000000000")
SEQUENCE_DELIMITER = bytes.fromhex("FEFFDDE000000000")
_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")


def explicit(tag: int, vr: str, value: bytes = b"", length: int | None = None) -> bytes:
    """An element in Explicit VR Little Endian; ``length`` lies when it is given."""
    size = len(value) if length is None else length
    head = pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + (pack("<HI", 0, size) if vr in _LONG else pack("<H", size)) + value


def big_endian(tag: int, vr: str, value: bytes = b"") -> bytes:
    head = pack(">HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + (pack(">HI", 0, len(value)) if vr in _LONG else pack(">H", len(value))) + value


def implicit(tag: int, value: bytes = b"", length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value


def item(content: bytes = b"", *, undefined: bool = False) -> bytes:
    if undefined:
        return pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + content + ITEM_DELIMITER
    return pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
