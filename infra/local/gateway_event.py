"""An HTTP request as API Gateway's REST proxy event, and a function's answer as HTTP again.

Belongs here: the two shapes and how one becomes the other, as values. Must not be here: sockets,
limits, the order of checks (``gateway.py``).

See AWS's "Set up Lambda proxy integrations in API Gateway": input format of a Lambda function for
proxy integration, output format, and "Important notes" on headers that are dropped or renamed.
"""

import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote
from uuid import uuid4

import pybase64

Event = dict[str, object]
HeaderFields = tuple[tuple[str, str], ...]

DROPPED_FROM_REQUEST = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""What belongs to the connection, and never reaches a function."""

RENAMED_IN_RESPONSE = frozenset(
    {"connection", "content-length", "date", "server", "transfer-encoding", "www-authenticate"}
)
"""What a function may not set: the gateway renames it to ``x-amzn-Remapped-…``."""


class MalformedAnswerError(Exception):
    """The function returned something that is not a proxy response."""


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """One HTTP request, its body complete and free of transfer codings."""

    method: str
    target: str
    headers: HeaderFields
    body: bytes = b""
    source_ip: str = "127.0.0.1"

    @property
    def path(self) -> str:
        """The path as sent, percent-encoded, of an origin-form or absolute-form target."""
        target = self.target
        if not target.startswith("/") and "://" in target:
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        return target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as sent, without the question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """Return the last value of a field, None when the request has none."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """What goes back to the client."""

    status: int
    headers: HeaderFields = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Match:
    """A resource of the API that a path belongs to."""

    resource: str
    path_parameters: dict[str, str] = field(default_factory=dict)


class RouteTable:
    """The API's resources, such as ``/studies/{study}``, each with its methods."""

    def __init__(self, routes: Mapping[str, Iterable[str]]) -> None:
        self._routes = [
            (resource.split("/"), resource, frozenset(methods))
            for resource, methods in routes.items()
        ]
        # A literal segment is preferred to a parameter.
        self._routes.sort(key=lambda route: [part.startswith("{") for part in route[0]])

    def find(self, method: str, path: str) -> Match | None:
        """Return the resource that answers, None when the gateway knows no such thing.

        One final slash is ignored. Parameters never match an empty segment, and are
        percent-decoded.
        """
        segments = (path[:-1] if path.endswith("/") and path != "/" else path).split("/")
        for parts, resource, methods in self._routes:
            if len(parts) == len(segments) and method in methods:
                parameters = _bind(parts, segments)
                if parameters is not None:
                    return Match(resource, parameters)
        return None


def _bind(parts: list[str], segments: list[str]) -> dict[str, str] | None:
    parameters = {}
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{") and segment:
            parameters[part[1:-1]] = unquote(segment)
        elif part != segment:
            return None
    return parameters


def media_type_of(value: str | None) -> str:
    """Return the media type of a Content-Type, or of the first entry of an Accept field."""
    return (value or "").split(",", 1)[0].split(";", 1)[0].strip().lower()


def make_event(
    request: GatewayRequest,
    match: Match,
    *,
    is_binary: bool,
    stage: str,
    now: datetime,
    request_id: str,
    subject: str | None = None,
) -> Event:
    """Return the event a function receives for a request.

    Parameters
    ----------
    match
        The resource the request's path belongs to.
    is_binary
        Whether the body's content type is one of the API's binary media types: then the body is
        base64. Else it is text, in which octets that are not UTF-8 are lost, as in AWS.
    stage
        Name of the API's stage; clients reach it through a domain name, so no path carries it.
    now
        When the request arrived.
    request_id
        What the gateway's answer will carry as ``x-amzn-RequestId``.
    subject
        Whom the authorizer found the sender to be; None when it was not asked.
    """
    context = _request_context(request, match, stage, now, request_id)
    if subject is not None:
        context["authorizer"] = {"principalId": subject, "integrationLatency": 0}
    headers = _event_headers(request)
    query = parse_qs(request.query, keep_blank_values=True)
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.path_parameters or None,
        "stageVariables": None,
        "requestContext": context,
        "body": _event_body(request.body, is_binary),
        "isBase64Encoded": is_binary and bool(request.body),
    }


def _event_headers(request: GatewayRequest) -> dict[str, list[str]]:
    names: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in request.headers:
        if name.lower() not in DROPPED_FROM_REQUEST:
            values.setdefault(names.setdefault(name.lower(), name), []).append(value)
    values["X-Forwarded-For"] = [request.source_ip]
    values["X-Forwarded-Proto"] = ["http"]
    return values


def _event_body(body: bytes, is_binary: bool) -> str | None:
    if not body:
        return None
    if is_binary:
        encoded: str = pybase64.b64encode_as_string(body)
        return encoded
    return body.decode("utf-8", "replace")


def _request_context(
    request: GatewayRequest, match: Match, stage: str, now: datetime, request_id: str
) -> dict[str, object]:
    host = request.header("Host") or ""
    return {
        "resourceId": "local",
        "resourcePath": match.resource,
        "httpMethod": request.method,
        "extendedRequestId": uuid4().hex[:16],
        "requestTime": now.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "path": request.path,
        "accountId": "123456789012",
        "protocol": "HTTP/1.1",
        "stage": stage,
        "domainPrefix": host.split(".", 1)[0],
        "domainName": host,
        "requestId": request_id,
        "apiId": "local",
        "identity": {
            "accessKey": None,
            "accountId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": request.source_ip,
            "user": None,
            "userAgent": request.header("User-Agent"),
            "userArn": None,
        },
    }


def read_answer(
    answer: object, *, accept: str | None, binary_media_types: Iterable[str]
) -> GatewayAnswer:
    """Return a function's proxy response as HTTP.

    A base64 body is decoded when the request's first Accept entry is one of the API's binary
    media types; else its text goes out as it is, as in AWS.

    Raises
    ------
    MalformedAnswerError
        When it is no proxy response: the gateway's 502.
    """
    if not isinstance(answer, Mapping):
        raise MalformedAnswerError("not an object")
    status, body = answer.get("statusCode"), answer.get("body")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise MalformedAnswerError("no statusCode")
    if not isinstance(body, str | None):
        raise MalformedAnswerError("the body is no string")
    payload = (body or "").encode()
    if answer.get("isBase64Encoded") and media_type_of(accept) in binary_media_types:
        try:
            payload = pybase64.b64decode(payload, validate=True)
        except binascii.Error as error:
            raise MalformedAnswerError("the body is not base64") from error
    return GatewayAnswer(status, tuple(_answer_headers(answer)), payload)


def _answer_headers(answer: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    single, multiple = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    if not isinstance(single, Mapping) or not isinstance(multiple, Mapping):
        raise MalformedAnswerError("the headers are no object")
    fields = [(str(name), str(value)) for name, value in single.items() if name not in multiple]
    for name, values in multiple.items():
        if not isinstance(values, list):
            raise MalformedAnswerError("a multi-value header is no list")
        fields.extend((str(name), str(value)) for value in values)
    if not any(name.lower() == "content-type" for name, _ in fields):
        fields.append(("Content-Type", "application/json"))
    return [
        (f"x-amzn-Remapped-{name}" if name.lower() in RENAMED_IN_RESPONSE else name, value)
        for name, value in fields
    ]


def json_answer(status: int, message: str) -> GatewayAnswer:
    """Return one of the gateway's own answers."""
    return GatewayAnswer(
        status,
        (("Content-Type", "application/json"),),
        json.dumps({"message": message}).encode(),
    )
