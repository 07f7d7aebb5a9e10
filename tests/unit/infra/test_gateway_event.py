"""A request as the REST proxy event, and a proxy response as HTTP: facts of API Gateway."""

import base64
from datetime import UTC, datetime

import pytest

from infra.local.gateway_event import (
    GatewayRequest,
    MalformedAnswerError,
    Match,
    RouteTable,
    make_event,
    media_type_of,
    read_answer,
)

ROUTES = RouteTable(
    {
        "/studies": ["POST", "GET"],
        "/studies/{study}": ["POST"],
        "/studies/latest": ["GET", "POST"],
        "/partitions/{partition}/studies": ["POST"],
    }
)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BINARY = {"multipart/related", "application/dicom"}


def event_of(request: GatewayRequest, *, is_binary: bool = True) -> dict:
    match = ROUTES.find(request.method, request.path)
    assert match is not None
    return make_event(
        request, match, is_binary=is_binary, stage="api", now=NOW, request_id="request-1"
    )


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/studies", Match("/studies")),
        ("POST", "/studies/", Match("/studies")),
        ("POST", "/studies/1.2.3", Match("/studies/{study}", {"study": "1.2.3"})),
        ("POST", "/studies/1.2.3/", Match("/studies/{study}", {"study": "1.2.3"})),
        ("POST", "/studies/a%2Fb%20%C3%A9", Match("/studies/{study}", {"study": "a/b é"})),
        ("POST", "/studies/latest", Match("/studies/latest")),
        (
            "POST",
            "/partitions/x/studies",
            Match("/partitions/{partition}/studies", {"partition": "x"}),
        ),
        ("DELETE", "/studies", None),
        ("POST", "/", None),
        ("POST", "/studies//", None),
        ("POST", "//studies", None),
        ("POST", "/studies/1/2", None),
        ("POST", "/partitions//studies", None),
        ("POST", "/STUDIES", None),
        ("POST", "", None),
    ],
)
def test_a_path_finds_its_resource(method: str, path: str, expected: Match | None) -> None:
    assert ROUTES.find(method, path) == expected


def test_the_event_has_what_the_gateway_sends() -> None:
    request = GatewayRequest(
        method="POST",
        target="/studies/1.2%2E3?a=1&a=2&b=x+y%26&c",
        headers=(
            ("Host", "store.example:8080"),
            ("User-Agent", "curl/8"),
            ("content-type", "application/dicom; x=1"),
            ("Accept", "application/dicom+json"),
            ("accept", "*/*;q=0.1"),
        ),
        body=b"\x00DICM\xff",
        source_ip="127.0.0.9",
    )

    event = event_of(request)

    context = event.pop("requestContext")
    assert event == {
        "resource": "/studies/{study}",
        "path": "/studies/1.2%2E3",
        "httpMethod": "POST",
        "headers": {
            "Host": "store.example:8080",
            "User-Agent": "curl/8",
            "content-type": "application/dicom; x=1",
            "Accept": "*/*;q=0.1",
            "X-Forwarded-For": "127.0.0.9",
            "X-Forwarded-Proto": "http",
        },
        "multiValueHeaders": {
            "Host": ["store.example:8080"],
            "User-Agent": ["curl/8"],
            "content-type": ["application/dicom; x=1"],
            "Accept": ["application/dicom+json", "*/*;q=0.1"],
            "X-Forwarded-For": ["127.0.0.9"],
            "X-Forwarded-Proto": ["http"],
        },
        "queryStringParameters": {"a": "2", "b": "x y&", "c": ""},
        "multiValueQueryStringParameters": {"a": ["1", "2"], "b": ["x y&"], "c": [""]},
        "pathParameters": {"study": "1.2.3"},
        "stageVariables": None,
        "body": base64.b64encode(b"\x00DICM\xff").decode(),
        "isBase64Encoded": True,
    }
    assert context["identity"]["sourceIp"] == "127.0.0.9"
    assert context["identity"]["userAgent"] == "curl/8"
    assert {
        name: context[name] for name in context if name not in {"identity", "extendedRequestId"}
    } == {
        "resourceId": "local",
        "resourcePath": "/studies/{study}",
        "httpMethod": "POST",
        "requestTime": "02/Jan/2026:03:04:05 +0000",
        "requestTimeEpoch": 1767323045000,
        "path": "/studies/1.2%2E3",
        "accountId": "123456789012",
        "protocol": "HTTP/1.1",
        "stage": "api",
        "domainPrefix": "store",
        "domainName": "store.example:8080",
        "requestId": "request-1",
        "apiId": "local",
    }


def test_without_query_parameters_and_body_the_event_has_null() -> None:
    event = event_of(GatewayRequest("POST", "/studies", (("Host", "x"),)))

    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["pathParameters"] is None
    assert event["body"] is None
    assert event["isBase64Encoded"] is False


def test_a_text_body_is_utf8_and_loses_what_is_not() -> None:
    event = event_of(GatewayRequest("POST", "/studies", (), body=b"\xc3\xa9\xff"), is_binary=False)

    assert (event["body"], event["isBase64Encoded"]) == ("é�", False)


@pytest.mark.parametrize(
    "name", ["Connection", "Content-Length", "Transfer-Encoding", "Expect", "TE", "Upgrade"]
)
def test_what_belongs_to_the_connection_is_not_in_the_event(name: str) -> None:
    event = event_of(
        GatewayRequest("POST", "/studies", ((name, "x"), ("Content-Encoding", "gzip")))
    )

    assert name not in event["headers"]
    assert name not in event["multiValueHeaders"]
    assert event["headers"]["Content-Encoding"] == "gzip"


def test_an_absolute_form_target_is_its_path() -> None:
    request = GatewayRequest("POST", "http://store.example/studies/1.2?x=1", ())

    assert (request.path, request.query) == ("/studies/1.2", "x=1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("Multipart/Related; type=x", "multipart/related"),
        ("application/json, */*", "application/json"),
    ],
)
def test_the_media_type_ignores_parameters_case_and_further_entries(
    value: str | None, expected: str
) -> None:
    assert media_type_of(value) == expected


def test_an_answer_keeps_all_values_of_a_field() -> None:
    answer = read_answer(
        {
            "statusCode": 200,
            "headers": {"Content-Type": "text/plain", "X-One": "ignored"},
            "multiValueHeaders": {"X-One": ["1", "2"]},
            "body": "é",
        },
        accept=None,
        binary_media_types=BINARY,
    )

    assert answer.headers == (("Content-Type", "text/plain"), ("X-One", "1"), ("X-One", "2"))
    assert answer.body == "é".encode()


def test_an_answer_without_content_type_is_json() -> None:
    answer = read_answer({"statusCode": 204}, accept=None, binary_media_types=BINARY)

    assert answer.headers == (("Content-Type", "application/json"),)
    assert answer.body == b""


def test_fields_that_are_the_gateways_are_renamed() -> None:
    answer = read_answer(
        {"statusCode": 401, "headers": {"WWW-Authenticate": "Bearer", "content-type": "a/b"}},
        accept=None,
        binary_media_types=BINARY,
    )

    assert ("x-amzn-Remapped-WWW-Authenticate", "Bearer") in answer.headers


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/dicom", b"\x00\x01"),
        ("multipart/related; type=x, text/plain", b"\x00\x01"),
        ("text/plain, application/dicom", b"AAE="),
        (None, b"AAE="),
    ],
)
def test_base64_is_decoded_only_for_a_binary_first_accept_entry(
    accept: str | None, expected: bytes
) -> None:
    answer = read_answer(
        {"statusCode": 200, "body": "AAE=", "isBase64Encoded": True},
        accept=accept,
        binary_media_types=BINARY,
    )

    assert answer.body == expected


@pytest.mark.parametrize(
    "returned",
    [
        None,
        "text",
        {},
        {"statusCode": "200"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"not": "a string"}},
        {"statusCode": 200, "headers": "x"},
        {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
        {"statusCode": 200, "body": "*", "isBase64Encoded": True},
    ],
)
def test_what_is_no_proxy_response_is_malformed(returned: object) -> None:
    with pytest.raises(MalformedAnswerError):
        read_answer(returned, accept="application/dicom", binary_media_types=BINARY)
