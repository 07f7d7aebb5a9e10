"""AWS Signature Version 4 by botocore, which is imported only when it is asked for.

The payload's hash is signed, so a body is read once for it and once more to be sent.
"""

from dataclasses import replace
from hashlib import sha256
from typing import Any

from chalicelib.useragent.errors import DestinationError, UsageError
from chalicelib.useragent.transport import OutgoingRequest

_EMPTY = sha256(b"").hexdigest()


class SigV4Auth:
    """Signs requests with the credentials that botocore finds: environment, profile, role.

    Parameters
    ----------
    region : str
    service : str
        ``execute-api`` for API Gateway, ``medical-imaging`` for HealthImaging.
    profile : str, optional
        Of the shared configuration.
    """

    def __init__(
        self, region: str, service: str = "execute-api", profile: str | None = None
    ) -> None:
        try:
            from botocore.session import Session
        except ImportError:
            raise UsageError("AWS signatures need the package botocore.") from None
        self._region = region
        self._service = service
        self._credentials: Any = Session(profile=profile).get_credentials()
        if self._credentials is None:
            raise DestinationError("No AWS credentials were found.")

    def authenticate(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return the request with its signature."""
        from botocore.auth import SigV4Auth as Signer
        from botocore.awsrequest import AWSRequest

        signed = AWSRequest(request.method, request.url, headers=dict(request.headers))
        signed.headers["X-Amz-Content-SHA256"] = _hash(request)
        signer = Signer(self._credentials.get_frozen_credentials(), self._service, self._region)
        signer.add_auth(signed)
        return replace(request, headers=tuple(signed.headers.items()))

    def refresh(self) -> bool:
        """Credentials of a role renew themselves when a signature is made."""
        return False

    def __repr__(self) -> str:
        return f"SigV4Auth({self._region!r}, {self._service!r})"


def _hash(request: OutgoingRequest) -> str:
    if request.body is None:
        return _EMPTY
    digest = sha256()
    for chunk in request.body:
        digest.update(chunk)
    return digest.hexdigest()
