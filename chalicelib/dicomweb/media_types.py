"""Media types and media ranges as values (RFC 9110 8.3.1 and 12.5.1, PS3.18 8.7).

What belongs here: the grammar, and which payload a Store request's Content-Type names. What must
not: rows of the standard (``standard.media_types``) and the choice of a response (``negotiation``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.standard.media_types import MULTIPART_RELATED, REQUEST_TYPES, PayloadFamily

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""RFC 9110 5.6.2."""

# The standard allows 70 characters (PS3.18 8.6.1.2.1); clients that send 73 are in wide use.
MAX_BOUNDARY_LENGTH = 100

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]*[0-9A-Za-z'()+_,./:=?-]")
_NAME = re.compile(rf"({TOKEN})/({TOKEN})")
# A token may not hold the tspecials of RFC 2045 5.1, yet unquoted they are met in `type` and
# `boundary` (PS3.18 8.7.1): all that is visible and ends no parameter is taken.
_PARAMETER = re.compile(
    rf"[ \t]*;[ \t]*(?:({TOKEN})[ \t]*=[ \t]*"
    r'(?:"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t -~])*)"|([!#-:<-~]+)))?'
)
_LIST_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|,|[^",]+', re.DOTALL)
_QUALITY = re.compile(r"[01](?:\.[0-9]*)?|\.[0-9]+")


class MediaTypeSyntaxError(ValueError):
    """The text is not a media type of RFC 9110 8.3.1."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type. Names are lower case, parameter values as sent, quotes removed."""

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Type and subtype, such as ``application/dicom``."""
        return f"{self.type}/{self.subtype}"

    def get(self, parameter: str) -> str | None:
        """Return the value of the parameter, named in lower case, or None."""
        return next((value for name, value in self.parameters if name == parameter), None)


@dataclass(frozen=True, slots=True)
class AcceptRange:
    """A media range and its weight, 0 to 1 (RFC 9110 12.4.2); ``*`` stands for any."""

    media_type: MediaType
    quality: float = 1.0

    @property
    def has_wildcard(self) -> bool:
        return self.media_type.subtype == "*"


@dataclass(frozen=True, slots=True)
class PayloadType:
    """What the Content-Type of a Store request says.

    Attributes
    ----------
    family : PayloadFamily
        What the payload is made of (PS3.18 10.5.1.4).
    media_type : MediaType
        Of the root part, or of the whole payload if that is a single part.
    boundary : str or None
        None for a single part.
    start : str or None
        Content-ID of the root part as sent, None if the first part is the root (RFC 2387 3.2).
    """

    family: PayloadFamily
    media_type: MediaType
    boundary: str | None = None
    start: str | None = None


def parse_media_type(text: str) -> MediaType:
    """Return the media type that the text is.

    White space around ``;`` and ``=``, empty parameters and unquoted special characters in a
    value are tolerated.

    Raises
    ------
    MediaTypeSyntaxError
        The grammar is broken or a parameter stands twice; the message repeats no value.
    """
    text = text.strip(" \t")
    name = _NAME.match(text)
    if name is None:
        raise MediaTypeSyntaxError("type and subtype with a slash between them are expected")
    return MediaType(
        name[1].lower(), name[2].lower(), tuple(_parse_parameters(text, name.end()).items())
    )


def _parse_parameters(text: str, position: int) -> dict[str, str]:
    parameters: dict[str, str] = {}
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise MediaTypeSyntaxError(f"no parameter can be read at character {position + 1}")
        position = match.end()
        name, quoted, bare = match.groups()
        if name is None:
            continue
        if name.lower() in parameters:
            raise MediaTypeSyntaxError("a parameter stands twice")
        parameters[name.lower()] = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return parameters


def parse_accept(text: str) -> tuple[AcceptRange, ...]:
    """Return the media ranges of an Accept header in order (RFC 9110 12.5.1).

    Entries that cannot be read are left out (PS3.18 8.7.5); a lone ``*``, which one widespread
    HTTP library sends, is ``*/*``.
    """
    ranges = (_parse_range(entry) for entry in split_list(text))
    return tuple(range_ for range_ in ranges if range_ is not None)


def _parse_range(entry: str) -> AcceptRange | None:
    if entry.startswith("*") and not entry.startswith("*/"):
        entry = f"*/{entry}"
    try:
        media_type = parse_media_type(entry)
    except MediaTypeSyntaxError:
        return None
    quality = parse_quality(media_type.get("q"))
    if quality is None or (media_type.type == "*" and media_type.subtype != "*"):
        return None
    kept = tuple(parameter for parameter in media_type.parameters if parameter[0] != "q")
    return AcceptRange(MediaType(media_type.type, media_type.subtype, kept), quality)


def parse_quality(text: str | None) -> float | None:
    """Return the weight that the text is, 1 if there is none, None if it is no weight.

    RFC 9110 12.4.2 wants a digit before the point and at most three behind; neither is enforced.
    """
    if text is None:
        return 1.0
    if _QUALITY.fullmatch(text) is None or float(text) > 1:
        return None
    return float(text)


def split_list(text: str) -> Iterator[str]:
    """Yield the entries of a comma-separated list without the empty ones (RFC 9110 5.6.1).

    Commas inside quotes do not separate; an unclosed quote runs to the end.
    """
    entry = ""
    for token in _LIST_TOKENS.findall(text):
        if token != ",":
            entry += token
            continue
        if entry.strip():
            yield entry.strip()
        entry = ""
    if entry.strip():
        yield entry.strip()


def request_media_type(content_type: str | None) -> PayloadType:
    """Return which payload the Content-Type of a Store request names.

    ``type`` may be quoted or not and may itself carry parameters; ``start-info``,
    ``transfer-syntax``, ``charset`` and unknown parameters are tolerated (PS3.18 8.7.1).

    Raises
    ------
    RequestError
        415 if the field is missing or names a type that is not supported; 400 if it breaks the
        grammar, or if a multipart type lacks ``type`` or a legal ``boundary``.
    """
    if not content_type or not content_type.strip():
        raise _unsupported("Content-Type is missing.")
    media_type = _parse_content_type(content_type, "Content-Type")
    if media_type.name != MULTIPART_RELATED:
        return PayloadType(_family_of(media_type, multipart=False), media_type)
    root = media_type.get("type")
    if root is None:
        raise _bad_request(f'Content-Type {MULTIPART_RELATED} needs the parameter "type".')
    root_type = _parse_content_type(root, 'The parameter "type" of Content-Type')
    family = _family_of(root_type, multipart=True)
    boundary = _checked_boundary(media_type.get("boundary"))
    return PayloadType(family, root_type, boundary, media_type.get("start"))


def _parse_content_type(text: str, where: str) -> MediaType:
    try:
        return parse_media_type(text)
    except MediaTypeSyntaxError as error:
        raise _bad_request(f"{where} is not a media type: {error}.") from error


def _family_of(media_type: MediaType, *, multipart: bool) -> PayloadFamily:
    for row in REQUEST_TYPES:
        if (row.media_type, row.multipart) == (media_type.name, multipart):
            return row.family
    raise _unsupported("The Content-Type is not supported.")


def _checked_boundary(boundary: str | None) -> str:
    if boundary is None:
        raise _bad_request(f'Content-Type {MULTIPART_RELATED} needs the parameter "boundary".')
    if len(boundary) > MAX_BOUNDARY_LENGTH or _BOUNDARY.fullmatch(boundary) is None:
        raise _bad_request(
            f"The boundary of Content-Type, {len(boundary)} characters, is not legal: 1 to "
            f"{MAX_BOUNDARY_LENGTH} letters, digits, '()+_,-./:=? or spaces, no space at the end."
        )
    return boundary


def _bad_request(detail: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, detail)


def _unsupported(problem: str) -> RequestError:
    supported = ", ".join(row.text for row in REQUEST_TYPES)
    return RequestError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"{problem} Supported are: {supported}.",
        headers={"Accept": supported},  # RFC 9110 15.5.16
    )
