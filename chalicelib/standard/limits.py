"""Bounds on what one request may hold: ours, where the standard sets none.

``setting`` names the environment variable that moves a bound, "" where a deployment cannot
and ``fixed`` is the value. ``field`` is the bound's name in settings, problem answers and
capabilities.
"""

from dataclasses import dataclass

MAX_BODY_BYTES = 4_690_000
"""Of a request's payload: Lambda takes 6,291,556 bytes of JSON, in which the payload is base64 and
the header fields (10,240 bytes of them at most) stand twice. So many fit for certain."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A row: what is bounded, and what a request beyond it gets."""

    field: str
    setting: str
    meaning: str
    answer: str
    fixed: int = 0


LIMITS = (
    Limit("max_parts", "MAX_PARTS", "Parts of one request", "413"),
    Limit("max_part_header_bytes", "MAX_PART_HEADER_BYTES", "Bytes of one part's header", "400"),
    Limit("max_part_header_fields", "MAX_PART_HEADER_FIELDS", "Fields of one part's header", "400"),
    Limit(
        "max_inflated_bytes",
        "MAX_INFLATED_BYTES",
        "Bytes of a gzip payload, or of a deflated data set, once inflated",
        "413; for a deflated data set Failure Reason C006",
    ),
    Limit("max_depth", "MAX_NESTING_DEPTH", "Depth of nested sequences", "Failure Reason C004"),
    Limit("max_elements", "MAX_ELEMENTS", "Elements of one data set", "Failure Reason C005"),
    Limit(
        "max_session_bytes",
        "MAX_SESSION_BYTES",
        "Bytes of the payload of a store session",
        "413 when it is opened",
    ),
    Limit(
        "max_session_parts",
        "MAX_SESSION_PARTS",
        "Parts of the payload of a store session",
        "413 as the session's answer",
    ),
)

FIXED_LIMITS = (
    Limit(
        "max_body_bytes",
        "",
        "Bytes of the payload of one request; a store session takes more",
        "413 of the gateway",
        MAX_BODY_BYTES,
    ),
    Limit("max_boundary_length", "", "Characters of a multipart boundary", "400", 100),
    Limit("max_gzip_members", "", "Members of a gzip payload", "400", 1024),
    Limit(
        "max_file_meta_bytes",
        "",
        "Bytes of File Meta Information",
        "Failure Reason C008",
        64 * 1024,
    ),
)
