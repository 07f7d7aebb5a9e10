"""JSON text to plain values (RFC 8259), for texts that mean harm.

Python's reader takes NaN, forgets repeated members, detects UTF-16 and recurses as deep as it is
led. Here all of that is refused, as status 400: with it nothing in the text can be trusted.
"""

import json
import re
from http import HTTPStatus
from itertools import accumulate
from typing import Any, NoReturn

from chalicelib.dicomweb.errors import RequestError

# Possessive, and an open string runs to the end: linear whatever the text is.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class Number(str):
    """A JSON number with a fraction or an exponent, as it was written."""

    __slots__ = ()


def parse_json(body: bytes | memoryview, max_levels: int, limit: tuple[str, int]) -> Any:
    """Return the text's value: dict, list, str, int, ``Number``, bool or None.

    Parameters
    ----------
    body : bytes or memoryview
        UTF-8 without byte order mark (RFC 8259 8.1).
    max_levels : int
        Arrays and objects inside one another.
    limit : tuple of (str, int)
        The setting that ``max_levels`` follows from.

    Raises
    ------
    RequestError
        400.
    """
    body = bytes(body)
    text = _decoded(body)
    if _depth(body) > max_levels:
        raise _refused(
            f"The JSON text nests arrays and objects deeper than {max_levels} levels, which "
            f"{limit[1]} sequences inside one another need.",
            limit,
        )
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=Number,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise _refused(f"The body is no JSON from character {error.pos} on.") from None
    except ValueError:
        raise _refused("The JSON text holds a number with too many digits.") from None


def _decoded(body: bytes) -> str:
    if body.startswith(_BOMS):
        raise _refused(
            "The JSON text starts with a byte order mark; it must be UTF-8 without one "
            "(RFC 8259 8.1)."
        )
    if b"\0" in body[:4]:
        raise _refused("The JSON text is UTF-16 or UTF-32; it must be UTF-8 (RFC 8259 8.1).")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"The JSON text is not UTF-8 at byte {error.start}.") from None


def _depth(body: bytes) -> int:
    """Return how deep arrays and objects are nested, of any bytes."""
    brackets = _STRING.sub(b"", body).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _refused("An object of the JSON text has two members of one name.")
    return members


def _constant(_name: str) -> NoReturn:
    raise _refused("The JSON text holds NaN or Infinity, which JSON does not have.")


def _refused(detail: str, limit: tuple[str, int] | None = None) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, detail, limit=limit)
