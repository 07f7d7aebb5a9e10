"""Where the AWS services of a local stack are: in this process, or where AWS_ENDPOINT_URL says.

The only module that knows what stands in for AWS.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3

from infra.local.clients import DEFAULT_REGION
from infra.local.front import LOOPBACK

ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"

_OBJECT_BUFFER = 65536
"""Bytes of an object that the stand-in keeps in memory; the rest is in a temporary file."""

_PLACEHOLDER_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


def region() -> str:
    """Return the region of the environment, or the default."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def is_external() -> bool:
    """Return whether the environment names a stand-in of its own."""
    return bool(os.environ.get(ENDPOINT_VARIABLE))


@contextlib.contextmanager
def aws_services() -> Iterator[str]:
    """Yield the URL at which the services answer, for as long as they are needed.

    The embedded stand-in answers this process's own calls without a socket, and other processes
    at the URL; both see the same state. Everything in it is gone afterwards.
    """
    with environment_variables({"AWS_REGION": region(), "AWS_DEFAULT_REGION": region()}):
        if is_external():
            missing = _PLACEHOLDER_CREDENTIALS if _has_no_credentials() else {}
            with environment_variables(missing):
                yield os.environ[ENDPOINT_VARIABLE]
        else:
            settings = {"MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(_OBJECT_BUFFER)}
            with environment_variables(settings), _embedded() as url:
                yield url


def _has_no_credentials() -> bool:
    return boto3.session.Session().get_credentials() is None


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    # Half a second that an external stand-in saves.
    from moto import mock_aws
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    with mock_aws(), _one_call_at_a_time():
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()


@contextlib.contextmanager
def _one_call_at_a_time() -> Iterator[None]:
    """Make conditional puts atomic: the stand-in looks first and puts then, AWS does not.

    Queues are left alone: a pump's long poll would keep everybody else waiting.
    """
    from moto.core.botocore_stubber import BotocoreStubber

    lock, answer = threading.Lock(), BotocoreStubber.process_request

    def answer_alone(stubber: BotocoreStubber, request: Any) -> Any:
        is_of_a_queue = (urlsplit(request.url).hostname or "").startswith("sqs.")
        with contextlib.nullcontext() if is_of_a_queue else lock:
            return answer(stubber, request)

    BotocoreStubber.process_request = answer_alone
    try:
        yield
    finally:
        BotocoreStubber.process_request = answer


@contextlib.contextmanager
def environment_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put back what was there before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
