"""What can go wrong on the way to a server.

::

    UserAgentError
    ├── SourceError        one instance cannot be read; its neighbours can
    ├── TransportError     no answer came back
    ├── DestinationError   nothing more can be sent there: wrong URL, refused credentials, down
    ├── UsageError         what was asked for makes no sense
    └── Stopped            the user wants no more

No message carries a secret or a value of the patient's.
"""

from collections.abc import Hashable


class UserAgentError(Exception):
    """Base of all; the message is one sentence for a person."""


class SourceError(UserAgentError):
    """An instance's bytes cannot be had: the file is gone, unreadable or changed.

    ``label`` is that of the source.
    """

    def __init__(self, label: Hashable, detail: str) -> None:
        super().__init__(detail)
        self.label = label
        self.detail = detail


class TransportError(UserAgentError):
    """No answer came back.

    Parameters
    ----------
    detail : str
    may_have_arrived : bool
        Whether the server may have had the whole request and stored what it held.
    is_permanent : bool
        Whether another attempt must fail alike: a certificate that does not verify.
    """

    def __init__(self, detail: str, *, may_have_arrived: bool, is_permanent: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.may_have_arrived = may_have_arrived
        self.is_permanent = is_permanent


class DestinationError(UserAgentError):
    """The destination as a whole refuses or is not there; ``status`` is None without an answer."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class Stopped(UserAgentError):  # noqa: N818 - reads as the fact it is
    """The user, or another thread that failed, wants no more."""


class UsageError(UserAgentError):
    """What was asked for makes no sense."""
