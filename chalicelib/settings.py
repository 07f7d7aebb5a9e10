"""What a deployment configures: the only reader of the environment.

Every setting is named in the README; a value that is none is an error at start, not at the first
request.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")
_ON = frozenset({"1", "on", "true", "yes"})
_OFF = frozenset({"", "0", "off", "false", "no"})


class SettingsError(ValueError):
    """A setting is missing or has no meaning; the message names it."""


@dataclass(frozen=True)
class Settings:
    """The settings of one function.

    Attributes
    ----------
    bucket, table, event_bus : str
        Names of the resources (BUCKET, TABLE, EVENT_BUS).
    base_uri : str
        External URL of the service (BASE_URI), from which every URL in a response is built.
    strict : bool
        STRICT: refuse what the standard refuses and the field sends.
    explain : bool
        EXPLAIN: private attributes with a sentence, part and tag in failure items.
    max_parts : int
        MAX_PARTS of one request.
    max_part_header_bytes, max_part_header_fields : int
        MAX_PART_HEADER_BYTES and MAX_PART_HEADER_FIELDS of one part.
    max_inflated_bytes : int
        MAX_INFLATED_BYTES of a gzip body, and of a deflated data set.
    max_depth, max_elements : int
        MAX_NESTING_DEPTH and MAX_ELEMENTS of one data set.
    max_session_bytes, max_session_parts : int
        MAX_SESSION_BYTES and MAX_SESSION_PARTS of one store session.
    cors_origins : frozenset of str
        CORS_ORIGINS: origins whose pages browsers let in, separated by commas; ``*`` for all.
    concurrency : int
        CONCURRENCY: calls to AWS at once, and the size of the connection pools.
    staging_bucket, ingest_queue : str
        STAGING_BUCKET and INGEST_QUEUE (a URL) of store sessions; without a bucket there are none.
    staging_endpoint : str
        STAGING_ENDPOINT: where presigned URLs point, on one machine; "" in AWS.
    """

    bucket: str
    table: str
    event_bus: str
    base_uri: str
    strict: bool = False
    explain: bool = True
    max_parts: int = 500
    max_part_header_bytes: int = 16 * 1024
    max_part_header_fields: int = 32
    max_inflated_bytes: int = 32 * 1024 * 1024
    max_depth: int = 32
    max_elements: int = 500_000
    max_session_bytes: int = 2**40
    max_session_parts: int = 100_000
    cors_origins: frozenset[str] = frozenset()
    concurrency: int = 32
    staging_bucket: str = ""
    staging_endpoint: str = ""
    ingest_queue: str = ""


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of an environment, the process's own by default.

    Raises
    ------
    SettingsError
        Naming the variable.
    """
    env = os.environ if environment is None else environment
    return Settings(
        bucket=_text(env, "BUCKET"),
        table=_text(env, "TABLE"),
        event_bus=_text(env, "EVENT_BUS"),
        base_uri=_text(env, "BASE_URI"),
        strict=_switch(env, "STRICT", default=False),
        explain=_switch(env, "EXPLAIN", default=True),
        max_parts=_number(env, "MAX_PARTS", Settings.max_parts),
        max_part_header_bytes=_number(env, "MAX_PART_HEADER_BYTES", Settings.max_part_header_bytes),
        max_part_header_fields=_number(
            env, "MAX_PART_HEADER_FIELDS", Settings.max_part_header_fields
        ),
        max_inflated_bytes=_number(env, "MAX_INFLATED_BYTES", Settings.max_inflated_bytes),
        max_depth=_number(env, "MAX_NESTING_DEPTH", Settings.max_depth),
        max_elements=_number(env, "MAX_ELEMENTS", Settings.max_elements),
        max_session_bytes=_number(env, "MAX_SESSION_BYTES", Settings.max_session_bytes),
        max_session_parts=_number(env, "MAX_SESSION_PARTS", Settings.max_session_parts),
        cors_origins=_origins(env, "CORS_ORIGINS"),
        concurrency=_number(env, "CONCURRENCY", Settings.concurrency),
        staging_bucket=env.get("STAGING_BUCKET", "").strip(),
        staging_endpoint=env.get("STAGING_ENDPOINT", "").strip(),
        ingest_queue=_text(env, "INGEST_QUEUE") if env.get("STAGING_BUCKET", "").strip() else "",
    )


# ---------------------------------------------------------------- of single functions


ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""What JWT_ALGORITHMS may allow: signatures only the issuer can make. Never ``none``; never HS256
and its kin, with which whoever can check a token can make one (RFC 8725 2.1, 3.2)."""

_KEYS_URL = re.compile(r"https://[^/@]+/.*|http://(127\.0\.0\.1|localhost)(:[0-9]+)?/.*")


@dataclass(frozen=True)
class TokenSettings:
    """The settings of the authorizer: whose tokens let in, and to what.

    Attributes
    ----------
    issuer, audience : str
        JWT_ISSUER and JWT_AUDIENCE, what ``iss`` is and ``aud`` holds.
    keys_url : str
        JWT_JWKS_URL of the issuer's keys: https, or http on loopback.
    algorithms : frozenset of str
        JWT_ALGORITHMS, separated by commas.
    leeway : int
        JWT_LEEWAY_SECONDS by which the issuer's clock may differ from ours.
    scope_prefix : str
        JWT_SCOPE_PREFIX of ``write``, ``read`` and ``operate``.
    partitions_claim : str
        JWT_PARTITIONS_CLAIM, which lists partitions.
    default_partitions : frozenset of str
        JWT_DEFAULT_PARTITIONS of tokens without that claim, separated by commas; none by default.
    """

    issuer: str
    audience: str
    keys_url: str
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})
    leeway: int = 30
    scope_prefix: str = "stowage."
    partitions_claim: str = "stowage_partitions"
    default_partitions: frozenset[str] = frozenset()


def load_token_settings(environment: Mapping[str, str] | None = None) -> TokenSettings:
    """Return the authorizer's settings, of the process's own environment by default.

    Raises
    ------
    SettingsError
        Naming the variable. An authorizer without settings lets nobody in.
    """
    env = os.environ if environment is None else environment
    keys_url = _text(env, "JWT_JWKS_URL")
    if not _KEYS_URL.fullmatch(keys_url):
        raise SettingsError("JWT_JWKS_URL is neither an https URL nor one on loopback.")
    algorithms = _names(env, "JWT_ALGORITHMS") or TokenSettings.algorithms
    if not algorithms <= ALGORITHMS:
        raise SettingsError(f"JWT_ALGORITHMS lists something other than {sorted(ALGORITHMS)}.")
    return TokenSettings(
        issuer=_text(env, "JWT_ISSUER"),
        audience=_text(env, "JWT_AUDIENCE"),
        keys_url=keys_url,
        algorithms=algorithms,
        leeway=_number(env, "JWT_LEEWAY_SECONDS", TokenSettings.leeway),
        scope_prefix=env.get("JWT_SCOPE_PREFIX", TokenSettings.scope_prefix).strip(),
        partitions_claim=env.get("JWT_PARTITIONS_CLAIM") or TokenSettings.partitions_claim,
        default_partitions=_names(env, "JWT_DEFAULT_PARTITIONS"),
    )


def load_audit_log(environment: Mapping[str, str] | None = None) -> str:
    """Return the log group of audit messages (AUDIT_LOG). Raises SettingsError."""
    return _text(os.environ if environment is None else environment, "AUDIT_LOG")


@dataclass(frozen=True)
class ForwardSettings:
    """The settings of the forwarding function.

    Attributes
    ----------
    rules : str
        FORWARD_RULES: where the configuration document is, ``s3://bucket/key`` or a path; "" when
        nothing is forwarded.
    is_local : bool
        FORWARD_LOCAL: destinations on loopback, without TLS too, and secrets from the environment.
    """

    rules: str = ""
    is_local: bool = False


def load_forward_settings(environment: Mapping[str, str] | None = None) -> ForwardSettings:
    """Return the forwarding function's settings. Raises SettingsError."""
    env = os.environ if environment is None else environment
    rules = env.get("FORWARD_RULES", "").strip()
    if rules.startswith("s3:") and not re.fullmatch(r"s3://[a-z0-9.-]+/.+", rules):
        raise SettingsError("FORWARD_RULES is no s3://bucket/key.")
    return ForwardSettings(rules, _switch(env, "FORWARD_LOCAL", default=False))


def variable(name: str) -> str | None:
    """Return a variable that a configuration document refers to, None when it is not set."""
    return os.environ.get(name)


# ---------------------------------------------------------------- reading one variable


def _names(env: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(entry.strip() for entry in env.get(name, "").split(",") if entry.strip())


def _text(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set.")
    return value


def _origins(env: Mapping[str, str], name: str) -> frozenset[str]:
    origins = frozenset(entry.strip() for entry in env.get(name, "").split(",") if entry.strip())
    if any(origin != "*" and not _ORIGIN.fullmatch(origin) for origin in origins):
        raise SettingsError(f"{name} lists something that is no origin such as https://host.")
    return origins


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name)
    if value is None:
        return default
    if value.strip().lower() in _ON:
        return True
    if value.strip().lower() in _OFF:
        return False
    raise SettingsError(f"{name} is neither on nor off.")


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name)
    if value is None:
        return default
    if not value.strip().isdecimal() or int(value) < 1:
        raise SettingsError(f"{name} is no positive whole number.")
    return int(value)
