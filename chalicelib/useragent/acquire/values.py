"""Whether what a user states can be the value of its attribute (PS3.5 6.2, 6.4)."""

from datetime import datetime

from chalicelib.dicomweb.uids import is_uid
from chalicelib.standard.created_modules import CreatedAttribute
from chalicelib.standard.value_grammar import (
    CONTROL_CHARACTERS,
    CONTROL_CHARACTERS_IN_PARAGRAPHS,
    GRAMMARS,
    INTEGER_STRING_RANGE,
    MAX_NAME_COMPONENTS,
    MAX_NAME_GROUPS,
    PARAGRAPH_VRS,
)
from chalicelib.standard.vrs import VRS
from chalicelib.useragent.acquire.errors import AcquireError, attribute

_EXAMPLES = {
    "DA": "a date as YYYYMMDD",
    "TM": "a time as HHMMSS",
    "DT": "a date and time as YYYYMMDDHHMMSS, perhaps with &ZZXX",
    "CS": "upper-case letters, digits, spaces and underscores",
    "IS": "a whole number",
    "DS": "a decimal number of at most 16 characters",
    "UI": "a UID",
}


def checked(row: CreatedAttribute, text: str) -> str:
    """Return a value as stated, without surrounding spaces.

    Raises
    ------
    AcquireError
        When the attribute cannot hold it. The value is not in the message.
    """
    text = text.strip(" ")
    if text:
        _check_characters(row, text)
        _check_length(row, text)
        _check_grammar(row, text)
        if row.terms and text not in row.terms:
            raise _refused(row, f"shall be one of {', '.join(row.terms)}")
    return text


def _check_characters(row: CreatedAttribute, text: str) -> None:
    is_paragraph = row.vr in PARAGRAPH_VRS
    controls = CONTROL_CHARACTERS_IN_PARAGRAPHS if is_paragraph else CONTROL_CHARACTERS
    if controls.search(text) or any("\ud800" <= character <= "\udfff" for character in text):
        raise _refused(row, "holds a control character")
    if "\\" in text and not is_paragraph:
        raise _refused(row, "holds a backslash, which would make two values of it")
    if row.vr in GRAMMARS and not text.isascii():
        raise _refused(row, f"is not {_EXAMPLES.get(row.vr, row.vr)}")


def _check_length(row: CreatedAttribute, text: str) -> None:
    longest = VRS[row.vr].max_length
    if row.vr != "PN":
        if longest and len(text) > longest:
            raise _refused(row, f"has {len(text)} characters; {row.vr} holds {longest}")
        return
    groups = text.split("=")
    if len(groups) > MAX_NAME_GROUPS or any(len(group) > longest for group in groups):
        raise _refused(row, f"is no name of {MAX_NAME_GROUPS} groups of {longest} characters")
    if any(group.count("^") >= MAX_NAME_COMPONENTS for group in groups):
        raise _refused(row, f"has a group of more than {MAX_NAME_COMPONENTS} components")


def _check_grammar(row: CreatedAttribute, text: str) -> None:
    grammar = GRAMMARS.get(row.vr)
    fits = grammar is None or grammar.fullmatch(text.encode("ascii")) is not None
    if fits and row.vr in ("DA", "DT") and len(text) >= 8 and text[:8].isdecimal():
        fits = _is_date(text[:8])
    elif fits and row.vr == "IS":
        fits = int(text) in INTEGER_STRING_RANGE
    elif fits and row.vr == "UI":
        fits = is_uid(text)
    if not fits:
        raise _refused(row, f"is not {_EXAMPLES.get(row.vr, row.vr)}")


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return True


def _refused(row: CreatedAttribute, why: str) -> AcquireError:
    return AcquireError(f"{attribute(row.keyword, row.tag)} {why}.", tag=row.tag)
