"""Text of a data set, decoded by its Specific Character Set (PS3.5 6.1, PS3.3 C.12.1.1.2).

Strict: no character ever becomes ``?``. What cannot be decoded raises, and the caller keeps the
bytes.
"""

import re
from collections.abc import Sequence

from chalicelib.standard.character_sets import CHARACTER_SETS, JIS_X_0201_ROMAN, CharacterSet

_ESCAPE = b"\x1b"
# PS3.5 6.1.2.5.3: the initial sets are active again after these; in PN after ^ and = too.
_RESETS = re.compile(rb"([\r\n\f\t\\]+)")
_RESETS_IN_NAMES = re.compile(rb"([\r\n\f\t\\^=]+)")


class UndecodableText(ValueError):  # noqa: N818
    """The bytes are not text of the declared character sets. Carries no value."""


def character_sets_of(value: bytes) -> tuple[CharacterSet, ...]:
    """Return the sets that a value of (0008,0005) declares, the first one active at the start.

    Raises
    ------
    UndecodableText
        When a term is not a defined term.
    """
    terms = [term.strip(b" \0").decode("ascii", "replace") for term in value.split(b"\\")]
    try:
        return tuple(CHARACTER_SETS[term] for term in terms)
    except KeyError:
        raise UndecodableText("Specific Character Set has an undefined term") from None


def decode_text(value: bytes, sets: Sequence[CharacterSet], *, vr: str) -> str:
    """Return the text of a value.

    Parameters
    ----------
    value : bytes
        Without padding.
    sets : sequence of CharacterSet
        As declared; empty means the default repertoire.
    vr : str
        PN resets code extension at its delimiters too.

    Raises
    ------
    UndecodableText
        When a byte has no meaning in the sets declared.
    """
    sets = sets or (CHARACTER_SETS[""],)
    try:
        if _ESCAPE not in value or not sets[0].extends:
            return value.decode(sets[0].codec)
        resets = _RESETS_IN_NAMES if vr == "PN" else _RESETS
        return "".join(_decode_run(run, sets) for run in resets.split(value))
    except UnicodeDecodeError:
        raise UndecodableText("bytes outside the declared character sets") from None


def _decode_run(run: bytes, sets: Sequence[CharacterSet]) -> str:
    """Decode a run without resets: the first set up to the first escape, then set by set."""
    first, *designated = run.split(_ESCAPE)
    text = first.decode(sets[0].codec)
    return text + "".join(_decode_designated(_ESCAPE + piece, sets) for piece in designated)


def _decode_designated(piece: bytes, sets: Sequence[CharacterSet]) -> str:
    if piece.startswith(JIS_X_0201_ROMAN):
        return piece[len(JIS_X_0201_ROMAN) :].decode("shift_jis")
    for candidate in (*sets, CHARACTER_SETS[""]):
        for escape in candidate.escapes:
            if piece.startswith(escape):
                body = piece if candidate.keep_escape else piece[len(escape) :]
                return body.decode(candidate.codec)
    raise UndecodableText("an escape sequence of a character set that is not declared")
