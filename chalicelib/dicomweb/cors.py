"""Cross-origin requests of browsers (Fetch Standard, CORS protocol; PS3.18 B.15).

OPTIONS is the method of a preflight and of Retrieve Capabilities; Access-Control-Request-Method
tells which was meant. Credentials are not allowed: a page sends its token in Authorization.
"""

from dataclasses import dataclass
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.messages import HttpRequest, HttpResponse

ANY_ORIGIN = "*"
_REQUEST_FIELDS = "Accept, Accept-Charset, Authorization, Content-Encoding, Content-Type"
_RESPONSE_FIELDS = "Content-Location, Link, Location, Retry-After, X-Request-Id"
_MAX_AGE_SECONDS = 600


def is_preflight(request: HttpRequest) -> bool:
    """Return whether a browser asks what it may send, rather than a client what there is."""
    asks = request.headers.get("Access-Control-Request-Method")
    return request.method == "OPTIONS" and asks is not None


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """Which origins' pages may talk to the service: none unless named, ``*`` for all."""

    origins: frozenset[str] = frozenset()

    def headers(self, request: HttpRequest) -> tuple[tuple[str, str], ...]:
        """Return what an answer of any status carries, so that a page may read it."""
        if not self.origins:
            return ()
        vary = ("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is None or not self._admits(origin):
            return (vary,)
        allowed = ANY_ORIGIN if ANY_ORIGIN in self.origins else origin
        return (
            vary,
            ("Access-Control-Allow-Origin", allowed),
            ("Access-Control-Expose-Headers", _RESPONSE_FIELDS),
        )

    def preflight(self, request: HttpRequest, methods: str) -> HttpResponse:
        """Return the answer to a preflight of a resource that takes these methods.

        Raises
        ------
        RequestError
            403 when the origin is not one of ours.
        """
        if not self._admits(request.headers.get("Origin") or ""):
            raise RequestError(
                HTTPStatus.FORBIDDEN, "Pages of this origin may not use the service."
            )
        fields = (
            ("Access-Control-Allow-Methods", methods),
            ("Access-Control-Allow-Headers", _REQUEST_FIELDS),
            ("Access-Control-Max-Age", str(_MAX_AGE_SECONDS)),
        )
        return HttpResponse(int(HTTPStatus.NO_CONTENT), fields)

    def _admits(self, origin: str) -> bool:
        return ANY_ORIGIN in self.origins or origin in self.origins
