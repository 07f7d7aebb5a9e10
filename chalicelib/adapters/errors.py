"""What AWS's errors mean to the ports: one table for all services.

What belongs here: which failures the same call can outlive. An error that is not in here (no
permission, no such table, a request AWS finds invalid) is a fault of ours, not the moment's:
it stays what it is and no adapter may turn it into an answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, not the builtin
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from chalicelib.origin.ports import Conflict, PortError, Unavailable

UNAVAILABLE_CODES = frozenset(
    {
        # Throttled, whatever the service calls it
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "OverLimit",
        "KmsThrottled",
        "KMS.ThrottlingException",
        "SlowDown",
        # Too late, or between two states
        "RequestTimeout",
        "RequestTimeoutException",
        "TransactionInProgressException",
        "ReplicatedWriteConflictException",
        "ConditionalRequestConflict",
        "OperationAborted",
        # AWS's own fault
        "InternalError",
        "InternalException",
        "InternalFailure",
        "InternalServerError",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
"""Error codes after which the same call can succeed later. Any status from 500 does too."""

CONFLICT_CODES = frozenset({"ConditionalCheckFailedException", "PreconditionFailed"})
"""Error codes of a conditional write whose condition did not hold."""

_TRANSIENT = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError)
"""No answer, or half of one: connection refused, reset or closed, timed out, cut short."""


def translate(error: ClientError | BotoCoreError) -> PortError | None:
    """Return the port error that an AWS error is, None when it is none.

    The port error names the service's code and its request's operation, no value.
    """
    if isinstance(error, _TRANSIENT):
        return Unavailable(type(error).__name__)
    if not isinstance(error, ClientError):
        return None
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in CONFLICT_CODES:
        return Conflict(f"{error.operation_name}: {code}")
    if code in UNAVAILABLE_CODES or status >= 500 or status == 429:
        return Unavailable(f"{error.operation_name}: {code or status}")
    return None


@contextmanager
def port_errors() -> Iterator[None]:
    """Run AWS calls so that only port errors, or faults of ours, come out of them."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from error
