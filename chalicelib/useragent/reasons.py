"""Failure and Warning Reasons of any server, in words and with what to do (PS3.18 Annex I.2).

Codes are read by range where nothing more is known: A7xx out of resources, A9xx data set and SOP
Class disagree, Cxxx cannot understand, Bxxx warnings (PS3.4 B.2.3).
"""

from enum import Enum

from chalicelib.standard.reasons import FailureReason, WarningReason
from chalicelib.useragent.model import Cause


class FailureKind(Enum):
    """What a failure asks of a user agent."""

    TRANSIENT = "the same bytes can be stored later"
    EXISTS = "the server holds an instance of this UID"
    TRANSFER_SYNTAX = "another transfer syntax may be stored"
    PERMANENT = "the same bytes will fail again"


EXISTS_CODES = frozenset({0x0111, 45070})
"""PS3.7 C.5.8, and what a cloud service answers for an instance that it holds."""

_TRANSFER_SYNTAX_CODES = frozenset({0xC122})
_OURS = {row.code: row.meaning for row in (*FailureReason, *WarningReason)}
_STANDARD = frozenset({0x0110, 0x0111, 0x0117, 0x0119, 0x0120, 0x0122, 0xC122, 0xB000, 0xB006})
_WORDS = {
    45070: "The server already holds an instance with this SOP Instance UID",
    0x0105: "No such attribute",
    0x0106: "Invalid attribute value",
    0x0124: "Not authorised",
    0x0212: "Mistyped argument",
}
_RANGES = (
    (0xA700, 0xA7FF, "Out of resources"),
    (0xA900, 0xA9FF, "The data set does not match its SOP Class"),
    (0xC000, 0xCFFF, "The server cannot understand the data set"),
    (0xB000, 0xBFFF, "Stored with a warning"),
)
_ADVICE = {
    0x0110: "Look into the server's log; run the command again if it was a passing fault.",
    0x0111: "The server keeps what it has. Compare the two instances; send with a new UID "
    "if this one is meant to be another.",
    45070: "The server keeps what it has. Compare the two instances.",
    0x0117: "Put the UIDs of the file right.",
    0x0119: "Put the file's File Meta Information right.",
    0x0120: "Add the missing attribute.",
    0x0122: "The server does not store this kind of object; ask its administrator.",
    0x0124: "Ask for the right to store.",
    0xA901: "Leave out --study, or name the right one.",
    0xC122: "Convert the file to Explicit VR Little Endian or another syntax the server stores.",
}
_RANGE_ADVICE = (
    (0xA700, 0xA7FF, "Run the same command again when the server has room."),
    (0xA900, 0xA9FF, "The file breaks the rules of its SOP Class; correct it at its source."),
    (0xC000, 0xCFFF, "The file is damaged or malformed; get it again from its source."),
    (0xB000, 0xBFFF, "Nothing; the instance is stored."),
)
_CAUSES: dict[Cause, tuple[str, str]] = {
    Cause.LISTED: ("Stored", ""),
    Cause.ALREADY_THERE: ("Already there: an earlier attempt had stored it", ""),
    Cause.FOUND_BY_SEARCH: ("Stored: found by a search, as the answer did not list it", ""),
    Cause.COERCED: ("Stored under another SOP Instance UID", ""),
    Cause.EXISTS: (
        "The server already holds an instance with this SOP Instance UID",
        "It keeps what it has, which may be this one or another. Compare the two.",
    ),
    Cause.REASON: ("Refused", "Look into the server's log."),
    Cause.OTHER_FAILURE: (
        "The server could not tell which instance this is",
        "The file is damaged or malformed; get it again from its source.",
    ),
    Cause.NOTHING_LISTED: (
        "The server reported success without listing any instance: not a confirmation",
        "Look whether the server holds it; check that the URL is that of a STOW-RS service.",
    ),
    Cause.NOT_LISTED: (
        "The server listed it neither as stored nor as failed",
        "Run the same command again.",
    ),
    Cause.STATUS: ("The server refused the request", "Look into the server's log."),
    Cause.TOO_LARGE: (
        "Larger than the server takes in one request",
        "Ask the server's administrator to raise its limit.",
    ),
    Cause.NO_ANSWER: (
        "The connection broke each time before an answer came",
        "Run the same command again.",
    ),
    Cause.NOT_FOUND_BY_SEARCH: (
        "The answer did not list it, and a search does not find it",
        "Run the same command again.",
    ),
    Cause.SOURCE: ("The file cannot be sent as it is", "Look at the file and run again."),
    Cause.ENCODING: (
        "The instance cannot be written in this representation",
        "Send it with --as dicom.",
    ),
    Cause.OTHER_STUDY: ("Not of the study that --study names", "Send it without --study."),
    Cause.TWIN: (
        "Another file here has the same SOP Instance UID",
        "Keep one of the two, or give one a UID of its own.",
    ),
}


def kind_of_failure(code: int | None, status: int | None = None) -> FailureKind:
    """Return what a Failure Reason asks for.

    A7xx always passes; 0110H, which may mean anything, passes when the answer was a 503.
    """
    if code is None:
        return FailureKind.PERMANENT
    if code in EXISTS_CODES:
        return FailureKind.EXISTS
    if code in _TRANSFER_SYNTAX_CODES:
        return FailureKind.TRANSFER_SYNTAX
    if 0xA700 <= code <= 0xA7FF or (code == 0x0110 and status == 503):
        return FailureKind.TRANSIENT
    return FailureKind.PERMANENT


def reason_words(code: int) -> str:
    """Return what a reason means, with its code.

    Exact meanings are those of the standard; the last digits of a range mean something to the
    server alone, so then only the range is said.
    """
    words = _WORDS.get(code) or (_OURS.get(code) if code in _STANDARD else None)
    if words is None:
        words = next((text for low, high, text in _RANGES if low <= code <= high), "Refused")
    return f"{words} ({code:04X}H)"


def advice_for(cause: Cause, code: int | None) -> str:
    """Return what a person can do, "" where there is nothing to do."""
    if code is not None and cause in (Cause.REASON, Cause.EXISTS, Cause.OTHER_FAILURE):
        if code in _ADVICE:
            return _ADVICE[code]
        for low, high, text in _RANGE_ADVICE:
            if low <= code <= high:
                return text
    return _CAUSES[cause][1]


def outcome_words(cause: Cause, code: int | None, status: int | None, detail: str = "") -> str:
    """Return why an outcome is what it is: one clause without a full stop."""
    if code is not None and cause not in (Cause.ALREADY_THERE, Cause.FOUND_BY_SEARCH):
        return reason_words(code)
    if cause in (Cause.SOURCE, Cause.ENCODING, Cause.OTHER_STUDY, Cause.TWIN) and detail:
        return detail.rstrip(".")
    words = _CAUSES[cause][0]
    if status is not None and cause in (Cause.STATUS, Cause.NOTHING_LISTED):
        words += f" (HTTP status {status})"
    return words
