"""What API Gateway does with an authorizer: asks once, keeps the answer, holds callers to it."""

from typing import Any

import pytest
from chalice.app import Chalice

from infra.local.authorizer import DeniedError, GatewayAuthorizer, is_allowed
from infra.local.gateway_event import GatewayRequest, Match

ARN = "arn:aws:execute-api:us-east-1:123456789012:local/api"
LIFETIME = 60


class Asked:
    """Stands for the authorizing function; counts its calls."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        self.events.append(event)
        if self.error:
            raise self.error
        allowed = {"Effect": "Allow", "Resource": [f"{ARN}/POST/studies*"]}
        return {"principalId": "someone", "policyDocument": {"Statement": [allowed]}}


class World:
    def __init__(self) -> None:
        app = Chalice(app_name="guarded", configure_logs=False)

        @app.authorizer(ttl_seconds=LIFETIME)
        def guard(request: Any) -> None: ...

        @app.route("/studies", methods=["POST", "GET"], authorizer=guard)
        @app.route("/studies", methods=["OPTIONS"])
        def studies() -> None: ...

        self.asked = Asked()
        self.now = 0.0
        self._authorizer = GatewayAuthorizer(app, lambda _: self.asked, lambda: self.now)

    def call(self, method: str = "POST", token: str = "Bearer a.b.c") -> str | None:
        headers = (("authorization", token),) if token else ()
        request = GatewayRequest(method, "/studies", headers)
        return self._authorizer.authorize(request, Match("/studies"), "api")

    def denial(self, method: str = "POST", token: str = "Bearer a.b.c") -> str:
        with pytest.raises(DeniedError) as denied:
            self.call(method, token)
        return denied.value.response_type


def test_who_calls_is_known_and_the_function_asked_once() -> None:
    world = World()

    assert [world.call() for _ in range(3)] == ["someone"] * 3
    assert world.asked.events == [
        {"type": "TOKEN", "authorizationToken": "Bearer a.b.c", "methodArn": f"{ARN}/POST/studies"}
    ]


def test_a_kept_policy_judges_other_routes_too() -> None:
    world = World()
    world.call()

    assert world.denial("GET") == "ACCESS_DENIED"
    assert len(world.asked.events) == 1


def test_a_policy_is_kept_for_its_time_and_its_token() -> None:
    world = World()
    world.call()
    world.call(token="Bearer d.e.f")
    world.now += LIFETIME
    world.call()

    assert len(world.asked.events) == 3


def test_without_a_token_the_function_is_not_asked() -> None:
    world = World()

    assert world.denial(token="") == "UNAUTHORIZED"
    assert world.asked.events == []


def test_an_unguarded_method_needs_none() -> None:
    assert World().call("OPTIONS", token="") is None


@pytest.mark.parametrize(
    ("error", "response_type"),
    [
        (Exception("Unauthorized"), "UNAUTHORIZED"),
        (Exception("unauthorized"), "AUTHORIZER_CONFIGURATION_ERROR"),
        (KeyError("JWT_ISSUER"), "AUTHORIZER_CONFIGURATION_ERROR"),
    ],
    ids=str,
)
def test_only_one_text_is_a_refusal_and_none_is_kept(error: Exception, response_type: str) -> None:
    world = World()
    world.asked.error = error

    assert world.denial() == response_type
    assert world.denial() == response_type
    assert len(world.asked.events) == 2


def test_a_denial_outweighs_a_permission() -> None:
    allow = {"Effect": "Allow", "Resource": "a*"}
    deny = {"Effect": "Deny", "Resource": ["a/b"]}

    assert is_allowed({"Statement": [allow]}, "a/b")
    assert not is_allowed({"Statement": [allow, deny]}, "a/b")
    assert not is_allowed({"Statement": [deny]}, "c")
    assert not is_allowed({"Statement": [{"Effect": "Allow", "Resource": "a.b"}]}, "axb")
