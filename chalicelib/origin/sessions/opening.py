"""What can be refused before a body is there, in the order of a Store request (PS3.18 10.5).

target resource -> Accept -> Content-Type -> content-coding -> size. Nothing is written here.
"""

from dataclasses import dataclass
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import request_media_type
from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.negotiation import ResponseFormat, negotiate
from chalicelib.dicomweb.resources import parse_target
from chalicelib.dicomweb.sessions import OpenRequest, PartPlan, is_checksum, plan_parts
from chalicelib.origin import hop_mark
from chalicelib.origin.hop_mark import read_marks, write_marks
from chalicelib.standard.media_types import DICOM, PayloadFamily


@dataclass(frozen=True, slots=True)
class Opening:
    """A session that may be opened; attributes as of ``model.Session``."""

    resource: str
    content_type: str
    form: ResponseFormat
    plan: PartPlan
    via: str
    checksum: str


def check_opening(
    wanted: OpenRequest, partition: str, *, strict: bool, max_bytes: int, mark: str | None = None
) -> Opening:
    """Return what a session is opened with.

    Parameters
    ----------
    mark : str, optional
        The hop mark of the request that opens it, where the Store request would have none.

    Raises
    ------
    RequestError
        400, 406, 415 as a Store request; 413 beyond ``max_bytes``.
    """
    headers = Headers(wanted.headers.items())
    _check_resource(wanted.resource, partition)
    form = negotiate(
        headers.get("Accept"),
        None,
        accept_charset=headers.get("Accept-Charset"),
        charset_parameter=None,
        strict=strict,
    )
    _check_payload(headers)
    if wanted.size > max_bytes:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"A session takes {max_bytes} bytes; this body has {wanted.size}.",
            limit=("max_session_bytes", max_bytes),
        )
    plan = plan_parts(wanted.size)
    if wanted.checksum:
        check_checksum(wanted.checksum, plan)
    return Opening(
        resource=wanted.resource.removesuffix("/"),
        content_type=headers.get("Content-Type") or "",
        form=form,
        plan=plan,
        via=write_marks(read_marks(headers.get(hop_mark.FIELD) or mark)),
        checksum=wanted.checksum,
    )


def check_checksum(text: str, plan: PartPlan) -> None:
    """Refuse what cannot be the checksum of so many parts. Raises RequestError (400)."""
    if not is_checksum(text, plan.count):
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            "The checksum is not S3's composite SHA-256: 32 bytes in base64, a hyphen and the "
            f"number of parts, which is {plan.count}.",
        )


def _check_resource(resource: str, partition: str) -> None:
    try:
        if not resource.startswith("/studies"):
            raise RequestError(HTTPStatus.NOT_FOUND, "")
        parse_target(f"/partitions/{partition}{resource}")
    except RequestError:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            "The session's resource is neither /studies nor /studies/ and a UID (PS3.5 9.1).",
        ) from None


def _check_payload(headers: Headers) -> None:
    """Refuse what a session does not take: metadata with bulkdata, and codings."""
    payload = request_media_type(headers.get("Content-Type"))
    if payload.family is not PayloadFamily.INSTANCES:
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"A session takes bodies of {DICOM}; metadata with bulkdata go to the resource itself.",
        )
    coding = (headers.get("Content-Encoding") or "identity").strip().lower()
    if coding != "identity":
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A session's body has no content-coding."
        )
