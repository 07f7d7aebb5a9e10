"""What a Capabilities Description is made of (PS3.18 8.9.4 and Annex H).

Resources and methods of other services enter Table H-1's extract when the service offers them.
"""

from dataclasses import dataclass

WADL = "application/vnd.sun.wadl+xml"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class CapabilitiesType:
    """A media type of the description, the preferred row first; ``ranges`` match it in Accept."""

    media_type: str
    ranges: tuple[str, ...]
    source: str


CAPABILITIES_TYPES = (
    CapabilitiesType(
        WADL, (WADL, "application/xml", "text/xml", "application/*", "*/*"), "PS3.18 8.9.4"
    ),
    CapabilitiesType(JSON, (JSON, "application/*", "*/*"), "PS3.18 8.9.4, Annex G"),
)
"""WADL XML answers a wildcard: Annex H defines that form, and Annex G derives JSON from it."""


@dataclass(frozen=True, slots=True)
class StoreResource:
    """A row of Table H-1. ``name`` is that of Table 10.5.1-1, ``path`` is below the row before."""

    name: str
    path: str
    parameter: str
    method_id: str
    transaction: str
    meaning: str
    source: str = "PS3.18 Table H-1, Table 10.5.1-1"


STORE_RESOURCES = (
    StoreResource(
        "Studies",
        "studies",
        "",
        "StoreInstances",
        "Store Instances",
        "Stores instances of any number of studies.",
    ),
    StoreResource(
        "Study",
        "{StudyInstanceUID}",
        "StudyInstanceUID",
        "StoreStudyInstances",
        "Store Study Instances",
        "Stores instances of this study, which need not exist yet.",
    ),
)


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A query parameter that a Studies Service must know (PS3.18 Table 10.1.2-1)."""

    name: str
    meaning: str
    source: str


QUERY_PARAMETERS = (
    QueryParameter(
        "accept",
        "Media types of the response, without wildcards; Accept must cover them.",
        "PS3.18 8.3.3.1",
    ),
    QueryParameter(
        "charset", "Character sets of the response; unsupported ones are ignored.", "PS3.18 8.3.3.2"
    ),
)

RESPONSE_CHARACTER_SETS = ("utf-8",)
"""Of every response payload (PS3.18 8.8)."""


@dataclass(frozen=True, slots=True)
class HeaderField:
    """A request header field that the origin server reads (PS3.18 Table 10.5.1-2, 8.4)."""

    name: str
    meaning: str
    source: str


HEADER_FIELDS = (
    HeaderField("Content-Type", "What the payload is.", "PS3.18 Table 10.5.1-2"),
    HeaderField("Accept", "Media types of the response.", "PS3.18 8.7.5"),
    HeaderField("Accept-Charset", "Must not exclude utf-8.", "PS3.18 8.8.4"),
    HeaderField("Content-Encoding", "gzip, once, or identity.", "PS3.18 Table 8.4.2-1"),
    HeaderField("Content-Length", "Ends the payload.", "PS3.18 Table 10.5.1-2"),
    HeaderField("Transfer-Encoding", "chunked.", "PS3.18 Table 10.5.1-2"),
)
