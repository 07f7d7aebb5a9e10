"""Text of a data set, decoded by its Specific Character Set (PS3.5 6.1, PS3.3 C.12.1.1.2).

Strict: no character ever becomes ``?``. What cannot be decoded raises, and the caller keeps the
bytes.
"""

import re
from collections.abc import Sequence

from chalicelib.standard.character_sets import CHARACTER_SETS, JIS_X_0201_ROMAN, CharacterSet

_ESCAPE = b"\x1b"
# PS3.5 6.1.2.5.3: after these the first set is active again; in PN after ^ and = too.
_RESETS = re.compile(rb"[\r\n\f\t\\]")
_RESETS_IN_NAMES = re.compile(rb"[\r\n\f\t\\^=]")


class UndecodableText(ValueError):  # noqa: N818
    """The bytes are not text of the declared character sets. Carries no value."""


def character_sets_of(value: bytes) -> tuple[CharacterSet, ...]:
    """Return the sets that a value of (0008,0005) declares, the first one active at the start.

    Each stands once: thousands of repetitions would be searched at every escape sequence.

    Raises
    ------
    UndecodableText
        When a term is not a defined term.
    """
    terms = (term.strip(b" \0").decode("ascii", "replace") for term in value.split(b"\\"))
    try:
        return tuple(CHARACTER_SETS[term] for term in dict.fromkeys(terms))
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
        first, *designated = value.split(_ESCAPE)
        text = first.decode(sets[0].codec)
        return text + "".join(_decode_designated(_ESCAPE + p, sets, resets) for p in designated)
    except UnicodeDecodeError:
        raise UndecodableText("bytes outside the declared character sets") from None


def _decode_designated(
    piece: bytes, sets: Sequence[CharacterSet], resets: re.Pattern[bytes]
) -> str:
    """Decode a piece that starts with an escape sequence: its set up to where the first is back."""
    if piece.startswith(JIS_X_0201_ROMAN):
        return piece[len(JIS_X_0201_ROMAN) :].decode("shift_jis")
    designated, escape = _designated(piece, sets)
    if designated.double_byte_g0:
        return piece.decode(designated.codec)
    body = piece[len(escape) :]
    reset = resets.search(body)
    end = reset.start() if reset else len(body)
    return body[:end].decode(designated.codec) + body[end:].decode(sets[0].codec)


def _designated(piece: bytes, sets: Sequence[CharacterSet]) -> tuple[CharacterSet, bytes]:
    for candidate in (*sets, CHARACTER_SETS[""]):
        for escape in candidate.escapes:
            if piece.startswith(escape):
                return candidate, escape
    raise UndecodableText("an escape sequence of a character set that is not declared")
