"""The two kinds of failure.

::

    ProtocolError
    ├── RequestError    refuses the whole request; carries the HTTP status
    └── InstanceError   refuses one instance or part; carries the Failure Reason

No message carries a value of the patient's: tags, UIDs, lengths, part numbers only.
"""

from collections.abc import Mapping
from http import HTTPStatus

from chalicelib.standard.reasons import FailureReason


class ProtocolError(Exception):
    """Base of everything the protocol refuses."""


class RequestError(ProtocolError):
    """The request as a whole is refused and nothing of it is stored.

    Parameters
    ----------
    status : HTTPStatus
        A status of PS3.18 Table 10.5.3-1 or Table 8.5-1.
    detail : str
        One sentence: what is wrong, where, and what would be right.
    part : int, optional
        The 1-based number of the part at fault.
    limit : tuple of (str, int), optional
        The name and value of the setting that was exceeded.
    retryable : bool
        Whether sending the same bytes again can succeed.
    headers : mapping, optional
        Response header fields that the status demands, such as ``Allow``.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        part: int | None = None,
        limit: tuple[str, int] | None = None,
        retryable: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.part = part
        self.limit = limit
        self.retryable = retryable
        self.headers = dict(headers or {})


class InstanceError(ProtocolError):
    """One instance, or one part that names none, is refused; its neighbours are not.

    Parameters
    ----------
    reason : FailureReason
        The code of PS3.18 Annex I.2.2.
    detail : str
        One sentence naming tags, UIDs and lengths.
    tag_path : str, optional
        Where in the data set, such as ``(0008,1140)[2].(0008,1155)``.
    """

    def __init__(self, reason: FailureReason, detail: str, *, tag_path: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.tag_path = tag_path
