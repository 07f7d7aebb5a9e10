"""API Gateway's REST proxy events (payload format 1.0) to our requests, and answers back."""

import binascii
from collections.abc import Mapping
from typing import Any

import pybase64

from chalicelib.dicomweb.messages import Headers, HttpRequest, HttpResponse

ProxyEvent = Mapping[str, Any]


def to_http_request(event: ProxyEvent) -> HttpRequest:
    """Return the request of an event.

    The path is rebuilt from the resource and its parameters: ``path`` also holds what a custom
    domain maps in front of the service.
    """
    context = event["requestContext"]
    body, is_text = _body(event)
    return HttpRequest(
        method=context["httpMethod"],
        path=_path(context["resourcePath"], event.get("pathParameters") or {}),
        query=_pairs(event.get("multiValueQueryStringParameters")),
        headers=Headers(_pairs(event.get("multiValueHeaders"))),
        body=body,
        body_was_text=is_text,
        request_id=context.get("requestId", ""),
        subject=_subject(context),
    )


def to_proxy_answer(response: HttpResponse) -> tuple[str, int, dict[str, str]]:
    """Return body, status and header fields as Chalice's Response takes them."""
    return response.body, response.status, dict(response.headers)


def _path(template: str, parameters: Mapping[str, str]) -> str:
    segments = template.split("/")
    return "/".join(
        parameters.get(segment[1:-1], "") if segment.startswith("{") else segment
        for segment in segments
    )


def _pairs(fields: Mapping[str, list[str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, values in (fields or {}).items() for value in values)


def _body(event: ProxyEvent) -> tuple[bytes, bool]:
    """Return the body's bytes, and whether the gateway passed text, which may have lost bytes."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return pybase64.b64decode(body, validate=True), False
        except (binascii.Error, ValueError):
            return b"", True
    return body.encode("utf-8", "surrogatepass"), bool(body)


def _subject(context: Mapping[str, Any]) -> str | None:
    authorizer = context.get("authorizer") or {}
    return authorizer.get("principalId")
