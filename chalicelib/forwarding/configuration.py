"""The configuration as values: destinations and rules. How it is read stands in ``document``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.forwarding.hours import ALWAYS, Hours
from chalicelib.forwarding.matching import Condition


class AuthKind(StrEnum):
    """How a destination knows us."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    HEADERS = "headers"
    CLIENT_CREDENTIALS = "client_credentials"
    SIGV4 = "sigv4"


@dataclass(frozen=True, slots=True)
class AuthPlan:
    """How to authenticate: settings as they are, secrets as references by name."""

    kind: AuthKind = AuthKind.NONE
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Representation:
    """What requests to a destination look like; the default is what every server takes."""

    form: str = "dicom"
    max_bytes: int = 4_000_000
    max_instances: int = 100
    names_syntax: bool = False
    is_raw: bool = False
    is_gzipped: bool = False
    is_chunked: bool = False
    retries_unquoted: bool = False


@dataclass(frozen=True, slots=True)
class DestinationPlan:
    """One destination.

    ``subjects`` are the names under which it authenticates when it stores here: what came from
    one of them never goes back.
    """

    name: str
    url: str
    auth: AuthPlan = AuthPlan()
    max_concurrency: int = 1
    hours: Hours = ALWAYS
    representation: Representation = Representation()
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """What meets every condition goes to the destinations; no conditions match everything."""

    name: str
    conditions: tuple[Condition, ...]
    destinations: tuple[str, ...]
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Configuration:
    """Destinations by name, and rules in the document's order."""

    destinations: Mapping[str, DestinationPlan] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
