"""Requests, answers and failures as the services of the stand-in see them; no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The far side of the adapters: AWS's documents are as loose here as they are there.
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case, the body free of transfer-coding."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer; ``declared_length`` is what a HEAD answer says it would have carried."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    declared_length: int | None = None


class AwsError(Exception):
    """A refusal with AWS's own status and code.

    Parameters
    ----------
    status : int
        The HTTP status.
    code : str
        The name that ``ClientError.response["Error"]["Code"]`` will carry.
    message : str
        One sentence.
    members : mapping, optional
        Further members of a JSON error document, such as ``Item``.
    """

    def __init__(
        self, status: int, code: str, message: str, members: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.members = dict(members or {})
