"""JSON Web Tokens (RFC 7519) by PyJWT: signature, issuer, audience, times.

The rules are RFC 8725's, best current practice: the algorithm is ours to choose and not the
token's (3.1), a key serves the algorithms of its own kind (3.1), issuer and audience are compared
(3.8, 3.9), the kind of token is looked at (3.11).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import jwt

from chalicelib.adapters.jwks import Jwk
from chalicelib.origin.authorize import TokenRefused

REQUIRED = ("exp", "iat", "iss", "aud", "sub")
"""RFC 9068 2.2 without client_id and jti, which not every issuer sends and nothing here needs."""
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""What ``typ`` may say, if anything (RFC 9068 4): not another kind of token of the same issuer."""
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""The type of key that an algorithm takes, by the first letters of its name (RFC 7518 3.1)."""


class Keys(Protocol):
    """What is used of a `KeySet`."""

    def find(self, key_id: str) -> Jwk | None:
        """Return a key by its id. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class JwtRules:
    """What a token must say. ``leeway`` is the seconds that two clocks may differ by."""

    issuer: str
    audience: str
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})
    leeway: int = 30


class JwtVerifier:
    """Implements `origin.authorize.TokenVerifier`."""

    def __init__(self, keys: Keys, rules: JwtRules) -> None:
        self._keys = keys
        self._rules = rules

    def verify(self, token: str) -> Mapping[str, object]:
        """Return the claims of a token that is ours to trust.

        Raises
        ------
        TokenRefused
            Naming what is wrong by the library's class, never by the token's text.
        Unavailable
            When the issuer's keys cannot be had.
        """
        algorithm, key_id = self._read_header(token)
        key = self._keys.find(key_id)
        if key is None:
            raise TokenRefused("unknown key")
        if key["kty"] != KEY_TYPES[algorithm[:2]] or key.get("alg", algorithm) != algorithm:
            raise TokenRefused("key of another algorithm")
        try:
            claims: Mapping[str, object] = jwt.decode(
                token,
                jwt.PyJWK(dict(key), algorithm),
                algorithms=[algorithm],
                issuer=self._rules.issuer,
                audience=self._rules.audience,
                leeway=self._rules.leeway,
                options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
            )
        except Exception as error:  # noqa: BLE001 - whatever garbage does, it proves nothing
            raise TokenRefused(type(error).__name__) from None
        return claims

    def _read_header(self, token: str) -> tuple[str, str]:
        """Return algorithm and key id of a header that asks for nothing unusual.

        No extension is understood here, so none may be critical (RFC 7515 4.1.11); keys come from
        the configured URL and never from the header (RFC 8725 3.10).
        """
        try:
            header = jwt.get_unverified_header(token)
        except Exception as error:  # noqa: BLE001 - whatever garbage does, it proves nothing
            raise TokenRefused(type(error).__name__) from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise TokenRefused("algorithm")
        if "crit" in header or "b64" in header:
            raise TokenRefused("critical extension")
        if str(header.get("typ", "JWT")).lower() not in TYPES:
            raise TokenRefused("type")
        if not isinstance(key_id, str):
            raise TokenRefused("no key id")
        return algorithm, key_id
