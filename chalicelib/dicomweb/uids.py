"""UID grammar (PS3.5 9.1, PS3.18 Table 5.1-1)."""

import re

MAX_UID_LENGTH = 64
_GRAMMAR = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+", re.ASCII)


def is_uid(text: str) -> bool:
    """Return whether the text is a UID: root 0 to 2, no leading zeros, at most 64 characters."""
    return len(text) <= MAX_UID_LENGTH and _GRAMMAR.fullmatch(text) is not None
