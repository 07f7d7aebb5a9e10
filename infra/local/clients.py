"""The boto3 clients the local stack itself uses; the functions make their own."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of the services in the template, and whose account they speak for."""

    s3: Any
    sqs: Any
    dynamodb: Any
    events: Any
    logs: Any
    account: str
    region: str


def make_clients(region: str = DEFAULT_REGION, endpoint_url: str | None = None) -> Clients:
    """Return clients of one region.

    Parameters
    ----------
    endpoint_url
        Where the services answer; None leaves it to boto3, which reads AWS_ENDPOINT_URL.
    """
    session: Any = boto3.session.Session(region_name=region)
    config = Config(max_pool_connections=32, retries={"mode": "standard", "max_attempts": 3})

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint_url, config=config)

    return Clients(
        s3=client("s3"),
        sqs=client("sqs"),
        dynamodb=client("dynamodb"),
        events=client("events"),
        logs=client("logs"),
        account=client("sts").get_caller_identity()["Account"],
        region=region,
    )
