"""What AWS's errors mean to the ports."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from chalicelib.adapters.errors import UNAVAILABLE_CODES, port_errors, translate
from chalicelib.origin.ports import Conflict, PortError, Unavailable


def refused(code: str, status: int = 400) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": "CANARY^NAME"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "PutItem")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", sorted(UNAVAILABLE_CODES))
def test_codes_after_which_the_same_call_can_succeed(code: str) -> None:
    assert isinstance(translate(refused(code)), Unavailable)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_statuses_after_which_the_same_call_can_succeed(status: int) -> None:
    assert isinstance(translate(refused("Whatever", status)), Unavailable)


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
        ConnectionClosedError(endpoint_url="https://x"),
        ResponseStreamingError(error="cut"),
    ],
)
def test_no_answer_is_unavailable(error: BotoCoreError) -> None:
    assert isinstance(translate(error), Unavailable)


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "PreconditionFailed"])
def test_a_condition_that_did_not_hold_is_a_conflict(code: str) -> None:
    assert isinstance(translate(refused(code)), Conflict)


@pytest.mark.parametrize(
    "error",
    [
        refused("AccessDeniedException", 403),
        refused("ResourceNotFoundException"),
        refused("ValidationException"),
        NoCredentialsError(),
        ParamValidationError(report="bad"),
    ],
)
def test_our_own_faults_stay_what_they_are(error: ClientError | BotoCoreError) -> None:
    assert translate(error) is None
    with pytest.raises(type(error)), port_errors():
        raise error


def test_port_errors_carry_no_message_of_the_service() -> None:
    with pytest.raises(PortError) as caught, port_errors():
        raise refused("Throttling")
    assert str(caught.value) == "PutItem: Throttling"


def test_what_is_no_error_of_aws_passes() -> None:
    with pytest.raises(KeyError), port_errors():
        raise KeyError
