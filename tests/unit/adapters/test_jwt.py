"""Tokens that are not ours to trust, one fault at a time."""

import base64
import json
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib.adapters.jwks import read_keys
from chalicelib.adapters.jwt import JwtRules, JwtVerifier
from chalicelib.entrypoints.authorizer import Unauthorized
from chalicelib.origin.authorize import Authorizer, GrantRules, TokenRefused
from chalicelib.origin.ports import Unavailable

EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
RULES = JwtRules("https://issuer.example/", "stowage")
NOW = datetime.now(UTC)


def name_of(value: object) -> str:
    """Keys and times differ from worker to worker, names of tests must not."""
    return value if isinstance(value, str) and "." not in value else ""


def jwk(key: Any, key_id: str, **members: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, **members}


KEYS = read_keys(
    json.dumps(
        {
            "keys": [
                jwk(EC_KEY, "ec", use="sig", alg="ES256"),
                jwk(RSA_KEY, "rsa", use="sig"),
                jwk(WEAK_RSA_KEY, "weak"),
                jwk(OTHER_EC_KEY, "to-encrypt", use="enc"),
                {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
                {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "!", "y": "!"},
            ]
        }
    ).encode()
)


class Keys:
    """A key set that is always at hand."""

    def find(self, key_id: str) -> Any:
        return KEYS.get(key_id)


VERIFIER = JwtVerifier(Keys(), RULES)
CLAIMS: dict[str, Any] = {
    "iss": RULES.issuer,
    "aud": RULES.audience,
    "sub": "modality-7",
    "iat": NOW,
    "exp": NOW + timedelta(hours=1),
}


def token(
    header: dict[str, Any] | None = None, key: Any = EC_KEY, algorithm: str = "ES256", **claims: Any
) -> str:
    payload = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}
    with warnings.catch_warnings(action="ignore"):  # of keys that are weak on purpose
        return jwt.encode(payload, key, algorithm, headers={"kid": "ec", **(header or {})})


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refusal(text: str, verifier: JwtVerifier = VERIFIER) -> str:
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(text)
    assert not any(piece in refused.value.reason for piece in text.split(".") if piece)
    return refused.value.reason


# ---------------------------------------------------------------- what is let in


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({}, {}),
        ({"typ": "at+jwt"}, {}),
        ({"typ": "application/AT+JWT"}, {}),
        ({}, {"aud": ["another", "stowage"]}),
        ({}, {"nbf": 0}),
        ({}, {"exp": -15}),
        ({}, {"iat": 15, "nbf": 15}),
    ],
)
def test_a_token_of_the_issuer_is_let_in(header: dict[str, Any], claims: dict[str, Any]) -> None:
    now = int(time.time())
    times = {name: now + value for name, value in claims.items() if isinstance(value, int)}

    assert VERIFIER.verify(token(header, **{**claims, **times}))["sub"] == "modality-7"


def test_a_key_of_another_kind_is_as_good() -> None:
    assert VERIFIER.verify(token({"kid": "rsa"}, RSA_KEY, "RS256"))["sub"] == "modality-7"


def test_more_algorithms_can_be_allowed() -> None:
    text = token({"kid": "rsa"}, RSA_KEY, "PS384")

    assert refusal(text) == "algorithm"
    rules = JwtRules(RULES.issuer, RULES.audience, frozenset({"PS384"}))
    assert JwtVerifier(Keys(), rules).verify(text)["sub"] == "modality-7"


# ---------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOW - timedelta(minutes=1)}, "ExpiredSignatureError"),
        ({"exp": "soon"}, "DecodeError"),
        ({"exp": float("inf")}, "DecodeError"),
        ({"exp": ...}, "MissingRequiredClaimError"),
        ({"iat": NOW + timedelta(hours=1)}, "ImmatureSignatureError"),
        ({"iat": "x"}, "InvalidIssuedAtError"),
        ({"iat": ...}, "MissingRequiredClaimError"),
        ({"nbf": NOW + timedelta(hours=1)}, "ImmatureSignatureError"),
        ({"iss": "https://issuer.example"}, "InvalidIssuerError"),
        ({"iss": "https://elsewhere.example/"}, "InvalidIssuerError"),
        ({"iss": ...}, "MissingRequiredClaimError"),
        ({"aud": "another"}, "InvalidAudienceError"),
        ({"aud": ["another"]}, "InvalidAudienceError"),
        ({"aud": []}, "MissingRequiredClaimError"),
        ({"aud": ...}, "MissingRequiredClaimError"),
        ({"sub": ...}, "MissingRequiredClaimError"),
    ],
    ids=name_of,
)
def test_a_wrong_claim_is_refused_by_its_name(claims: dict[str, Any], reason: str) -> None:
    assert refusal(token(**claims)) == reason


# ---------------------------------------------------------------- signature and keys


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def hs256_with_the_public_key() -> str:
    """The classic confusion: the public key as an HMAC secret."""
    import hashlib
    import hmac

    head = segment({"alg": "HS256", "typ": "JWT", "kid": "rsa"})
    body = segment({**CLAIMS, "iat": 1, "exp": 2**40})
    mac = hmac.new(public_pem(RSA_KEY), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def unsigned(algorithm: str) -> str:
    body = segment({**CLAIMS, "iat": 1, "exp": 2**40})
    return f"{segment({'alg': algorithm, 'kid': 'ec'})}.{body}.AA"


def tampered() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{segment({**CLAIMS, 'sub': 'admin', 'iat': 1, 'exp': 2**40})}.{signature}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (unsigned("none"), "algorithm"),
        (unsigned("None"), "algorithm"),
        (unsigned("HS256"), "algorithm"),
        (hs256_with_the_public_key(), "algorithm"),
        (token({"kid": "shared"}, b"secret" * 8, "HS256"), "algorithm"),
        (token({"kid": "rsa"}), "key of another algorithm"),
        (token({"kid": "ec"}, RSA_KEY, "RS256"), "key of another algorithm"),
        (token({"kid": "unknown"}), "unknown key"),
        (token({"kid": "to-encrypt"}, OTHER_EC_KEY), "unknown key"),
        (token({"kid": "weak"}, WEAK_RSA_KEY, "RS256"), "InvalidKeyError"),
        (token({"kid": "broken"}), "InvalidKeyError"),
        (token(key=OTHER_EC_KEY), "InvalidSignatureError"),
        (tampered(), "InvalidSignatureError"),
        (f"{token().rpartition('.')[0]}.AAAA", "InvalidSignatureError"),
        (f"{segment({'alg': 'ES256'})}.e30.AA", "no key id"),
        (token({"typ": "logout+jwt"}), "type"),
        (token({"typ": "dpop+jwt"}), "type"),
        (token({"crit": ["exp"]}), "InvalidTokenError"),
        (f"{segment({'alg': 'ES256', 'kid': 'ec', 'b64': False})}.e30.AA", "DecodeError"),
        (f"{segment({'alg': 'ES256', 'b64': True, 'crit': ['b64']})}.e30.AA", "critical extension"),
        (f"{segment({'alg': ['ES256'], 'kid': 'ec'})}.e30.AA", "algorithm"),
        (f"{segment({'kid': 'ec'})}.e30.AA", "algorithm"),
    ],
    ids=name_of,
)
def test_a_token_that_only_looks_signed_is_refused(text: str, reason: str) -> None:
    assert refusal(text) == reason


def test_a_key_in_the_header_is_not_looked_at() -> None:
    header = {"jwk": jwk(OTHER_EC_KEY, "ec"), "jku": "https://evil.example/keys"}

    assert refusal(token(header, OTHER_EC_KEY)) == "InvalidSignatureError"


@pytest.mark.parametrize(
    "make",
    [
        lambda: "a.b.c",
        lambda: "..",
        lambda: f"{segment([])}.e30.AA",
        lambda: f"{segment({'alg': 'ES256', 'kid': {}})}.e30.AA",
        lambda: f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.e30.AA",
        lambda: jwt.api_jws.PyJWS().encode(b"[]", EC_KEY, "ES256", headers={"kid": "ec"}),
        lambda: jwt.api_jws.PyJWS().encode(b"\xff", EC_KEY, "ES256", headers={"kid": "ec"}),
    ],
)
def test_garbage_is_refused(make: Callable[[], str]) -> None:
    refusal_of = make()
    with pytest.raises(TokenRefused):
        VERIFIER.verify(refusal_of)


@given(st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(TokenRefused):
        VERIFIER.verify(text)


class KeysDown:
    """A key set that cannot be had."""

    def find(self, key_id: str) -> Any:
        raise Unavailable("the issuer's keys cannot be had")


def test_while_keys_cannot_be_had_a_token_is_not_refused_for_good() -> None:
    authorizer = Authorizer(JwtVerifier(KeysDown(), RULES), GrantRules())

    with pytest.raises(Unavailable) as error:
        authorizer.authorize(f"Bearer {token()}")
    assert str(error.value) != str(Unauthorized())
