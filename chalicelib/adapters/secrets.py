"""Secrets by reference: Secrets Manager, Systems Manager parameters, locally the environment.

A secret leaves here as a value that shows itself to nobody. What a reference looks like is
checked where the configuration is read.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ClientError

from chalicelib.adapters.errors import port_errors
from chalicelib.useragent.auth import Secret

_VARIABLE = "env:"
_ABSENT = ("ResourceNotFoundException", "ParameterNotFound")


class SecretsManagerClient(Protocol):
    """What is used of boto3's client for Secrets Manager."""

    def get_secret_value(self, **arguments: Any) -> dict[str, Any]: ...


class SystemsManagerClient(Protocol):
    """What is used of boto3's client for Systems Manager."""

    def get_parameter(self, **arguments: Any) -> dict[str, Any]: ...


class ReferencedSecrets:
    """Implements `forwarding.ports.ReadSecret`. Clients are made when the first is needed.

    Parameters
    ----------
    variable : callable
        Returns a variable of the environment, None when it is not set.
    """

    def __init__(
        self,
        secrets_manager: Callable[[], SecretsManagerClient],
        systems_manager: Callable[[], SystemsManagerClient],
        variable: Callable[[str], str | None],
    ) -> None:
        self._secrets_manager = secrets_manager
        self._systems_manager = systems_manager
        self._variable = variable

    def __call__(self, reference: str) -> Secret:
        """Return the secret. Raises KeyError without the reference, Unavailable."""
        text = self._read(reference)
        if not text:
            raise KeyError("a secret")
        return Secret(text)

    def _read(self, reference: str) -> str:
        if reference.startswith(_VARIABLE):
            return self._variable(reference.removeprefix(_VARIABLE)) or ""
        try:
            with port_errors():
                if reference.split(":")[2] == "ssm":
                    return self._parameter(reference)
                return self._secret(reference)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                return ""
            raise

    def _parameter(self, arn: str) -> str:
        answer = self._systems_manager().get_parameter(Name=arn, WithDecryption=True)
        return str(answer["Parameter"]["Value"])

    def _secret(self, reference: str) -> str:
        arn, _, member = reference.partition("#")
        text = str(self._secrets_manager().get_secret_value(SecretId=arn).get("SecretString", ""))
        if not member:
            return text
        try:
            found = json.loads(text)[member]
        except (ValueError, KeyError, TypeError):
            return ""
        return found if isinstance(found, str) else ""
