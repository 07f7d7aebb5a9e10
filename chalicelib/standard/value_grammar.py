"""What a single value of each VR may look like (PS3.5 Table 6.2-1).

Patterns are for one value, bytes of the default repertoire, without the padding that makes a
length even; an empty value is judged by nobody. Lengths in characters are in ``vrs``. Text VRs
have no grammar but the control characters they may hold and, PN, its components.
"""

import re

GRAMMARS: dict[str, re.Pattern[bytes]] = {
    vr: re.compile(pattern)
    for vr, pattern in (
        ("AE", rb" *[!-\[\]-~][ -\[\]-~]*"),
        ("AS", rb"[0-9]{3}[DWMY]"),
        ("CS", rb"[A-Z0-9_ ]+"),
        ("DA", rb"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"),
        ("DS", rb" *[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[Ee][+-]?[0-9]++)? *"),
        (
            "DT",
            rb"[0-9]{4}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12][0-9]|3[01])"
            rb"(?:(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?)?)?)?"
            rb"(?:[+-](?:0[0-9]|1[0-4])[0-5][0-9])? *",
        ),
        ("IS", rb" *[+-]?[0-9]+ *"),
        (
            "TM",
            rb"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)? *",
        ),
        ("UI", rb"[0-2](?:\.(?:0|[1-9][0-9]*))+"),
        ("UR", rb"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+"),
    )
}

INTEGER_STRING_RANGE = range(-(2**31), 2**31)
"""What an IS may be (PS3.5 Table 6.2-1)."""

VALUE_BYTES: dict[str, int] = {
    "AT": 4,
    "FD": 8,
    "FL": 4,
    "OD": 8,
    "OF": 4,
    "OL": 4,
    "OV": 8,
    "OW": 2,
    "SL": 4,
    "SS": 2,
    "SV": 8,
    "UL": 4,
    "US": 2,
    "UV": 8,
}
"""Bytes of one value, or of one word, of the binary VRs."""

ONE_VALUE_VRS = frozenset(
    {"LT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "ST", "UN", "UR", "UT", ""}
)
"""VRs whose element always holds one value (PS3.5 6.4), or whose values cannot be counted."""

CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f]")
"""Not in text of one line; escape sequences are gone once text is decoded (PS3.5 6.1.3)."""

CONTROL_CHARACTERS_IN_PARAGRAPHS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
"""Not in LT, ST and UT, where TAB, LF, FF and CR lay text out (PS3.5 6.1.3)."""

PARAGRAPH_VRS = frozenset({"LT", "ST", "UT"})

MAX_NAME_GROUPS = 3
MAX_NAME_COMPONENTS = 5
"""Of a person name: component groups, and components of a group (PS3.5 6.2.1)."""
