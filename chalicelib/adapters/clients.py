"""The SDK's clients, as the functions use them: short time-outs, few attempts, many connections."""

from typing import Any

import boto3
from botocore.config import Config


def make_client(
    service: str,
    connections: int,
    *,
    parameter_validation: bool = True,
    read_timeout: float = 5.0,
) -> Any:
    """Return a client whose time-outs leave the caller time to answer.

    Parameters
    ----------
    service : str
    connections : int
        Kept open: as many as there are calls at once.
    parameter_validation : bool
        Whether the SDK looks at every argument before each call.
    read_timeout : float
        Seconds without a byte; a connection has one to stand.
    """
    config = Config(
        connect_timeout=1,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=connections,
        parameter_validation=parameter_validation,
    )
    return boto3.client(service, config=config)


def make_signer(endpoint: str) -> Any:
    """Return a client of S3 that signs URLs, and calls nothing.

    ``endpoint`` is where others reach the bucket; "" is S3's own.
    """
    style = {"addressing_style": "path"} if endpoint else {}
    config = Config(signature_version="s3v4", s3=style)
    return boto3.client("s3", endpoint_url=endpoint or None, config=config)
