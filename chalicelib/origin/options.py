"""The method OPTIONS: Retrieve Capabilities (PS3.18 8.9), and preflights told apart from it."""

from collections.abc import Mapping
from http import HTTPStatus

from chalicelib.dicomweb.capabilities import (
    allowed_methods,
    describe,
    encode_capabilities,
    negotiate_capabilities,
)
from chalicelib.dicomweb.cors import CorsPolicy, is_preflight
from chalicelib.dicomweb.messages import HttpRequest, HttpResponse
from chalicelib.dicomweb.resources import Resource


def answer_options(
    request: HttpRequest,
    resource: Resource,
    *,
    base_uri: str,
    limits: Mapping[str, int],
    cors: CorsPolicy,
    strict: bool = False,
) -> HttpResponse:
    """Return the capabilities of a resource, or the answer to a browser's preflight.

    Query parameters are ignored: the transaction has none (8.9.1.2), and 8.3 says to.

    Raises
    ------
    RequestError
        406 or 403.
    """
    allow = allowed_methods(resource)
    if is_preflight(request):
        return cors.preflight(request, allow)
    media_type = negotiate_capabilities(request.headers.get("Accept"), strict=strict)
    description = describe(resource, base_uri, limits, strict=strict)
    headers = (("Content-Type", media_type), ("Allow", allow))
    return HttpResponse(int(HTTPStatus.OK), headers, encode_capabilities(description, media_type))
