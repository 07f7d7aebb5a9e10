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

from infra.local.functions import FunctionTimeoutError, LambdaCaller
from infra.local.gateway_event import (
    Event,
    GatewayAnswer,
    GatewayRequest,
    MalformedAnswerError,
    RouteTable,
    json_answer,
    make_event,
    media_type_of,
    read_answer,
)

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
    """

    def __init__(
        self,
        routes: RouteTable,
        call: LambdaCaller,
        settings: GatewaySettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
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
            return json_answer(403, "Missing Authentication Token")
        if len(request.body) > self.settings.max_payload:
            return too_long()
        decoded = self._decode(request)
        if isinstance(decoded, GatewayAnswer):
            return decoded
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
        )
        if _size(event) > self.settings.max_invocation:
            return _invocation_too_long(self.settings.max_invocation)
        return self._invoke(event, accept=request.header("Accept"))

    def _decode(self, request: GatewayRequest) -> GatewayRequest | GatewayAnswer:
        """Return the request with its content coding undone, as far as the settings say so."""
        coding = (request.header("Content-Encoding") or "identity").strip().lower()
        if self.settings.gzip is Gzip.PASSTHROUGH or coding == "identity" or not request.body:
            return request
        if coding not in {"gzip", "deflate"}:
            return json_answer(415, "Unsupported Media Type")
        try:
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            body = inflater.decompress(request.body, self.settings.max_payload + 1)
        except zlib.error:
            return json_answer(415, "Unsupported Media Type")
        if len(body) > self.settings.max_payload:
            return too_long()
        if not inflater.eof:
            return json_answer(415, "Unsupported Media Type")
        keep = self.settings.gzip is Gzip.DECODE_KEEP_HEADER
        headers = tuple(
            field for field in request.headers if keep or field[0].lower() != "content-encoding"
        )
        return replace(request, headers=headers, body=body)

    def _invoke(self, event: Event, accept: str | None) -> GatewayAnswer:
        try:
            returned = self._call(event)
        except FunctionTimeoutError:
            return json_answer(504, "Endpoint request timed out")
        except Exception:
            logger.exception("the function raised")
            return json_answer(502, "Internal server error")
        try:
            if _size(returned) > self.settings.max_invocation:
                raise MalformedAnswerError("larger than Lambda returns")
            return read_answer(
                returned, accept=accept, binary_media_types=self.settings.binary_media_types
            )
        except MalformedAnswerError as error:
            logger.error("the function's answer is malformed: %s", error)
            return json_answer(502, "Internal server error")


def too_long() -> GatewayAnswer:
    """Return the gateway's answer to a body over its limit."""
    return json_answer(413, "Request Too Long")


def _invocation_too_long(limit: int) -> GatewayAnswer:
    return json_answer(
        413,
        f"The request is larger than {limit} bytes once it is JSON and its body base64: "
        "that is more than a function takes",
    )


def _size(payload: object) -> int:
    """Return the bytes of a payload as JSON; for what is certainly small, any small number."""
    body = payload.get("body") if isinstance(payload, dict) else None
    if isinstance(body, str) and len(body) * 6 < _CERTAINLY_SMALL:
        return len(body)
    try:
        return len(json.dumps(payload, ensure_ascii=False).encode())
    except (TypeError, ValueError) as error:
        raise MalformedAnswerError("not JSON") from error
