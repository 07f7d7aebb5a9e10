"""Who may do what: a token's claims become a grant, a grant becomes permissions.

What belongs here: reading the Authorization field, what scopes and partitions mean, and which
routes follow from them. What must not: signatures and keys (a TokenVerifier's), the shape of a
policy (`entrypoints.authorizer`).

A grant says what a token may do, whatever is being asked: what answers one request is kept by the
gateway and answers the token's next one, to another route, as well.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from chalicelib.dicomweb.resources import DEFAULT_PARTITION, is_partition

MAX_TOKEN_CHARACTERS = 8000
"""Of a compact token; API Gateway takes 10,240 bytes of header fields in all."""
MAX_SUBJECT_CHARACTERS = 128
"""What object metadata keeps of a subject (`origin.store`): a longer one would be cut, and two
might look like one."""
MAX_PARTITIONS = 20
"""Of one grant: each adds about 250 bytes for each method to the policy that the gateway keeps, and
half of that for each method of sessions that no other scope opens."""
EVERY_PARTITION = "*"

# RFC 6750 2.1 with RFC 9110 11.1 (the scheme in any case) and RFC 7515 7.1 (three segments).
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII)


class TokenRefused(Exception):  # noqa: N818 - reads as the fact it is
    """The token proves nothing (401). ``reason`` is for the log: a word, no part of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Scope(Enum):
    """What a token may be for. The value follows the deployment's prefix: ``stowage.write``."""

    WRITE = "write"
    READ = "read"
    OPERATE = "operate"


METHODS = {
    Scope.WRITE: ("POST",),
    Scope.READ: ("GET", "HEAD"),
    Scope.OPERATE: ("DELETE", "PATCH", "PUT"),
}
"""The methods that a scope opens. OPTIONS is open to all: a preflight carries no credentials
(Fetch, "CORS-preflight fetch"), and what it answers depends on nothing that is stored."""

SESSION_METHODS = ("DELETE", "GET", "HEAD")
"""What WRITE opens of sessions beside its own: who sends a body in parts asks what became of it,
and may give it up. Whose session it is, the session knows (`origin.sessions`)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token may do. ``partitions`` may hold EVERY_PARTITION."""

    subject: str
    scopes: frozenset[Scope]
    partitions: frozenset[str]


@dataclass(frozen=True, slots=True)
class GrantRules:
    """How a deployment reads claims.

    Attributes
    ----------
    scope_prefix : str
        What stands before ``write``, ``read`` and ``operate`` in a scope.
    partitions_claim : str
        The claim that lists partitions.
    default_partitions : frozenset of str
        What a token without that claim may use.
    """

    scope_prefix: str = "stowage."
    partitions_claim: str = "stowage_partitions"
    default_partitions: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a deployment whose default would mean more than it says."""
        if not all(map(is_grantable, self.default_partitions)):
            raise ValueError("a default partition is none")


class TokenVerifier(Protocol):
    """Checks that a token was issued for us, and is in force."""

    def verify(self, token: str) -> Mapping[str, object]:
        """Return the claims. Raises TokenRefused; Unavailable when the keys cannot be had now."""
        ...


class Authorizer:
    """Turns Authorization fields into grants."""

    def __init__(self, verifier: TokenVerifier, rules: GrantRules) -> None:
        self._verifier = verifier
        self._rules = rules

    def authorize(self, field: str) -> Grant:
        """Return what the sender of this Authorization field may do, perhaps nothing.

        Raises
        ------
        TokenRefused
            When it proves nothing.
        Unavailable
            When that cannot be found out now.
        """
        return grant_of(self._verifier.verify(bearer_token(field)), self._rules)


def bearer_token(field: str, max_characters: int = MAX_TOKEN_CHARACTERS) -> str:
    """Return the token of an Authorization field (RFC 6750 2.1). Raises TokenRefused."""
    if len(field) > max_characters + len("Bearer "):
        raise TokenRefused("oversized")
    found = _BEARER.fullmatch(field)
    if found is None:
        raise TokenRefused("no bearer token")
    return found[1]


def grant_of(claims: Mapping[str, object], rules: GrantRules) -> Grant:
    """Return what verified claims allow.

    Scopes stand in ``scope``, separated by spaces (RFC 9068 2.2.3.1, RFC 8693 4.2), or in ``scp``,
    which some issuers make a list. What is no scope of ours is another service's business.

    Raises
    ------
    TokenRefused
        When there is no subject to hold responsible, or a claim has not its form.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise TokenRefused("subject")
    if not subject.isprintable():
        raise TokenRefused("subject")
    words = {*_words(claims, "scope"), *_words(claims, "scp")}
    scopes = {scope for scope in Scope if rules.scope_prefix + scope.value in words}
    return Grant(subject, frozenset(scopes), _partitions(claims, rules))


def _partitions(claims: Mapping[str, object], rules: GrantRules) -> frozenset[str]:
    if rules.partitions_claim not in claims:
        return rules.default_partitions
    named = frozenset(_words(claims, rules.partitions_claim))
    if len(named) > MAX_PARTITIONS or not all(map(is_grantable, named)):
        raise TokenRefused("partitions")
    return named


def is_grantable(name: str) -> bool:
    """Return whether a claim may name this: a partition, or all of them.

    Nothing else may: the name becomes part of a pattern, in which ``*`` and ``?`` mean more.
    """
    return name == EVERY_PARTITION or is_partition(name)


def _words(claims: Mapping[str, object], name: str) -> Sequence[str]:
    """Return the words of a claim: a list of them, or text with spaces between them."""
    value = claims.get(name, "")
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return value
    raise TokenRefused(f"form of {'partitions' if name not in {'scope', 'scp'} else name}")


def permissions(grant: Grant) -> Iterator[tuple[str, str]]:
    """Yield method and path pattern of every route that a grant opens, and of no other.

    ``*`` in a pattern stands for any text, slashes too, and only ever ends it: behind
    ``/partitions/a/`` everything is of partition ``a``, because a gateway's path and the path that
    the function reads have the same first segments. Where it stands for any partition it may be in
    the middle, for every path is one of the grant's partitions then.
    """
    methods = {method for scope in grant.scopes for method in METHODS[scope]}
    for scope in Scope:
        if scope in grant.scopes:
            for method in METHODS[scope]:
                yield from ((method, path) for path in _paths(grant.partitions))
    if Scope.WRITE in grant.scopes:
        for method in SESSION_METHODS:
            if method not in methods:
                yield from ((method, path) for path in _session_paths(grant.partitions))


def _paths(partitions: frozenset[str]) -> Sequence[str]:
    if EVERY_PARTITION in partitions:
        return ("/*",)
    return [path for partition in sorted(partitions) for path in _paths_of(partition)]


def _session_paths(partitions: frozenset[str]) -> Sequence[str]:
    named = {EVERY_PARTITION} if EVERY_PARTITION in partitions else partitions
    own = [f"/partitions/{partition}/sessions/*" for partition in sorted(named)]
    return own if named.isdisjoint({DEFAULT_PARTITION, EVERY_PARTITION}) else ["/sessions/*", *own]


def _paths_of(partition: str) -> tuple[str, ...]:
    own = (f"/partitions/{partition}", f"/partitions/{partition}/*")
    if partition == DEFAULT_PARTITION:
        return ("/", "/studies", "/studies/*", "/sessions", "/sessions/*", *own)
    return own
