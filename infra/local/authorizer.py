"""What API Gateway does with a Lambda authorizer: asks it, keeps its policy, holds callers to it.

Belongs here: when the function is asked, how long its answer is kept, how a policy is read. Must
not be here: who may do what (the function says so), the words of a refusal.

See AWS's "Use API Gateway Lambda authorizers": a missing field is refused unasked, a policy is
kept by the field's value and judges all routes, an authorizer's error other than "Unauthorized"
is the gateway's own failure.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.local.functions import LambdaCaller
from infra.local.gateway_event import Event, GatewayRequest, Match

logger = logging.getLogger(__name__)

_API = "arn:aws:execute-api:us-east-1:123456789012:local"


class DeniedError(Exception):
    """The gateway answers by itself: ``response_type`` is that of the gateway response."""

    def __init__(self, response_type: str) -> None:
        super().__init__(response_type)
        self.response_type = response_type


class GatewayAuthorizer:
    """Holds callers of an application's routes to its authorizer's policies.

    Parameters
    ----------
    app
        A Chalice application: its routes say which authorizer guards them.
    call_of
        Returns the caller of a function by name.
    monotonic
        Returns seconds.
    """

    def __init__(
        self,
        app: Any,
        call_of: Callable[[str], LambdaCaller],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._monotonic = monotonic
        self._calls = {auth.name: call_of(auth.name) for auth in app.builtin_auth_handlers}
        self._lifetimes = {auth.name: auth.ttl_seconds or 0 for auth in app.builtin_auth_handlers}
        self._kept: dict[tuple[str, str], tuple[float, Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def authorize(self, request: GatewayRequest, match: Match, stage: str) -> str | None:
        """Return who calls, None on a route that nobody guards. Raises DeniedError."""
        guard = self._app.routes[match.resource][request.method].authorizer
        if guard is None:
            return None
        field = request.header("Authorization")
        if not field:
            raise DeniedError("UNAUTHORIZED")
        arn = f"{_API}/{stage}/{request.method}{request.path}"
        policy = self._policy(guard.name, field, arn)
        if not is_allowed(policy["policyDocument"], arn):
            raise DeniedError("ACCESS_DENIED")
        return str(policy["principalId"])

    def _policy(self, name: str, field: str, arn: str) -> Mapping[str, Any]:
        now = self._monotonic()
        with self._lock:
            self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > now}
            if (name, field) in self._kept:
                return self._kept[name, field][1]
        policy = self._ask(name, field, arn)
        with self._lock:
            self._kept[name, field] = (now + self._lifetimes[name], policy)
        return policy

    def _ask(self, name: str, field: str, arn: str) -> Mapping[str, Any]:
        event: Event = {"type": "TOKEN", "authorizationToken": field, "methodArn": arn}
        try:
            policy: Mapping[str, Any] = self._calls[name](event)
        except Exception as error:
            if str(error) == "Unauthorized":
                raise DeniedError("UNAUTHORIZED") from None
            logger.exception("the authorizer raised")
            raise DeniedError("AUTHORIZER_CONFIGURATION_ERROR") from None
        return policy


def is_allowed(document: Mapping[str, Any], arn: str) -> bool:
    """Return whether a policy lets a call through: something allows it and nothing denies it."""
    effects = {
        statement["Effect"]
        for statement in document["Statement"]
        if any(_matches(pattern, arn) for pattern in _listed(statement["Resource"]))
    }
    return effects == {"Allow"}


def _listed(value: Any) -> Iterator[str]:
    yield from [value] if isinstance(value, str) else value


def _matches(pattern: str, arn: str) -> bool:
    """Match as IAM does: ``*`` is any text, slashes too, ``?`` any one character."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, arn, re.DOTALL) is not None
