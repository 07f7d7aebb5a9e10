"""Presigned URLs, held to their date, their headers and their signature (SigV4 in the query)."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

from bench.stand_in.values import AwsError, Request

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST = 7 * 24 * 3600
"""Seconds that a URL may be valid."""
SKEW = 15 * 60
_FIELDS = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
_SAFE = "-_.~"


def check_presigned(request: Request, query: Mapping[str, str], secret: str, now: float) -> None:
    """Refuse a presigned URL that S3 would refuse; pass what is not presigned.

    Parameters
    ----------
    secret : str
        The one secret of all access keys.
    now : float
        Seconds since 1970.

    Raises
    ------
    AwsError
        AccessDenied, SignatureDoesNotMatch, AuthorizationQueryParametersError or InvalidRequest.
    """
    if "AWSAccessKeyId" in query:
        message = f"The authorization mechanism is not supported. Please use {ALGORITHM}."
        raise AwsError(400, "InvalidRequest", message)
    given = {name: query[f"X-Amz-{name}"] for name in _FIELDS if f"X-Amz-{name}" in query}
    if not given:
        return
    if len(given) < len(_FIELDS) or given["Algorithm"] != ALGORITHM:
        raise _unreadable("Query-string authentication requires all of its parameters.")
    _check_date(given, now)
    signed = given["SignedHeaders"].split(";")
    if any(name.startswith("x-amz-") and name not in signed for name in request.headers):
        message = "There were headers present in the request which were not signed"
        raise AwsError(403, "AccessDenied", message)
    expected = _signature(request, given, signed, secret)
    if not hmac.compare_digest(expected, given["Signature"]):
        raise AwsError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )


def _check_date(given: Mapping[str, str], now: float) -> None:
    try:
        signed_at = datetime.strptime(given["Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        seconds = int(given["Expires"])
    except ValueError:
        raise _unreadable("X-Amz-Date and X-Amz-Expires must be a date and seconds.") from None
    if not 0 <= seconds <= LONGEST:
        raise _unreadable("X-Amz-Expires must be between 0 and a week in seconds.")
    age = now - signed_at.timestamp()
    if age < -SKEW:
        raise AwsError(403, "AccessDenied", "Request is not yet valid")
    if age > seconds:
        raise AwsError(403, "AccessDenied", "Request has expired")


def _signature(request: Request, given: Mapping[str, str], signed: list[str], secret: str) -> str:
    path, _, query = request.target.partition("?")
    pairs = sorted(
        (quote(name, safe=_SAFE), quote(value, safe=_SAFE))
        for name, value in parse_qsl(query, keep_blank_values=True)
        if name != "X-Amz-Signature"
    )
    headers = request.headers
    canonical = "\n".join(
        (
            request.method,
            quote(unquote(path), safe=f"/{_SAFE}"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed),
            "",
            ";".join(signed),
            headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )
    scope = given["Credential"].split("/")[1:]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((ALGORITHM, given["Date"], "/".join(scope), digest))
    key = f"AWS4{secret}".encode()
    for step in (*scope, text):
        key = hmac.digest(key, step.encode(), "sha256")
    return key.hex()


def _unreadable(message: str) -> AwsError:
    return AwsError(400, "AuthorizationQueryParametersError", message)
