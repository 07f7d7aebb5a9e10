"""Values of metadata: whether they can be values of their VR (PS3.5 Table 6.2-1, PS3.18 F.2.3).

Refused is what a DICOM file could not hold, or would hold as something else: a number out of
range, a backslash that would split a value, characters outside the repertoire. What is merely
against the rules (a date that is none, a text too long) is the business of validation.
"""

import binascii
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite

import pybase64

from chalicelib.dicomweb.dataset import BulkdataReference
from chalicelib.dicomweb.metadata_elements import Refusal
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.value_grammar import GRAMMARS, INTEGER_STRING_RANGE, VALUE_BYTES
from chalicelib.standard.vrs import VRS

INTEGER_VRS = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
FLOAT_VRS = frozenset({"FD", "FL"})
BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
"""VRs whose value is one octet stream: never ``Value``, always base64 or bulkdata (F.2.7)."""

BULKDATA_VRS = BINARY_VRS | INTEGER_VRS | FLOAT_VRS | {"DS", "IS", "LT", "ST", "UC", "UT"}
"""VRs that may refer to bulkdata (PS3.18 F.2.2)."""

TEXT_VRS = frozenset(VRS) - BINARY_VRS - INTEGER_VRS - FLOAT_VRS - {"AT", "SQ"}

SINGLE_VALUE_VRS = frozenset({"LT", "ST", "UR", "UT"})
"""Text VRs that hold one value, in which a backslash is a backslash (PS3.5 6.4)."""

NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
"""Component groups of PN in the order of PS3.5 6.2.1, by their names in both formats."""

NAMED_FLOATS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""How FL and FD that are no numbers are written; the standard does not say (R-720)."""

MAX_DECIMAL_STRING = 16
_MAX_INTEGER_STRING = 32  # leading zeros and padding; the range is what counts
_MAX_FLOAT = {"FL": 3.4028235677973366e38, "FD": float("inf")}  # what rounds to infinity
_RANGES = {
    vr: range(-(1 << 8 * VALUE_BYTES[vr] - 1), 1 << 8 * VALUE_BYTES[vr] - 1)
    if vr.startswith("S")
    else range(1 << 8 * VALUE_BYTES[vr])
    for vr in INTEGER_VRS
} | {"IS": INTEGER_STRING_RANGE}
_SURROGATES = "\ud800-\udfff"


def _forbidden(vr: str) -> re.Pattern[str]:
    """Return what the text of a VR must not hold (PS3.5 6.1.3, 6.2; ESC: the text is Unicode)."""
    if vr == "UR" or not VRS[vr].text:
        return re.compile(r"[^ -\[\]-~]")
    if vr in SINGLE_VALUE_VRS:
        return re.compile(rf"[\x00-\x08\x0b\x0e-\x1f\x7f{_SURROGATES}]")
    return re.compile(rf"[\x00-\x1f\x7f\\{_SURROGATES}]")


_FORBIDDEN = {vr: _forbidden(vr) for vr in TEXT_VRS}
_TAG = re.compile("[0-9A-Fa-f]{8}")
_INTEGER = re.compile("[+-]?[0-9]{1,20}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[Ee][+-]?[0-9]++)?")
_BASE64_TABLE = bytes.maketrans(b"-_", b"+/")


def refused(what: str) -> Refusal:
    """Return the refusal of a value."""
    return Refusal(what, FailureReason.METADATA_VALUE)


def check_texts(vr: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the values of a text VR, UIDs without padding, after all checks of their VR.

    One empty value is none: both are a value of zero length.

    Raises
    ------
    Refusal
        When a file could not hold one of them, or not as one value.
    """
    if vr == "UI":
        texts = [text.rstrip("\0 ") for text in texts]  # PS3.5 9.1; spaces are met in the field
    if len(texts) == 1 and not texts[0]:
        return ()
    if len(texts) > 1 and vr in SINGLE_VALUE_VRS:
        raise refused(f"has {len(texts)} values, and VR {vr} holds one")
    search = _FORBIDDEN[vr].search
    for number, text in enumerate(texts, 1):
        if (found := search(text)) is not None:
            raise refused(f"has VR {vr} and in value {number} {_name_of(found[0])}")
    if vr in _CHECKED_STRINGS:
        check = _CHECKED_STRINGS[vr]
        for number, text in enumerate(texts, 1):
            if text:
                check(text, number)
    return tuple(texts)


def _name_of(character: str) -> str:
    if character == "\\":
        return "a backslash, which would split it"
    if character < " " or character == "\x7f":
        return "a control character"
    if "\ud800" <= character <= "\udfff":
        return "half a surrogate pair"
    return "a character outside the default repertoire"


def _check_decimal_string(text: str, number: int) -> None:
    if GRAMMARS["DS"].fullmatch(text.encode("ascii")) is None:
        raise refused(f"has VR DS and value {number} is no decimal number")


def _check_integer_string(text: str, number: int) -> None:
    if len(text) > _MAX_INTEGER_STRING or not GRAMMARS["IS"].fullmatch(text.encode("ascii")):
        raise refused(f"has VR IS and value {number} is no integer")
    in_range("IS", int(text), number)


_CHECKED_STRINGS = {"DS": _check_decimal_string, "IS": _check_integer_string}


def in_range(vr: str, integer: int, number: int) -> int:
    """Return the integer if its VR can hold it."""
    if integer not in _RANGES[vr]:
        raise refused(f"has VR {vr} and value {number} is out of its range")
    return integer


def integer_of(vr: str, text: str, number: int) -> int:
    """Return the integer that a decimal literal is, 7 for ``7.0``, never 7 for ``7.5``."""
    if _INTEGER.fullmatch(text):
        return in_range(vr, int(text), number)
    if _DECIMAL.fullmatch(text) is None:
        raise refused(f"has VR {vr} and value {number} is no number")
    decimal = _decimal(vr, text, number)
    if decimal.adjusted() > len(str(1 << 64)) or decimal != decimal.to_integral_value():
        raise refused(f"has VR {vr} and value {number} is no integer of its range")
    return in_range(vr, int(decimal), number)


def float_of(vr: str, value: int | str, number: int) -> float:
    """Return the nearest float; FL is checked for its range, not rounded to its precision."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value) is None:
        raise refused(f"has VR {vr} and value {number} is no number")
    try:
        result = float(value)
    except OverflowError:
        raise refused(f"has VR {vr} and value {number} is no number of its range") from None
    if not isfinite(result) or abs(result) >= _MAX_FLOAT[vr]:
        raise refused(f"has VR {vr} and value {number} is out of its range")
    return result


def float_text(value: float) -> str:
    """Return the shortest text that reads as the same float."""
    if isfinite(value):
        return repr(value)
    return next(
        (text for text, named in NAMED_FLOATS.items() if named == value),
        "NaN",  # which equals nothing
    )


def decimal_string_of(literal: str, number: int) -> tuple[str, bool]:
    """Return a number as a DS, and whether it had to be rounded to fit 16 characters (R-721).

    A literal that fits is kept as it was written. Doubles with 17 significant digits do not fit;
    refusing them would refuse what every language prints for 1/3.
    """
    float_of("FD", literal, number)
    if len(literal) <= MAX_DECIMAL_STRING:
        return literal, False
    decimal = _decimal("DS", literal, number)
    for digits in range(MAX_DECIMAL_STRING, 0, -1):
        text = f"{decimal:.{digits}G}"
        if len(text) <= MAX_DECIMAL_STRING:
            return text, Decimal(text) != decimal
    raise refused(f"has VR DS and value {number} is out of its range")


def _decimal(vr: str, literal: str, number: int) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:  # an exponent of more than 18 digits
        raise refused(f"has VR {vr} and value {number} is no number of its range") from None


def tag_of(text: str, number: int) -> int:
    """Return the tag that a value of AT is: 8 hexadecimal digits, of either case."""
    if _TAG.fullmatch(text) is None:
        raise refused(f"has VR AT and value {number} is not 8 hexadecimal digits")
    return int(text, 16)


def inline_binary(vr: str, text: str) -> tuple[bytes, ...]:
    """Return the value that base64 holds; no value when it is empty.

    Both alphabets of RFC 4648 are read and white space is skipped (R-710). Padding is required:
    without it a text that was cut would be a value.

    Raises
    ------
    Refusal
        For another VR, for what is no base64, for part of a word.
    """
    if vr not in BINARY_VRS:
        raise Refusal(f"has VR {vr}, which InlineBinary cannot hold")
    try:
        encoded = text.encode("ascii").translate(_BASE64_TABLE, b" \t\r\n")
        value = pybase64.b64decode(encoded, validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise refused("has an InlineBinary that is no base64") from None
    unit = VRS[vr].unit
    if len(value) % unit:
        raise refused(f"has VR {vr} and {len(value)} bytes, no multiple of {unit}")
    return (value,) if value else ()


def bulkdata_reference(vr: str, uri: str) -> BulkdataReference:
    """Return the reference to a value that is elsewhere in the message.

    Raises
    ------
    Refusal
        For another VR, for what cannot be a URI.
    """
    if vr not in BULKDATA_VRS:
        raise Refusal(f"has VR {vr}, which cannot refer to bulkdata")
    if not uri.strip() or _FORBIDDEN["LO"].search(uri):
        raise Refusal("has a bulkdata reference that is no URI")
    return BulkdataReference(uri)
