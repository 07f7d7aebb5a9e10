"""The local gateway's own answers are those that deployment declares."""

import json

import pytest

from chalicelib.dicomweb.sessions import RELATION
from chalicelib.standard.limits import MAX_BODY_BYTES
from infra.local.gateway import MAX_INVOCATION_PAYLOAD
from infra.local.gateway_responses import AWS_DEFAULTS, GatewayResponses, load_responses
from infra.local.template import API_TYPE, Resource, Template, TemplateError, load_template

DEPLOYED = load_responses(load_template(), {"BaseUri": "https://pacs.example/dicomweb"})


@pytest.mark.parametrize("response_type", AWS_DEFAULTS)
def test_every_answer_is_declared_and_names_the_request(response_type: str) -> None:
    answer = DEPLOYED.answer(response_type, "request-1")
    body = json.loads(answer.body)

    assert dict(answer.headers)["Content-Type"] == "application/json"
    assert dict(answer.headers)["X-Request-Id"] == body["request_id"] == "request-1"
    assert body.get("status", answer.status) == answer.status
    assert body["title"]
    assert body["detail"].endswith(".")


@pytest.mark.parametrize(
    ("response_type", "status", "retryable"),
    [
        ("UNAUTHORIZED", 401, False),
        ("ACCESS_DENIED", 403, False),
        ("MISSING_AUTHENTICATION_TOKEN", 404, False),
        ("AUTHORIZER_CONFIGURATION_ERROR", 503, True),
        ("REQUEST_TOO_LARGE", 413, False),
        ("UNSUPPORTED_MEDIA_TYPE", 415, False),
        ("THROTTLED", 429, True),
        ("INTEGRATION_TIMEOUT", 504, True),
    ],
)
def test_statuses(response_type: str, status: int, retryable: bool) -> None:
    answer = DEPLOYED.answer(response_type, "request-1")

    assert answer.status == status
    assert json.loads(answer.body)["retryable"] is retryable
    assert ("Retry-After" in dict(answer.headers)) is retryable


def test_401_says_how_to_authenticate_and_403_what_was_lacking() -> None:
    unauthorized = dict(DEPLOYED.answer("UNAUTHORIZED", "r").headers)
    denied = dict(DEPLOYED.answer("ACCESS_DENIED", "r").headers)

    assert unauthorized["WWW-Authenticate"] == 'Bearer realm="stowage"'
    assert denied["WWW-Authenticate"] == 'Bearer realm="stowage", error="insufficient_scope"'


def test_413_says_what_fits_and_where_more_goes() -> None:
    answer = DEPLOYED.answer("REQUEST_TOO_LARGE", "r", limit=MAX_INVOCATION_PAYLOAD)
    body = json.loads(answer.body)

    sessions = "https://pacs.example/dicomweb/sessions"
    assert body["limit"] == {"name": "max_body_bytes", "value": MAX_BODY_BYTES}
    assert str(MAX_BODY_BYTES) in body["detail"]
    assert body["sessions"] == sessions
    assert dict(answer.headers)["Link"] == f'<{sessions}>; rel="{RELATION}"'


def test_what_413_says_fits_does_fit() -> None:
    """Every field of a header stands in the event twice, and API Gateway takes 10,240 bytes."""
    most = MAX_BODY_BYTES * 4 // 3 + 2 * 10_240 + 8_192

    assert most < MAX_INVOCATION_PAYLOAD < (MAX_BODY_BYTES + 50_000) * 4 // 3


def test_an_answer_that_refers_to_a_resource_raises() -> None:
    declared = {"THROTTLED": {"statusCode": {"Fn::GetAtt": ["Bucket", "Arn"]}}}
    api = {"DefinitionBody": {"x-amazon-apigateway-gateway-responses": declared}}
    template = Template({}, {"Api": Resource("Api", API_TYPE, api, ())}, {})

    with pytest.raises(TemplateError, match="Bucket"):
        load_responses(template, {})


def test_without_a_declaration_aws_has_its_own_words() -> None:
    answer = GatewayResponses().answer("MISSING_AUTHENTICATION_TOKEN", "r")

    assert answer.status == 403
    assert json.loads(answer.body) == {"message": "Missing Authentication Token"}


def test_a_variable_that_is_not_understood_raises() -> None:
    declared = {"THROTTLED": {"responseTemplates": {"application/json": "$context.stage"}}}

    with pytest.raises(TemplateError, match=r"context\.stage"):
        GatewayResponses(declared).answer("THROTTLED", "r")
