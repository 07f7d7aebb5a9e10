"""``auth`` of a destination, with references in place of secrets.

A reference is the ARN of a Secrets Manager secret, with ``#key`` for one member of a JSON secret,
the ARN of a parameter of Systems Manager, or locally ``env:NAME``.
"""

import re
from collections.abc import Callable

from chalicelib.forwarding.configuration import AuthKind, AuthPlan
from chalicelib.forwarding.nodes import Node
from chalicelib.forwarding.urls import check_url

_SECRET = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+"
    r"(#[A-Za-z0-9_.-]+)?"
)
_PARAMETER = re.compile(r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter/[A-Za-z0-9/_.-]+")
_VARIABLE = re.compile(r"env:[A-Z][A-Z0-9_]*")
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]+")
_OURS = frozenset(
    {
        "host",
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
        "expect",
        "stowage-via",
    }
)


def read_auth(node: Node, *, is_local: bool) -> AuthPlan:
    """Return how to authenticate. Raises ConfigurationError."""
    kinds = [kind for kind in AuthKind if kind is not AuthKind.NONE]
    members = node.members(kinds)
    if len(members.values) != 1:
        raise node.wrong(f"shall have exactly one of {', '.join(sorted(kinds))}")
    kind = AuthKind(next(iter(members)))
    inner = members.of(kind)

    def reference(one: Node) -> str:
        return read_reference(one, is_local=is_local)

    if kind is AuthKind.HEADERS:
        return AuthPlan(kind, secrets=_fields(inner, reference))
    if kind is AuthKind.BASIC:
        known = inner.members({"user", "password"}, ("user", "password"))
        secrets = {"password": reference(known.of("password"))}
        return AuthPlan(kind, {"user": known.of("user").text()}, secrets)
    if kind is AuthKind.BEARER:
        known = inner.members({"token"}, ("token",))
        return AuthPlan(kind, secrets={"token": reference(known.of("token"))})
    if kind is AuthKind.SIGV4:
        known = inner.members({"region", "service"}, ("region",))
        settings = {"region": known.of("region").text()}
        return AuthPlan(
            kind, settings | {"service": known.get("service", Node.text, "execute-api")}
        )
    return _client_credentials(inner, reference, is_local)


def _client_credentials(node: Node, reference: Callable[[Node], str], is_local: bool) -> AuthPlan:
    required = ("token_url", "client_id", "secret")
    known = node.members({*required, "scope"}, required)
    url = known.of("token_url")
    if fault := check_url(url.text(), is_local=is_local):
        raise url.wrong(fault)
    settings = {
        "token_url": url.text(),
        "client_id": known.of("client_id").text(),
        "scope": known.get("scope", Node.text, ""),
    }
    secrets = {"secret": reference(known.of("secret"))}
    return AuthPlan(AuthKind.CLIENT_CREDENTIALS, settings, secrets)


def _fields(node: Node, reference: Callable[[Node], str]) -> dict[str, str]:
    if not isinstance(node.value, dict) or not node.value:
        raise node.wrong("shall be a mapping of field names to references")
    for name in node.value:
        is_name = isinstance(name, str) and _FIELD_NAME.fullmatch(name) is not None
        if not is_name or name.lower() in _OURS:
            raise node.wrong("has a name that is no field's, or is one that requests have already")
    members = node.members(node.value)
    return {name: reference(members.of(name)) for name in members}


def read_reference(node: Node, *, is_local: bool) -> str:
    """Return a reference to a secret. Raises ConfigurationError for anything else."""
    text = node.value if isinstance(node.value, str) else ""
    if _SECRET.fullmatch(text) or _PARAMETER.fullmatch(text):
        return text
    if is_local and _VARIABLE.fullmatch(text):
        return text
    raise node.wrong("shall be the ARN of a secret or parameter; a secret itself never stands here")
