"""Judges values by their VR: grammar, length, multiplicity, padding, character set.

What belongs here: one value at a time, as bytes. What must not: which element may have which VR,
or what several values say together. No value ever goes into a finding.
"""

import re

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.text import UndecodableText, character_sets_of, decode_text
from chalicelib.origin.validate.dictionary import Entry
from chalicelib.origin.validate.findings import Findings
from chalicelib.origin.validate.place import Place
from chalicelib.standard.value_grammar import (
    CONTROL_CHARACTERS,
    CONTROL_CHARACTERS_IN_PARAGRAPHS,
    GRAMMARS,
    INTEGER_STRING_RANGE,
    MAX_NAME_COMPONENTS,
    MAX_NAME_GROUPS,
    ONE_VALUE_VRS,
    PARAGRAPH_VRS,
    VALUE_BYTES,
)
from chalicelib.standard.vrs import VRS

MAX_READ_VALUE_BYTES = 64 * 1024
_TEXT_VRS = frozenset(code for code, row in VRS.items() if row.text)
_MAX_LENGTHS = {code: row.max_length for code, row in VRS.items()}
READ_VRS = _TEXT_VRS | GRAMMARS.keys()
"""VRs whose values have to be read to be judged."""
_ESCAPE = b"\x1b"
_SAFE_INTEGER_DIGITS = 9
_Bytes = re.Pattern[bytes]


class ValueJudge:
    """Judges the values of one walk.

    Parameters
    ----------
    findings : Findings
        Where findings go.
    place : Place
        Follows the walk.
    """

    def __init__(self, findings: Findings, place: Place) -> None:
        self._findings = findings
        self._place = place

    def declare(self, tag: int, value: bytes) -> None:
        """Take the value of Specific Character Set for the data set at hand."""
        data_set = self._place.data_set
        try:
            data_set.sets = character_sets_of(value)
        except UndecodableText:
            data_set.sets = None
            self._add("character-set-unknown", tag, "names a character set that is not defined")

    def judge_binary(self, tag: int, vr: str, length: int, entry: Entry | None) -> None:
        """Judge a binary value by its length alone."""
        size = VALUE_BYTES.get(vr)
        if size is None:
            return
        if length % size:
            self._add("value-bytes", tag, f"has {length} bytes, no multiple of {size} ({vr})")
        elif vr not in ONE_VALUE_VRS:
            self._count(tag, length // size, entry)

    def judge_read(self, tag: int, vr: str, value: bytes, entry: Entry | None) -> None:
        """Judge a value that was read: VR is one of READ_VRS, the value not empty."""
        value = self._unpadded(tag, vr, value)
        if not value:
            return
        grammar = GRAMMARS.get(vr)
        if grammar is None:
            self._judge_text(tag, vr, value, entry)
        else:
            self._judge_grammar(tag, vr, value, grammar, entry)

    def _judge_grammar(
        self, tag: int, vr: str, value: bytes, grammar: _Bytes, entry: Entry | None
    ) -> None:
        parts = value.split(b"\\") if vr != "UR" else [value]
        self._count(tag, len(parts), entry)
        self._judge_lengths(tag, vr, [len(part) for part in parts])
        for number, part in enumerate(parts, 1):
            if part and not (grammar.fullmatch(part) and (vr != "IS" or _is_in_range(part))):
                size = f"{len(part)} byte{'s' if len(part) != 1 else ''} long"
                self._add("value-grammar", tag, f"has value {number}, {size}, that is no {vr}")
                break

    def _judge_text(self, tag: int, vr: str, value: bytes, entry: Entry | None) -> None:
        text = self._decoded(tag, vr, value)
        if text is None:
            return
        is_paragraph = vr in PARAGRAPH_VRS
        forbidden = CONTROL_CHARACTERS_IN_PARAGRAPHS if is_paragraph else CONTROL_CHARACTERS
        if found := forbidden.search(text):
            what = f"has control character {ord(found[0]):02X}H in its text ({vr})"
            self._add("control-character", tag, what)
        parts = [text] if is_paragraph else text.split("\\")
        self._count(tag, len(parts), entry)
        if vr == "PN":
            parts = self._groups_of(tag, parts)
        self._judge_lengths(tag, vr, [len(part.rstrip(" ")) for part in parts])

    def _decoded(self, tag: int, vr: str, value: bytes) -> str | None:
        """Return the text, None when it cannot be had; says so unless the sets are at fault."""
        if value.isascii() and _ESCAPE not in value:
            return value.decode("ascii")
        sets = self._place.data_set.sets
        if sets is None:
            return None
        if not sets:
            what = f"has bytes beyond ASCII in its text ({vr}), and no character set is declared"
            self._add("character-set-missing", tag, what)
            return None
        try:
            return decode_text(value, sets, vr=vr)
        except UndecodableText:
            what = f"has bytes in its text ({vr}) that (0008,0005) gives no meaning"
            self._add("text-undecodable", tag, what)
            return None

    def _groups_of(self, tag: int, names: list[str]) -> list[str]:
        """Return the component groups of person names, judged by their number and components."""
        groups = [group for name in names for group in name.split("=")]
        if max(name.count("=") for name in names) >= MAX_NAME_GROUPS:
            self._add("person-name", tag, f"has more than {MAX_NAME_GROUPS} component groups")
        if max(group.count("^") for group in groups) >= MAX_NAME_COMPONENTS:
            self._add("person-name", tag, f"has more than {MAX_NAME_COMPONENTS} components")
        return groups

    def _judge_lengths(self, tag: int, vr: str, lengths: list[int]) -> None:
        longest, allowed = max(lengths), _MAX_LENGTHS[vr]
        if allowed and longest > allowed:
            what = f"has a value of {longest} characters; {vr} has at most {allowed}"
            self._add("value-length", tag, what)

    def _count(self, tag: int, count: int, entry: Entry | None) -> None:
        if entry is not None and count and not entry.allows(count):
            most = "n" if entry.most is None else entry.most
            what = f"has {count} values; it may have {entry.least} to {most}"
            every = f", in multiples of {entry.multiple}" if entry.multiple > 1 else ""
            self._add("value-multiplicity", tag, what + every)

    def _unpadded(self, tag: int, vr: str, value: bytes) -> bytes:
        """Return the value without padding: NUL for UI, spaces for all others (PS3.5 6.2)."""
        last = value[-1]
        if vr == "UI":
            wrong, stripped = 0x20, value.rstrip(b"\0 ")
        else:
            wrong, stripped = 0x00, value.rstrip(b" \0")
        if last == wrong:
            name = "a space" if wrong else "NUL"
            self._add("value-padding", tag, f"is padded with {name} ({vr})")
        return stripped

    def _add(self, rule: str, tag: int, what: str) -> None:
        self._findings.add(rule, self._place.path(tag), f"{tags.format_tag(tag)} {what}.")


def _is_in_range(integer_string: bytes) -> bool:
    if len(integer_string) <= _SAFE_INTEGER_DIGITS:
        return True
    digits = integer_string.strip(b" ")
    return len(digits) <= 12 and int(digits) in INTEGER_STRING_RANGE
