"""What API Gateway does between a client's request and the function: limits, coding, answers.

Belongs here: the order of checks and what each refuses. Must not be here: sockets (``front.py``),
the event's shape (``gateway_event.py``).
"""

import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from uuid import uuid4

from infra.local.authorizer import DeniedError, GatewayAuthorizer
from infra.local.functions import FunctionTimeoutError, LambdaCaller
from infra.local.gateway_event import (
    Event,
    GatewayAnswer,
    GatewayRequest,
    MalformedAnswerError,
    Match,
    RouteTable,
    make_event,
    media_type_of,
    read_answer,
)
from infra.local.gateway_responses import GatewayResponses

logger = logging.getLogger(__name__)

MAX_GATEWAY_PAYLOAD = 10 * 1024 * 1024
"""Bytes of a request body that API Gateway takes. Not raisable."""

MAX_INVOCATION_PAYLOAD = 6_291_556
"""Bytes of JSON that Lambda takes and returns in a synchronous invocation."""

_CERTAINLY_SMALL = 1024 * 1024
"""A body of fewer characters cannot make an event too large, even if JSON escapes each."""


class Gzip(Enum):
    """What the gateway does to a request body with Content-Encoding.

    Which of them depends on the API's compression setting and on the gateway's mood; a function
    must take all three.
    """

    PASSTHROUGH = "passthrough"
    DECODE_KEEP_HEADER = "decode-keep-header"
    DECODE_DROP_HEADER = "decode-drop-header"


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What one API is set to."""

    binary_media_types: frozenset[str]
    stage: str = "api"
    gzip: Gzip = Gzip.PASSTHROUGH
    max_payload: int = MAX_GATEWAY_PAYLOAD
    max_invocation: int = MAX_INVOCATION_PAYLOAD


class Gateway:
    """One API in front of one function.

    Parameters
    ----------
    routes
        The API's resources.
    call
        The function; raises FunctionTimeoutError when it took too long.
    responses
        What the gateway answers by itself; AWS's own words by default.
    authorizer
        Whom the gateway asks who may call; by default everybody may.
    """

    def __init__(
        self,
        routes: RouteTable,
        call: LambdaCaller,
        settings: GatewaySettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        responses: GatewayResponses | None = None,
        authorizer: GatewayAuthorizer | None = None,
    ) -> None:
        self._responses = responses or GatewayResponses()
        self._authorizer = authorizer
        self._routes = routes
        self._call = call
        self._clock = clock
        self.settings = settings

    def answer(self, request: GatewayRequest) -> GatewayAnswer:
        """Return the answer to a complete request. Never raises."""
        request_id = str(uuid4())
        answer = self._answer(request, request_id)
        return replace(answer, headers=(*answer.headers, ("x-amzn-RequestId", request_id)))

    def _answer(self, request: GatewayRequest, request_id: str) -> GatewayAnswer:
        match = self._routes.find(request.method, request.path)
        if match is None:
            return self.refuse("MISSING_AUTHENTICATION_TOKEN", request_id)
        if len(request.body) > self.settings.max_payload:
            return self.refuse("REQUEST_TOO_LARGE", request_id)
        try:
            subject = self._authorize(request, match)
            decoded = self._decode(request)
        except DeniedError as denied:
            return self.refuse(denied.response_type, request_id)
        is_binary = media_type_of(decoded.header("Content-Type")) in (
            self.settings.binary_media_types
        )
        event = make_event(
            decoded,
            match,
            is_binary=is_binary,
            stage=self.settings.stage,
            now=self._clock(),
            request_id=request_id,
            subject=subject,
        )
        if _size(event) > self.settings.max_invocation:
            return self.refuse("REQUEST_TOO_LARGE", request_id, self.settings.max_invocation)
        return self._invoke(event, request_id, accept=request.header("Accept"))

    def refuse(self, response_type: str, request_id: str = "", limit: int = 0) -> GatewayAnswer:
        """Return one of the gateway's own answers, such as ``REQUEST_TOO_LARGE``."""
        return self._responses.answer(response_type, request_id, limit)

    def _authorize(self, request: GatewayRequest, match: Match) -> str | None:
        """Return who calls, None where nobody needs to say. Raises DeniedError."""
        if self._authorizer is None:
            return None
        return self._authorizer.authorize(request, match, self.settings.stage)

    def _decode(self, request: GatewayRequest) -> GatewayRequest:
        """Return the request with its content coding undone, as far as the settings say so.

        Raises
        ------
        DeniedError
            When that cannot be done.
        """
        coding = (request.header("Content-Encoding") or "identity").strip().lower()
        if self.settings.gzip is Gzip.PASSTHROUGH or coding == "identity" or not request.body:
            return request
        if coding not in {"gzip", "deflate"}:
            raise DeniedError("UNSUPPORTED_MEDIA_TYPE")
        try:
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            body = inflater.decompress(request.body, self.settings.max_payload + 1)
        except zlib.error:
            raise DeniedError("UNSUPPORTED_MEDIA_TYPE") from None
        if len(body) > self.settings.max_payload:
            raise DeniedError("REQUEST_TOO_LARGE")
        if not inflater.eof:
            raise DeniedError("UNSUPPORTED_MEDIA_TYPE")
        keep = self.settings.gzip is Gzip.DECODE_KEEP_HEADER
        headers = tuple(
            field for field in request.headers if keep or field[0].lower() != "content-encoding"
        )
        return replace(request, headers=headers, body=body)

    def _invoke(self, event: Event, request_id: str, accept: str | None) -> GatewayAnswer:
        try:
            returned = self._call(event)
        except FunctionTimeoutError:
            return self.refuse("INTEGRATION_TIMEOUT", request_id)
        except Exception:
            logger.exception("the function raised")
            return self.refuse("DEFAULT_5XX", request_id)
        try:
            if _size(returned) > self.settings.max_invocation:
                raise MalformedAnswerError("larger than Lambda returns")
            return read_answer(
                returned, accept=accept, binary_media_types=self.settings.binary_media_types
            )
        except MalformedAnswerError as error:
            logger.error("the function's answer is malformed: %s", error)
            return self.refuse("DEFAULT_5XX", request_id)


def _size(payload: object) -> int:
    """Return the bytes of a payload as JSON; for what is certainly small, any small number."""
    body = payload.get("body") if isinstance(payload, dict) else None
    if isinstance(body, str) and len(body) * 6 < _CERTAINLY_SMALL:
        return len(body)
    try:
        return len(json.dumps(payload, ensure_ascii=False).encode())
    except (TypeError, ValueError) as error:
        raise MalformedAnswerError("not JSON") from error
