"""Which media type answers a Store request (PS3.18 8.7.5 to 8.7.8, 8.8; RFC 9110 12.5).

What belongs here: the choice, made before anything is stored. What must not: the rows chosen from
(``standard.media_types``) and the encoding of the answer.

PS3.18 leaves room in three places. We go this way: a missing Accept is ``*/*`` unless ``strict``;
plain JSON and XML names are aliases; multipart is chosen only where no single part is acceptable,
because clients in wide use cannot read it, although Table 10.5.4-1 lists nothing else.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import (
    AcceptRange,
    MediaType,
    parse_accept,
    parse_quality,
    split_list,
)
from chalicelib.standard.media_types import (
    ALIASES,
    MULTIPART_RELATED,
    RENDERED_TYPES,
    RESPONSE_TYPES,
    ResponseType,
)

# A constant is safe: JSON and XML as we write them hold no line that starts with two hyphens.
RESPONSE_BOUNDARY = "stowage-store-instances-response"

_RENDERED = frozenset(row.media_type for row in RENDERED_TYPES)
_CHARSET = re.compile(r'"?([^";]*[^"; \t])"?[ \t]*(?:;[ \t]*[qQ][ \t]*=[ \t]*([^ \t]+))?')
_UTF8_NAMES = ("utf-8", "iso_ir 192", "*")  # PS3.18 Annex D; the most specific first


class ResponseFormat(Enum):
    """A form of the Store Instances Response Module, the preferred first."""

    JSON, XML, MULTIPART_JSON, MULTIPART_XML = RESPONSE_TYPES

    @property
    def row(self) -> ResponseType:
        row: ResponseType = self.value
        return row

    @property
    def media_type(self) -> str:
        """The media type of the document, without parameters."""
        return self.row.media_type

    @property
    def is_multipart(self) -> bool:
        return self.row.multipart

    @property
    def content_type(self) -> str:
        """The response's Content-Type; bare for a single part, as clients compare it exactly."""
        if not self.is_multipart:
            return self.media_type
        return f'{MULTIPART_RELATED}; type="{self.media_type}"; boundary={RESPONSE_BOUNDARY}'


def negotiate(
    accept_header: str | None,
    accept_parameter: str | None = None,
    *,
    accept_charset: str | None = None,
    charset_parameter: str | None = None,
    strict: bool = False,
) -> ResponseFormat:
    """Return the form in which the request wants its answer.

    Parameters
    ----------
    accept_header, accept_charset : str or None
        The header fields, None if missing.
    accept_parameter, charset_parameter : str or None
        The query parameters ``accept`` and ``charset`` (PS3.18 8.3.3), decoded, None if missing.
    strict : bool
        Whether a missing Accept is refused, as PS3.18 8.7.5 demands.

    Raises
    ------
    RequestError
        406 if nothing acceptable is available, or Accept is missing and ``strict``; 400 if the
        ``accept`` parameter is not a list of media types that the header covers, or if DICOM and
        rendered media types are mixed.
    """
    accept = (accept_header or "").strip()
    if strict and not accept:
        raise _not_acceptable("Accept is missing.")
    header = parse_accept(accept or "*/*")
    parameter = () if accept_parameter is None else _parse_accept_parameter(accept_parameter)
    if not all(_is_covered(entry, header) for entry in parameter):
        raise _bad_request('The header Accept does not cover the query parameter "accept".')
    _refuse_mixture((*parameter, *header))
    if not _accepts_utf8(accept_charset, charset_parameter):
        raise _not_acceptable("Accept-Charset excludes utf-8.")
    # PS3.18 8.7.8: the best of the query parameter, else the best of the header.
    chosen = _best(parameter) or _best(header)
    if chosen is None:
        raise _not_acceptable("Nothing that Accept lists is available.")
    return chosen


def _best(ranges: Sequence[AcceptRange]) -> ResponseFormat | None:
    """Return the acceptable format of highest weight; among equals, rows stand in our order."""
    for multipart in (False, True):
        formats = [format_ for format_ in ResponseFormat if format_.is_multipart is multipart]
        best = max(formats, key=lambda format_: _weigh(format_, ranges))
        if _weigh(best, ranges)[0] > 0:
            return best
    return None


def _weigh(format_: ResponseFormat, ranges: Sequence[AcceptRange]) -> tuple[float, int]:
    """Return the quality that the most specific matching range gives (RFC 9110 12.5.1).

    The second number grows with how specific that range is: of two formats of equal quality a
    client means the one that it names rather than the one that its wildcard covers.
    """
    for rank, names in enumerate(_names_of(format_)):
        matches = [range_.quality for range_ in ranges if _key(range_.media_type) in names]
        if matches:
            return max(matches), -rank
    return 0.0, 0


def _names_of(format_: ResponseFormat) -> tuple[set[str], ...]:
    """Return the names of ranges that match the format, the most specific first."""
    prefix = f"{MULTIPART_RELATED};" if format_.is_multipart else ""
    exact = {prefix + format_.media_type}
    aliases = {prefix + row.name for row in ALIASES if row.media_type == format_.media_type}
    if format_.is_multipart:
        return exact, aliases, {MULTIPART_RELATED}, {"multipart/*"}, {"*/*"}
    return exact, aliases, {"application/*"}, {"*/*"}


def _key(media_type: MediaType) -> str:
    """Return the name by which ranges compare, with the root's type for multipart/related.

    Other parameters do not count: the answer is UTF-8 and has no transfer syntax to choose.
    """
    root = media_type.get("type")
    if media_type.name != MULTIPART_RELATED or root is None:
        return media_type.name
    return f"{media_type.name};{root.lower()}"


def _parse_accept_parameter(text: str) -> tuple[AcceptRange, ...]:
    """Return the entries of the ``accept`` query parameter: no wildcards (PS3.18 8.3.3.1)."""
    # "+" in a query that nobody percent-encoded has become a space on its way here.
    text = re.sub(r"(?<=/dicom) (?=json|xml)", "+", text, flags=re.IGNORECASE)
    ranges = parse_accept(text)
    if not ranges or len(ranges) != len(list(split_list(text))):
        raise _bad_request('The query parameter "accept" is not a list of media types.')
    if any(range_.has_wildcard for range_ in ranges):
        raise _bad_request('The query parameter "accept" may not hold wildcards.')
    return ranges


def _is_covered(entry: AcceptRange, header: Sequence[AcceptRange]) -> bool:
    """Return whether a range of the header covers the entry, by its own name or an alias."""
    wanted = entry.media_type
    names = {"*/*", f"{wanted.type}/*", wanted.name, _key(wanted)}
    if any(_key(range_.media_type) in names for range_ in header if range_.quality > 0):
        return True
    format_ = _best((entry,))
    return format_ is not None and _weigh(format_, header)[0] > 0


def _refuse_mixture(ranges: Iterable[AcceptRange]) -> None:
    """Refuse DICOM beside rendered types (PS3.18 8.7.5) unless a wildcard stands there too."""
    wanted = [range_ for range_ in ranges if range_.quality > 0]
    names = {range_.media_type.name for range_ in wanted}
    has_dicom = any(name.startswith(("application/dicom", "multipart/")) for name in names)
    has_wildcard = any(range_.has_wildcard for range_ in wanted)
    if has_dicom and not has_wildcard and not names.isdisjoint(_RENDERED):
        raise _bad_request("DICOM and rendered media types may not both be asked for.")


def _accepts_utf8(accept_charset: str | None, charset_parameter: str | None) -> bool:
    """Return whether an answer in UTF-8, the only one there is, is acceptable (PS3.18 8.8).

    Charsets of the query parameter that are not supported are ignored (PS3.18 8.3.3.2), so it can
    allow UTF-8 but not exclude it.
    """
    if (_utf8_quality(charset_parameter or "") or 0.0) > 0:
        return True
    quality = _utf8_quality(accept_charset or "*")
    return quality is not None and quality > 0


def _utf8_quality(text: str) -> float | None:
    """Return the weight that the list of charsets gives UTF-8, None if it leaves it out."""
    matches = (_CHARSET.fullmatch(entry) for entry in split_list(text))
    weights = {match[1].lower(): parse_quality(match[2]) for match in matches if match}
    return next((weights[name] for name in _UTF8_NAMES if name in weights), None)


def _bad_request(detail: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, detail)


def _not_acceptable(problem: str) -> RequestError:
    available = ", ".join(
        f'{MULTIPART_RELATED}; type="{row.media_type}"' if row.multipart else row.media_type
        for row in RESPONSE_TYPES
    )
    return RequestError(HTTPStatus.NOT_ACCEPTABLE, f"{problem} Available are: {available}.")
