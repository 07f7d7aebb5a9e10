"""Defined terms of Specific Character Set (0008,0005): PS3.3 C.12.1.1.2, PS3.5 6.1.

``codec`` is Python's name. Terms with ``escapes`` take part in code extension by ISO/IEC 2022:
each escape sequence designates the set, and the bytes after it are decoded by ``codec``. A
``double_byte_g0`` set takes the place of ASCII: its codec wants to see the escape sequence, and
no byte after it is a delimiter.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """A row; ``term`` "" is the default repertoire, ISO-IR 6."""

    term: str
    codec: str
    escapes: tuple[bytes, ...] = ()
    double_byte_g0: bool = False
    extends: bool = True


_SINGLE_BYTE = (
    ("100", "iso8859-1", b"\x1b-A"),
    ("101", "iso8859-2", b"\x1b-B"),
    ("109", "iso8859-3", b"\x1b-C"),
    ("110", "iso8859-4", b"\x1b-D"),
    ("144", "iso8859-5", b"\x1b-L"),
    ("127", "iso8859-6", b"\x1b-G"),
    ("126", "iso8859-7", b"\x1b-F"),
    ("138", "iso8859-8", b"\x1b-H"),
    ("148", "iso8859-9", b"\x1b-M"),
    ("203", "iso8859-15", b"\x1b-b"),
    ("166", "iso8859-11", b"\x1b-T"),
    ("13", "shift_jis", b"\x1b)I"),
)

_ROWS = (
    CharacterSet("", "ascii", (b"\x1b(B",)),
    CharacterSet("ISO_IR 6", "ascii", (b"\x1b(B",)),
    CharacterSet("ISO 2022 IR 6", "ascii", (b"\x1b(B",)),
    *(CharacterSet(f"ISO_IR {n}", codec, (escape,)) for n, codec, escape in _SINGLE_BYTE),
    *(CharacterSet(f"ISO 2022 IR {n}", codec, (escape,)) for n, codec, escape in _SINGLE_BYTE),
    CharacterSet("ISO 2022 IR 87", "iso2022_jp", (b"\x1b$B",), double_byte_g0=True),
    CharacterSet("ISO 2022 IR 159", "iso2022_jp_2", (b"\x1b$(D",), double_byte_g0=True),
    CharacterSet("ISO 2022 IR 149", "euc_kr", (b"\x1b$)C",)),
    CharacterSet("ISO 2022 IR 58", "gb2312", (b"\x1b$)A",)),
    CharacterSet("ISO_IR 192", "utf-8", extends=False),
    CharacterSet("GB18030", "gb18030", extends=False),
    CharacterSet("GBK", "gbk", extends=False),
)

CHARACTER_SETS: dict[str, CharacterSet] = {row.term: row for row in _ROWS}

JIS_X_0201_ROMAN = b"\x1b(J"
"""Designates the G0 half of ISO-IR 13: ASCII but for yen and overline."""
