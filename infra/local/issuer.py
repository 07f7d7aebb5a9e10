"""An issuer of tokens for one machine: a key of its own, its JWK Set on loopback, tokens on demand.

Belongs here: what stands in for an identity provider. Its private key lies in a file that only its
owner reads; whoever has it may store in the local stack and nowhere else.
"""

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

ISSUER = "https://issuer.stowage.localhost"
AUDIENCE = "stowage-local"
ALGORITHM = "ES256"
KEY_PATH = Path(".stowage") / "token-key.pem"
KEY_ID = "local"


def load_or_make_key(path: Path = KEY_PATH) -> ec.EllipticCurvePrivateKey:
    """Return the key in a file; make both when they are not there."""
    if path.exists():
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{path} holds another kind of key")
        return key
    key = ec.generate_private_key(ec.SECP256R1())
    path.parent.mkdir(exist_ok=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return key


def make_token(
    key: ec.EllipticCurvePrivateKey,
    scopes: Iterable[str],
    partitions: Iterable[str],
    *,
    subject: str = "local-user",
    lifetime: timedelta = timedelta(hours=1),
    now: datetime | None = None,
) -> str:
    """Return a token as an identity provider would issue it (RFC 9068).

    Parameters
    ----------
    scopes
        Such as ``write``, without the deployment's prefix.
    partitions
        Names, or ``*`` for all.
    now
        When it is issued; the present time by default.
    """
    issued = now or datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": issued,
        "exp": issued + lifetime,
        "scope": " ".join(f"stowage.{scope}" for scope in scopes),
        "stowage_partitions": list(partitions),
    }
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": KEY_ID, "typ": "at+jwt"})


def jwk_set(key: ec.EllipticCurvePrivateKey, key_id: str = KEY_ID) -> dict[str, Any]:
    """Return the JWK Set of a key's public half (RFC 7517)."""
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"keys": [{**jwk, "kid": key_id, "use": "sig", "alg": ALGORITHM}]}


@dataclass(frozen=True)
class LocalIssuer:
    """An issuer whose keys are at ``keys_url``; made by :func:`serve`."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    keys_url: str

    def parameters(self) -> dict[str, str]:
        """Return the template's parameters that make a stack trust this issuer."""
        return {"JwtIssuer": ISSUER, "JwtAudience": AUDIENCE, "JwtJwksUrl": self.keys_url}


class _Keys(BaseHTTPRequestHandler):
    """Answers every GET with the JWK Set."""

    answer: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/jwk-set+json")
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Say nothing."""


@contextlib.contextmanager
def serve(key: ec.EllipticCurvePrivateKey) -> Iterator[LocalIssuer]:
    """Serve a key's JWK Set on loopback for as long as it is needed."""
    answer = json.dumps(jwk_set(key)).encode()
    handler = type("_OneSet", (_Keys,), {"answer": answer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.daemon = True
        thread.start()
        try:
            yield LocalIssuer(key, f"http://127.0.0.1:{server.server_port}/keys.json")
        finally:
            server.shutdown()
            thread.join()
