"""Markdown as the statement needs it: tables, headings, places to be filled."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

_PLACE = re.compile(r"\{\{([a-z0-9.-]+)\}\}")
_HEADING = re.compile(r"^(#{2,3}) (.+)$", re.MULTILINE)
_NOT_IN_ANCHOR = re.compile(r"[^a-z0-9 -]")


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, none: str = "None.") -> str:
    """Return a table, or a sentence when it has no rows."""
    lines = [_line(row) for row in rows]
    if not lines:
        return f"*{none}*"
    return "\n".join((_line(header), "|" + "---|" * len(header), *lines))


def code(text: str) -> str:
    """Return the text as code."""
    return f"`{text}`"


def fill(template: str, places: Mapping[str, Callable[[], str]]) -> str:
    """Return the template with every ``{{name}}`` filled.

    Raises
    ------
    KeyError
        When nothing is known by a name of the template.
    """
    return _PLACE.sub(lambda match: places[match[1]](), template)


def contents(text: str) -> str:
    """Return a table of contents of the headings of the second and third level."""
    entries = []
    for marks, title in _HEADING.findall(text):
        anchor = _NOT_IN_ANCHOR.sub("", title.lower()).replace(" ", "-")
        entries.append(f"{'  ' * (len(marks) - 2)}- [{title}](#{anchor})")
    return "\n".join(entries)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |"
