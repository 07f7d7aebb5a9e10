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


Target = Studies | Study
Resource = Base | Target


def parse_resource(path: str) -> Resource:
    """Return the resource or service that a path below the root names.

    Raises
    ------
    RequestError
        As ``parse_target`` does.
    """
    match _segments_of(path):
        case [""]:
            return Base(DEFAULT_PARTITION)
        case ["partitions", partition]:
            _check_partition(partition)
            return Base(partition)
    return parse_target(path)


def parse_target(path: str) -> Target:
    """Return the resource a path below the service's root names.

    Raises
    ------
    RequestError
        404 when no resource has this path, 400 when a UID or partition breaks its grammar.
    """
    segments = _segments_of(path)
    partition = DEFAULT_PARTITION
    if len(segments) > 2 and segments[0] == "partitions":
        partition, segments = segments[1], segments[2:]
        _check_partition(partition)
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


def _segments_of(path: str) -> list[str]:
    """Return the segments; one final slash is nothing, more are empty segments."""
    return path.removeprefix("/").removesuffix("/").split("/")


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
