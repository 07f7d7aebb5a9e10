"""Tags and tag paths as text: ``(0008,1140)[2].(0008,1155)``, items counted from 1."""

from collections.abc import Iterable

ITEM = 0xFFFEE000
ITEM_DELIMITATION = 0xFFFEE00D
SEQUENCE_DELIMITATION = 0xFFFEE0DD
SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
PIXEL_DATA = 0x7FE00010


def format_tag(tag: int) -> str:
    """Return ``(gggg,eeee)``, upper-case hexadecimal."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def format_path(steps: Iterable[tuple[int, int]], tag: int | None = None) -> str:
    """Return the path through sequences, each step a tag and a 1-based item number, to a tag."""
    parts = [f"{format_tag(sequence)}[{number}]" for sequence, number in steps]
    if tag is not None:
        parts.append(format_tag(tag))
    return ".".join(parts)
