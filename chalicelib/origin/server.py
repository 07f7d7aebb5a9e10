"""The origin server: a request in, a response out, in the order of PS3.18 10.5.

target resource -> method -> Accept, before any side effect -> Content-Type -> content-coding ->
parts -> one outcome for each -> Store Instances Response -> status -> encoded answer. RequestError
is caught here and nowhere else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from chalicelib.dicomweb.capabilities import allowed_methods
from chalicelib.dicomweb.content_coding import decode_content
from chalicelib.dicomweb.cors import CorsPolicy
from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import PayloadType, request_media_type
from chalicelib.dicomweb.messages import Headers, HttpRequest, HttpResponse
from chalicelib.dicomweb.multipart import Part, split_parts
from chalicelib.dicomweb.negotiation import ResponseFormat, negotiate
from chalicelib.dicomweb.problem import problem_response
from chalicelib.dicomweb.resources import (
    Resource,
    SessionResource,
    StoreSession,
    StoreSessions,
    Studies,
    Study,
    Target,
    parse_resource,
    sessions_url,
    target_url,
)
from chalicelib.dicomweb.response_encoding import encode_module
from chalicelib.dicomweb.store_instances import (
    Stored,
    StoreInstancesResponse,
    status_of,
    tally_of,
)
from chalicelib.origin import hop_mark, metrics
from chalicelib.origin.answering import answer_headers, report_answer, report_outcomes
from chalicelib.origin.hop_mark import read_marks, write_marks
from chalicelib.origin.intake import (
    OUT_OF_TIME,
    Arrival,
    IncomingPart,
    IntakePolicy,
    Place,
    Taken,
    refused_item,
    take_in,
)
from chalicelib.origin.options import answer_options
from chalicelib.origin.ports import Remaining
from chalicelib.origin.sessions.door import SessionDoor
from chalicelib.origin.store import Store, StorePolicy, StorePorts, StoreRequest
from chalicelib.standard.media_types import PayloadFamily


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """What the deployment decides.

    ``base_uri`` is the service's external URL; ``part_limits`` are those of ``split_parts``;
    ``session_limits`` those of store sessions, by the field of their row in ``standard.limits``.
    """

    base_uri: str
    strict: bool = False
    explain: bool = True
    part_limits: Mapping[str, int] = field(default_factory=dict)
    max_inflated_bytes: int = 32 * 1024 * 1024
    session_limits: Mapping[str, int] = field(default_factory=dict)
    intake: IntakePolicy = field(default_factory=IntakePolicy)
    store: StorePolicy = field(default_factory=StorePolicy)
    cors: CorsPolicy = field(default_factory=CorsPolicy)

    @property
    def limits(self) -> Mapping[str, int]:
        """The bounds in force, by the field of their row in ``standard.limits``."""
        structure = self.intake.limits.structure
        return {
            **{
                name.replace("max_header", "max_part_header"): bound
                for name, bound in self.part_limits.items()
            },
            "max_inflated_bytes": self.max_inflated_bytes,
            "max_depth": structure.max_depth,
            "max_elements": structure.max_elements,
            **self.session_limits,
        }


class OriginServer:
    """Answers the requests of a Store Transaction."""

    def __init__(
        self, ports: StorePorts, policy: ServerPolicy, sessions: SessionDoor | None = None
    ) -> None:
        self._policy = policy
        self._sessions = sessions
        self._telemetry = ports.telemetry
        self._clock = ports.clock
        self._store = Store(ports, policy.store)

    def answer(self, request: HttpRequest, remaining: Remaining) -> HttpResponse:
        """Return the answer to any request; what is refused as a whole has stored nothing.

        Parameters
        ----------
        request : HttpRequest
        remaining : callable
            Seconds left of the function's time.
        """
        try:
            resource = parse_resource(request.path)
            if request.method == "OPTIONS":
                response = self._answer_options(request, resource)
            elif isinstance(resource, StoreSessions | StoreSession):
                response = self._answer_session(request, resource)
            else:
                response = self._answer(request, _target_of(resource, request.method), remaining)
        except RequestError as error:
            response = self._refuse(request, error)
        except Exception as error:  # noqa: BLE001 - let out, its text would reach a log
            self._telemetry.trouble("request failed", error, request_id=request.request_id)
            response = self._refuse(request, _UNFORESEEN)
        return HttpResponse(
            response.status,
            (
                *response.headers,
                ("X-Request-Id", request.request_id),
                *self._policy.cors.headers(request),
            ),
            response.body,
        )

    def _answer_session(self, request: HttpRequest, resource: SessionResource) -> HttpResponse:
        if self._sessions is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "This deployment offers no store sessions.")
        return self._sessions.answer(request, resource)

    def _answer_options(self, request: HttpRequest, resource: Resource) -> HttpResponse:
        return answer_options(
            request,
            resource,
            base_uri=self._policy.base_uri,
            limits=self._policy.limits,
            cors=self._policy.cors,
            strict=self._policy.strict,
        )

    def _answer(self, request: HttpRequest, target: Target, remaining: Remaining) -> HttpResponse:
        query = dict(reversed(request.query))  # of a repeated parameter the first counts
        form = negotiate(
            request.headers.get("Accept"),
            query.get("accept"),
            accept_charset=request.headers.get("Accept-Charset"),
            charset_parameter=query.get("charset"),
            strict=self._policy.strict,
        )
        taken = self._take_in(request, target, remaining)
        arrivals = [one for one in taken if isinstance(one, Arrival)]
        stored = self._store.store(
            arrivals,
            StoreRequest(
                target.partition,
                request.request_id,
                request.subject or "",
                remaining,
                via=write_marks(read_marks(request.headers.get(hop_mark.FIELD))),
            ),
        )
        outcomes = [stored[one.slot] if isinstance(one, Arrival) else one for one in taken]
        response = StoreInstancesResponse(tuple(outcomes))
        studies = {a.file.study for a in arrivals if isinstance(stored[a.slot], Stored)}
        self._report(request, target, response, studies)
        return self._encode(response, target, studies, form)

    def _take_in(
        self, request: HttpRequest, target: Target, remaining: Remaining
    ) -> Sequence[Taken]:
        """Return an arrival or a failure for each instance and part of the payload."""
        payload = request_media_type(request.headers.get("Content-Type"))
        parts = self._parts(request, payload)
        if payload.family is PayloadFamily.INSTANCES:
            return [self._take_in_part(part, target, remaining) for part in parts]
        # Imported when first needed: the builders of instances cost a cold start 40 ms.
        from chalicelib.origin.metadata_intake import take_in_metadata

        url = target_url(self._policy.base_uri, target)
        return take_in_metadata(
            parts,
            payload,
            target,
            url,
            self._policy.intake,
            self._clock(),
            lambda: self._has_time(remaining),
        )

    def _take_in_part(self, part: Part, target: Target, remaining: Remaining) -> Taken:
        """Return what a part is; unread when no time would be left to store it.

        A small request can inflate to many data sets, each as large as the limits allow.
        """
        if not self._has_time(remaining):
            return refused_item(OUT_OF_TIME, None, Place(part.number))
        incoming = IncomingPart(part.number, part.headers, part.body)
        return take_in(incoming, target, self._policy.intake)

    def _has_time(self, remaining: Remaining) -> bool:
        return remaining() >= self._policy.store.last_put

    def _parts(self, request: HttpRequest, payload: PayloadType) -> Sequence[Part]:
        """Return the parts of the payload, at least one (R-212)."""
        is_binary = payload.boundary is not None or payload.family is PayloadFamily.INSTANCES
        if request.body_was_text and is_binary:
            raise RequestError(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "The gateway passed a binary body as text, so bytes may be lost: its binary media "
                "types are misconfigured. Nothing was stored.",
            )
        body = decode_content(
            request.body,
            request.headers.get("Content-Encoding"),
            max_inflated_bytes=self._policy.max_inflated_bytes,
        )
        if not body:
            raise RequestError(
                HTTPStatus.BAD_REQUEST,
                "The request has no body. Was it sent again without its payload?",
            )
        if payload.boundary is None:
            return (_single_part(body, payload),)
        return split_parts(body, payload.boundary, **self._policy.part_limits)

    def _encode(
        self,
        response: StoreInstancesResponse,
        target: Target,
        studies: Collection[str],
        form: ResponseFormat,
    ) -> HttpResponse:
        """Return the response with its module in the negotiated form (PS3.18 10.5.3)."""
        status = status_of(response)
        headers = answer_headers(
            status,
            studies,
            form=form,
            base_uri=self._policy.base_uri,
            partition=target.partition,
        )
        module = encode_module(lambda: response.outcomes, form, explain=self._policy.explain)
        return HttpResponse(int(status), headers, "".join(module))

    def _report(
        self,
        request: HttpRequest,
        target: Target,
        response: StoreInstancesResponse,
        studies: Collection[str],
    ) -> None:
        """Tell operators what became of the request."""
        report_outcomes(self._telemetry, request.request_id, response.outcomes)
        report_answer(
            self._telemetry,
            request_id=request.request_id,
            partition=target.partition,
            tally=tally_of(response.outcomes),
            studies=studies,
        )

    def _refuse(self, request: HttpRequest, error: RequestError) -> HttpResponse:
        self._telemetry.count(metrics.REQUESTS_REFUSED)
        self._telemetry.event(
            "request refused",
            request_id=request.request_id,
            status=int(error.status),
            part=error.part,
            detail=error.detail,
        )
        return problem_response(error, request.request_id, self._way_round(request, error))

    def _way_round(self, request: HttpRequest, error: RequestError) -> str:
        """Return where a body goes that is too large for a request; "" where that does not help."""
        too_large = error.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if not too_large or self._sessions is None:
            return ""
        resource = parse_resource(request.path)
        if isinstance(resource, StoreSessions | StoreSession):
            return ""
        return sessions_url(self._policy.base_uri, resource.partition)


_UNFORESEEN = RequestError(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The request failed for a cause that the log tells. What it sent may be stored in part: send "
    "it again.",
    retryable=True,
)


def _target_of(resource: Resource, method: str) -> Target:
    """Return what is stored to, or refuse (R-101); retrieval and search are not offered yet."""
    if method == "POST" and isinstance(resource, Studies | Study):
        return resource
    allow = allowed_methods(resource)
    raise RequestError(
        HTTPStatus.METHOD_NOT_ALLOWED, f"This resource takes {allow}.", headers={"Allow": allow}
    )


def _single_part(body: bytes, payload: PayloadType) -> Part:
    """Return a body without multipart framing as its only part (R-303)."""
    headers = Headers((("Content-Type", payload.media_type.name),))
    return Part(1, headers, memoryview(body), 0)
