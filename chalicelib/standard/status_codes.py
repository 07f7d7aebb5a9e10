"""HTTP status codes that answer a request (PS3.18 Tables 10.5.3-1 and 8.5-1).

One row for each code and cause that this product can send. Capabilities and the conformance
statement print them; a test finds every status in the code here.
"""

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What a code says of the request (the service status of PS3.2 Table N.7-94)."""

    SUCCESS = "Success"
    WARNING = "Warning"
    FAILURE = "Failure"


class Transaction(Enum):
    """Which requests a row answers."""

    STORE = "Store"
    CAPABILITIES = "Retrieve Capabilities"
    PREFLIGHT = "CORS preflight"
    SESSION = "Store session (extension)"


class Sender(Enum):
    """Who sends the code: this product's code, or the gateway before a request comes to it."""

    ORIGIN_SERVER = "origin server"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class StatusCode:
    """A row. ``retryable``: the same bytes, sent again, can succeed."""

    code: int
    meaning: str
    outcome: Outcome
    condition: str
    source: str
    transactions: tuple[Transaction, ...] = (Transaction.STORE,)
    sender: Sender = Sender.ORIGIN_SERVER
    retryable: bool = False


_ANY = (Transaction.STORE, Transaction.CAPABILITIES)
_CAPABILITIES = (Transaction.CAPABILITIES,)
_PREFLIGHT = (Transaction.PREFLIGHT,)
_SESSION = (Transaction.SESSION,)
_EVERY = (*_ANY, Transaction.SESSION)
_FAILURE = Outcome.FAILURE

STATUS_CODES = (
    StatusCode(
        200,
        "OK",
        Outcome.SUCCESS,
        "Every instance is stored; none has a warning.",
        "PS3.18 Table 10.5.3-1",
    ),
    StatusCode(
        200,
        "OK",
        Outcome.SUCCESS,
        "The capabilities are in the payload.",
        "PS3.18 8.9.3.1",
        _CAPABILITIES,
    ),
    StatusCode(
        200,
        "OK",
        Outcome.SUCCESS,
        "The session's state, or the URLs of its parts, are in the payload. Its response has the "
        "code that Store would have.",
        "RFC 9110 15.3.1",
        _SESSION,
    ),
    StatusCode(
        201,
        "Created",
        Outcome.SUCCESS,
        "The session is open; Location is its URL.",
        "RFC 9110 15.3.2",
        _SESSION,
    ),
    StatusCode(
        202,
        "Accepted",
        Outcome.WARNING,
        "Some instances are stored; others failed for causes that last, or were stored with a "
        "warning.",
        "PS3.18 Table 10.5.3-1",
    ),
    StatusCode(
        202,
        "Accepted",
        Outcome.SUCCESS,
        "The session's parts are complete and wait to be stored; nothing is stored yet.",
        "RFC 9110 15.3.3",
        _SESSION,
    ),
    StatusCode(
        204,
        "No Content",
        Outcome.SUCCESS,
        "The origin is one of CORS_ORIGINS.",
        "Fetch 4.8",
        _PREFLIGHT,
    ),
    StatusCode(
        303,
        "See Other",
        Outcome.SUCCESS,
        "The session's response is larger than the gateway takes; Location is where it is.",
        "RFC 9110 15.4.4",
        _SESSION,
    ),
    StatusCode(
        400,
        "Bad Request",
        _FAILURE,
        "The request's syntax is broken, so nothing of it was stored: path, Content-Type, query "
        "parameters, gzip data, multipart framing, or no payload.",
        "PS3.18 Table 10.5.3-1",
        _ANY,
    ),
    StatusCode(
        400,
        "Bad Request",
        _FAILURE,
        "The document is none that a session takes: its members, its resource, a part's number or "
        "digest, or the checksum.",
        "RFC 9110 15.5.1",
        _SESSION,
    ),
    StatusCode(
        403,
        "Forbidden",
        _FAILURE,
        "The origin is not one of CORS_ORIGINS.",
        "PS3.18 Table 8.5-1",
        _PREFLIGHT,
    ),
    StatusCode(
        403,
        "Forbidden",
        _FAILURE,
        "No resource of the service has this path, or access is denied.",
        "API Gateway",
        _EVERY,
        Sender.GATEWAY,
    ),
    StatusCode(
        404,
        "Not Found",
        _FAILURE,
        "No resource of the service has this path. A study that does not exist yet is created.",
        "PS3.18 Table 8.5-1",
        _ANY,
    ),
    StatusCode(
        404,
        "Not Found",
        _FAILURE,
        "There is no such session, it is over, or it is another subject's; or it has no response "
        "yet.",
        "RFC 9110 15.5.5",
        _SESSION,
    ),
    StatusCode(
        405,
        "Method Not Allowed",
        _FAILURE,
        "The resource exists but does not take the method; Allow lists what it takes.",
        "PS3.18 Table 8.5-1",
        _EVERY,
    ),
    StatusCode(
        406,
        "Not Acceptable",
        _FAILURE,
        "Nothing that Accept or Accept-Charset allows is available; in strict mode also when "
        "Accept is missing. Nothing was stored.",
        "PS3.18 Table 8.5-1, 8.7.5",
        _EVERY,
    ),
    StatusCode(
        409,
        "Conflict",
        _FAILURE,
        "The request is well formed, but no instance of it was stored.",
        "PS3.18 Table 10.5.3-1",
    ),
    StatusCode(
        409,
        "Conflict",
        _FAILURE,
        "Parts of the session's payload are missing, or the session is not open any more.",
        "RFC 9110 15.5.10",
        _SESSION,
    ),
    StatusCode(
        413,
        "Payload Too Large",
        _FAILURE,
        "The payload has more parts than MAX_PARTS, or inflates to more than MAX_INFLATED_BYTES.",
        "PS3.18 Table 8.5-1",
    ),
    StatusCode(
        413,
        "Payload Too Large",
        _FAILURE,
        "The session's payload would be larger than MAX_SESSION_BYTES.",
        "RFC 9110 15.5.14",
        _SESSION,
    ),
    StatusCode(
        413,
        "Payload Too Large",
        _FAILURE,
        "The request is larger than the gateway or the function takes.",
        "API Gateway",
        sender=Sender.GATEWAY,
    ),
    StatusCode(
        415,
        "Unsupported Media Type",
        _FAILURE,
        "Content-Type is missing or not supported, or Content-Encoding is not gzip; Accept or "
        "Accept-Encoding lists what is.",
        "PS3.18 Table 10.5.3-1",
    ),
    StatusCode(
        415,
        "Unsupported Media Type",
        _FAILURE,
        "The session's payload would not be application/dicom, or would have a content coding.",
        "RFC 9110 15.5.16",
        _SESSION,
    ),
    StatusCode(
        429,
        "Too Many Requests",
        _FAILURE,
        "The gateway throttles.",
        "API Gateway",
        _EVERY,
        Sender.GATEWAY,
        retryable=True,
    ),
    StatusCode(
        500,
        "Internal Server Error",
        _FAILURE,
        "The gateway passed the payload as text, which may have lost bytes, or an unexpected "
        "fault. Nothing is promised.",
        "PS3.18 Table 8.5-1",
        _EVERY,
    ),
    StatusCode(
        502,
        "Bad Gateway",
        _FAILURE,
        "The function failed; what it had stored, a re-send confirms.",
        "API Gateway",
        _EVERY,
        Sender.GATEWAY,
        retryable=True,
    ),
    StatusCode(
        503,
        "Service Unavailable",
        _FAILURE,
        "At least one instance failed for a cause that sending it again cures (Failure Reason "
        "A7xx or 0110). The payload tells of every instance; Retry-After says when.",
        "PS3.18 Table 8.5-1",
        retryable=True,
    ),
    StatusCode(
        503,
        "Service Unavailable",
        _FAILURE,
        "The session cannot be looked after now, or another request changed it meanwhile.",
        "RFC 9110 15.6.4",
        _SESSION,
        retryable=True,
    ),
    StatusCode(
        504,
        "Gateway Timeout",
        _FAILURE,
        "The function took longer than the gateway waits; what it had stored, a re-send confirms.",
        "API Gateway",
        _EVERY,
        Sender.GATEWAY,
        retryable=True,
    ),
)
