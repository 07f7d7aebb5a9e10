"""Capabilities Description (PS3.18 8.9, Annex H): what this service says of itself.

Everything is read from the tables that the server itself obeys; what is not there is not said.
What must not be here: how WADL is written (``wadl``).
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import parse_accept
from chalicelib.dicomweb.resources import (
    Base,
    Resource,
    StoreSession,
    Study,
    service_url,
    sessions_url,
)
from chalicelib.dicomweb.wadl import Node, doc, encode_wadl_json, encode_wadl_xml, node
from chalicelib.standard.bulkdata_media_types import BULKDATA_MEDIA_TYPES, DOCUMENT_TYPES
from chalicelib.standard.capabilities import (
    CAPABILITIES_TYPES,
    HEADER_FIELDS,
    QUERY_PARAMETERS,
    RESPONSE_CHARACTER_SETS,
    STORE_RESOURCES,
    WADL,
    CapabilitiesType,
    StoreResource,
)
from chalicelib.standard.character_sets import CHARACTER_SETS
from chalicelib.standard.limits import FIXED_LIMITS, LIMITS
from chalicelib.standard.media_types import (
    DICOM,
    MULTIPART_RELATED,
    REQUEST_TYPES,
    RESPONSE_TYPES,
    PayloadFamily,
    ResponseType,
)
from chalicelib.standard.status_codes import STATUS_CODES, Outcome, Sender, Transaction
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance

_PROBLEM = "application/problem+json"


def negotiate_capabilities(accept: str | None, *, strict: bool = False) -> str:
    """Return the media type in which the description is wanted.

    A missing Accept is ``*/*`` unless ``strict``; WADL XML answers a wildcard.

    Raises
    ------
    RequestError
        406 if nothing acceptable is available, or Accept is missing and ``strict``.
    """
    if strict and not (accept or "").strip():
        raise _not_acceptable("Accept is missing.")
    qualities: dict[str, float] = {}
    for range_ in parse_accept(accept or "*/*"):
        name = range_.media_type.name
        qualities[name] = max(range_.quality, qualities.get(name, 0.0))
    best = max(CAPABILITIES_TYPES, key=lambda row: _weigh(row, qualities))
    if _weigh(best, qualities)[0] <= 0:
        raise _not_acceptable("Nothing that Accept lists is available.")
    return best.media_type


def _weigh(row: CapabilitiesType, qualities: Mapping[str, float]) -> tuple[float, bool]:
    """Return the quality that the most specific range gives (RFC 9110 12.5.1).

    Of two types of equal quality a client means the one that it names.
    """
    for name in row.ranges:
        if name in qualities:
            return qualities[name], not name.endswith("*")
    return 0.0, False


def encode_capabilities(description: Node, media_type: str) -> str:
    """Return the description in a media type of ``CAPABILITIES_TYPES``."""
    return encode_wadl_xml(description) if media_type == WADL else encode_wadl_json(description)


def describe(
    resource: Resource, base_uri: str, limits: Mapping[str, int], *, strict: bool = False
) -> Node:
    """Return the description of a resource with all its methods and children (Annex H).

    Parameters
    ----------
    resource : Base, Studies or Study
        What was asked about.
    base_uri : str
        The deployment's, from which ``resources@base`` is built, with the partition.
    limits : mapping
        The bounds in force, by the field of their row in ``standard.limits``.
    strict : bool
        Whether tolerated transfer syntaxes are refused.
    """
    return node(
        "application",
        doc("Service", "DICOMweb Studies Service (PS3.18 10): Store Transaction."),
        doc("Specific Character Set", _character_sets()),
        doc("Transfer syntaxes of " + DICOM, ", ".join(_transfer_syntaxes(strict))),
        *_bulkdata_types(),
        *(doc(f"Limit {name}", f"{value}: {meaning}.") for name, value, meaning in _rows(limits)),
        *_sessions(base_uri, resource.partition, limits),
        node("resources", _resource(resource), base=service_url(base_uri, resource.partition)),
    )


def _sessions(base_uri: str, partition: str, limits: Mapping[str, int]) -> Iterator[Node]:
    """Yield where bodies go that the resources do not take: an extension, so in words alone."""
    if "max_session_bytes" in limits:
        yield doc("Store sessions", f"{sessions_url(base_uri, partition)}: bodies of any size.")


def _resource(resource: Resource) -> Node:
    studies, study = STORE_RESOURCES
    if isinstance(resource, Study):
        return _described(study, path=f"{studies.path}/{study.path}")
    return _described(studies, _described(study))


def _described(row: StoreResource, *children: Node, path: str = "") -> Node:
    template = [_parameter(row.parameter, "template", ())] if row.parameter else []
    method = node(
        "method",
        doc(row.transaction, f"{row.meaning} {row.source}."),
        _request(),
        *_responses(),
        name="POST",
        id=row.method_id,
    )
    return node("resource", *template, method, *children, path=path or row.path)


def _request() -> Node:
    values = {
        "Accept": tuple(response_text(row) for row in RESPONSE_TYPES),
        "Accept-Charset": RESPONSE_CHARACTER_SETS,
        "Content-Encoding": ("gzip",),
        "Transfer-Encoding": ("chunked",),
        "accept": tuple(response_text(row) for row in RESPONSE_TYPES),
        "charset": RESPONSE_CHARACTER_SETS,
    }
    return node(
        "request",
        *(_parameter(row.name, "header", values.get(row.name, ())) for row in HEADER_FIELDS),
        *(_parameter(row.name, "query", values[row.name]) for row in QUERY_PARAMETERS),
        *(node("representation", mediaType=row.text) for row in REQUEST_TYPES),
    )


def _parameter(name: str, style: str, values: tuple[str, ...]) -> Node:
    required = name in ("Accept", "Content-Type") or style == "template"
    options = (node("option", value=value) for value in values)
    return node(
        "param",
        *options,
        name=name,
        style=style,
        required="true" if required else "",
    )


def _responses() -> Iterator[Node]:
    """Yield a response for each code that Store can send, the representations it may have."""
    rows = [row for row in STATUS_CODES if Transaction.STORE in row.transactions]
    for code in dict.fromkeys(row.code for row in rows):
        of_code = [row for row in rows if row.code == code]
        notes = (doc(row.meaning, row.condition) for row in of_code)
        representations = (
            node("representation", mediaType=media_type)
            for media_type in dict.fromkeys(
                media_type for row in of_code for media_type in _answers_with(row.code, row.sender)
            )
        )
        yield node("response", *notes, *representations, status=str(code))


_WITH_MODULE = frozenset(
    {row.code for row in STATUS_CODES if row.outcome is not Outcome.FAILURE}
    | {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE}
)
"""Codes whose payload can be a Store Instances Response Module (Table 10.5.3-1)."""


def _answers_with(code: int, sender: Sender) -> tuple[str, ...]:
    if sender is Sender.GATEWAY:
        return ("application/json",)
    if code not in _WITH_MODULE:
        return (_PROBLEM,)
    module = tuple(response_text(row) for row in RESPONSE_TYPES)
    return (*module, _PROBLEM) if code == HTTPStatus.BAD_REQUEST else module


def response_text(row: ResponseType) -> str:
    """Return the media type as an Accept header names it."""
    return f'{MULTIPART_RELATED}; type="{row.media_type}"' if row.multipart else row.media_type


def _transfer_syntaxes(strict: bool) -> Iterator[str]:
    for row in TRANSFER_SYNTAXES.values():
        if row.acceptance is Acceptance.ACCEPTED or (
            row.acceptance is Acceptance.TOLERATED and not strict
        ):
            yield row.uid


def _bulkdata_types() -> Iterator[Node]:
    """Yield what parts beside metadata may be, once metadata is a payload at all."""
    if any(row.family is PayloadFamily.METADATA for row in REQUEST_TYPES):
        names = [row.display for row in BULKDATA_MEDIA_TYPES]
        names += [row.media_type for row in DOCUMENT_TYPES]
        yield doc("Media types of bulkdata", ", ".join(names))


def _character_sets() -> str:
    """Return what PS3.18 8.8 has every service list."""
    terms = ", ".join(term for term in CHARACTER_SETS if term)
    return (
        f"Responses are in {', '.join(RESPONSE_CHARACTER_SETS)}. Instances are stored in any "
        f"character set, unchanged; text is indexed from the default repertoire and from {terms}."
    )


def _rows(limits: Mapping[str, int]) -> Iterator[tuple[str, int, str]]:
    yield from ((row.field, row.fixed, row.meaning) for row in FIXED_LIMITS)
    for row in LIMITS:
        if row.field in limits:
            yield row.field, limits[row.field], row.meaning


def allowed_methods(resource: Resource) -> str:
    """Return the Allow header field of a resource (RFC 9110 10.2.1)."""
    match resource:
        case Base():
            return "OPTIONS"
        case StoreSession(aspect=""):
            return "GET, DELETE, OPTIONS"
        case StoreSession(aspect="response"):
            return "GET, OPTIONS"
    return "POST, OPTIONS"


def _not_acceptable(problem: str) -> RequestError:
    available = ", ".join(row.media_type for row in CAPABILITIES_TYPES)
    return RequestError(HTTPStatus.NOT_ACCEPTABLE, f"{problem} Available are: {available}.")
