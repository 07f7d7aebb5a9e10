"""boto3 clients of a running stand-in, and what its refusals say."""

import base64
import hashlib
from typing import Any

import boto3
import pytest
from botocore.client import Config
from botocore.exceptions import ClientError


def make_client(name: str, url: str) -> Any:
    session = boto3.Session("bench", "bench", region_name="us-east-1")
    config = Config(
        retries={"total_max_attempts": 1},
        signature_version="s3v4" if name == "s3" else None,
        s3={"payload_signing_enabled": False},
    )
    return session.client(name, endpoint_url=url, config=config)


def checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def status_of(refused: pytest.ExceptionInfo[ClientError]) -> int:
    return int(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])
