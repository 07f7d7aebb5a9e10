"""Target resources of a Store Transaction (PS3.18 Table 10.5.1-1) and URLs of what is stored.

A partition other than the default one is a service of its own under its own base URI:
``{base}/partitions/{partition}``.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.uids import is_uid

DEFAULT_PARTITION = "default"
_PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Studies:
    """The Studies resource: instances of any number of studies."""

    partition: str

    def admits(self, study: str) -> bool:
        """Whether an instance of this study may be stored here."""
        return True


@dataclass(frozen=True, slots=True)
class Study:
    """The Study resource: instances of this study alone (PS3.18 10.5.1.4)."""

    partition: str
    study: str

    def admits(self, study: str) -> bool:
        """Whether an instance of this study may be stored here."""
        return study == self.study


@dataclass(frozen=True, slots=True)
class Base:
    """The service itself: it has capabilities (PS3.18 8.9), and nothing is stored to it."""

    partition: str


@dataclass(frozen=True, slots=True)
class StoreSessions:
    """Where store sessions are opened (``docs/sessions.md``): our extension."""

    partition: str


@dataclass(frozen=True, slots=True)
class StoreSession:
    """A store session; ``aspect`` is "" for its state, else one of ``SESSION_ASPECTS``."""

    partition: str
    identity: str
    aspect: str = ""


SESSION_ASPECTS = ("urls", "complete", "response")
_SESSION_IDENTITY = re.compile(r"[0-9a-f]{32}")

Target = Studies | Study
SessionResource = StoreSessions | StoreSession
Resource = Base | Target | SessionResource


def parse_resource(path: str) -> Resource:
    """Return the resource or service that a path below the root names.

    Raises
    ------
    RequestError
        As ``parse_target`` does.
    """
    partition, segments = _split(path)
    match segments:
        case [""] | []:
            return Base(partition)
        case ["sessions"]:
            return StoreSessions(partition)
        case ["sessions", identity, *aspect] if _SESSION_IDENTITY.fullmatch(identity):
            if not aspect or (len(aspect) == 1 and aspect[0] in SESSION_ASPECTS):
                return StoreSession(partition, identity, "".join(aspect))
    return parse_target(path)


def parse_target(path: str) -> Target:
    """Return the resource a path below the service's root names.

    Raises
    ------
    RequestError
        404 when no resource has this path, 400 when a UID or partition breaks its grammar.
    """
    partition, segments = _split(path)
    match segments:
        case ["studies"]:
            return Studies(partition)
        case ["studies", study]:
            if not is_uid(study):
                raise RequestError(
                    HTTPStatus.BAD_REQUEST,
                    "The study in the path is not a UID by the grammar of PS3.5 9.1.",
                )
            return Study(partition, study)
    raise RequestError(HTTPStatus.NOT_FOUND, "No resource of this service has this path.")


def _split(path: str) -> tuple[str, list[str]]:
    """Return the partition, and the segments behind it.

    One final slash is nothing, more are empty segments.
    """
    segments = path.removeprefix("/").removesuffix("/").split("/")
    if len(segments) < 2 or segments[0] != "partitions":
        return DEFAULT_PARTITION, segments
    _check_partition(segments[1])
    return segments[1], segments[2:]


def _check_partition(name: str) -> None:
    if not is_partition(name):
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            "The partition's name is not 1 to 64 letters, digits, hyphens and underscores.",
        )


def is_partition(name: str) -> bool:
    """Return whether the text may name a partition."""
    return _PARTITION.fullmatch(name) is not None


def service_url(base_uri: str, partition: str) -> str:
    """Return the base URI of a partition's service."""
    base = base_uri.rstrip("/")
    return base if partition == DEFAULT_PARTITION else f"{base}/partitions/{partition}"


def study_url(base_uri: str, partition: str, study: str) -> str:
    """Return the URL of a study, from the configured base URI and never from a request's Host."""
    return f"{service_url(base_uri, partition)}/studies/{study}"


def target_url(base_uri: str, target: Target) -> str:
    """Return the URL of a target resource."""
    if isinstance(target, Study):
        return study_url(base_uri, target.partition, target.study)
    return f"{service_url(base_uri, target.partition)}/studies"


def sessions_url(base_uri: str, partition: str) -> str:
    """Return the URL at which a partition's store sessions are opened."""
    return f"{service_url(base_uri, partition)}/sessions"
