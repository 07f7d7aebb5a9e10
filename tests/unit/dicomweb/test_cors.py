"""Cross-origin requests: no origin unless the deployment names it."""

import pytest

from chalicelib.dicomweb.cors import CorsPolicy, is_preflight
from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.messages import Headers, HttpRequest
from chalicelib.settings import SettingsError, load

ORIGIN = "https://viewer.example"
NEEDED = {"BUCKET": "b", "TABLE": "t", "EVENT_BUS": "e", "BASE_URI": "https://host"}


def make_request(method: str = "OPTIONS", **fields: str) -> HttpRequest:
    named = ((name.replace("_", "-"), value) for name, value in fields.items())
    return HttpRequest(method, "/studies", headers=Headers(named))


def test_a_preflight_is_told_apart_by_its_header() -> None:
    assert is_preflight(make_request(Access_Control_Request_Method="POST"))
    assert not is_preflight(make_request(Origin=ORIGIN))
    assert not is_preflight(make_request("POST", Access_Control_Request_Method="POST"))


@pytest.mark.parametrize(
    ("origins", "allowed"), [(frozenset({ORIGIN}), ORIGIN), (frozenset({"*"}), "*")]
)
def test_a_named_origin_is_let_in(origins: frozenset[str], allowed: str) -> None:
    policy = CorsPolicy(origins)
    request = make_request(Origin=ORIGIN, Access_Control_Request_Method="POST")

    answer = policy.preflight(request, "POST, OPTIONS")

    assert answer.status == 204
    assert dict(answer.headers)["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert dict(policy.headers(request))["Access-Control-Allow-Origin"] == allowed
    assert dict(policy.headers(request))["Vary"] == "Origin"


@pytest.mark.parametrize("fields", [{}, {"Origin": "https://viewer.example.evil"}])
def test_another_origin_is_not(fields: dict[str, str]) -> None:
    policy = CorsPolicy(frozenset({ORIGIN}))
    request = make_request(**fields, Access_Control_Request_Method="POST")

    with pytest.raises(RequestError) as caught:
        policy.preflight(request, "POST")

    assert caught.value.status == 403
    assert policy.headers(request) == (("Vary", "Origin"),)


def test_without_origins_nothing_is_said_of_them() -> None:
    assert CorsPolicy().headers(make_request(Origin=ORIGIN)) == ()


def test_origins_come_from_the_settings() -> None:
    assert load(NEEDED).cors_origins == frozenset()
    listed = load({**NEEDED, "CORS_ORIGINS": f"{ORIGIN}, http://localhost:3000"})
    assert listed.cors_origins == {ORIGIN, "http://localhost:3000"}
    assert load({**NEEDED, "CORS_ORIGINS": "*"}).cors_origins == {"*"}


@pytest.mark.parametrize("text", ["viewer.example", "https://host/path", "https://*.example"])
def test_what_is_no_origin_is_an_error_at_start(text: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        load({**NEEDED, "CORS_ORIGINS": text})
