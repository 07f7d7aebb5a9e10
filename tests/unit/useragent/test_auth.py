"""Credentials: what is sent, to whom, and that they show themselves to nobody."""

import json
import traceback

import pytest

from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart_writer import BytesContent
from chalicelib.useragent.auth import (
    BearerAuth,
    ChainedAuth,
    ClientCredentialsAuth,
    HeaderAuth,
    NoAuth,
    Secret,
    basic,
)
from chalicelib.useragent.cli.secrets import header_field, secret_from
from chalicelib.useragent.cli.settings import check_clear_text, make_destination
from chalicelib.useragent.errors import DestinationError, UsageError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.sigv4 import SigV4Auth
from chalicelib.useragent.transport import OutgoingRequest, Response
from tests.unit.useragent.fakes import FakeClock, ScriptedTransport, Sent, answer

URL = "https://pacs.example/studies"
REQUEST = OutgoingRequest("POST", URL, (("Accept", "*/*"),), BytesContent(b"body"))
HIDDEN = "s3cr3t-value"


def sent_with(auth: object) -> Headers:
    transport = ScriptedTransport(answer(200))
    Exchange(transport, auth).send(REQUEST)  # type: ignore[arg-type]
    return transport.sent[0].headers


def test_nothing_is_sent_when_nothing_is_configured() -> None:
    assert sent_with(NoAuth()).get("Authorization") is None


def test_basic_is_utf_8() -> None:
    assert sent_with(basic("ada", Secret("pä"))).get("Authorization") == "Basic YWRhOnDDpA=="


def test_an_empty_token_is_not_sent() -> None:
    with pytest.raises(DestinationError):
        BearerAuth(lambda: Secret(""))


def test_401_reads_the_token_once_more_and_no_more() -> None:
    tokens = iter(["old", "new", "newer"])
    transport = ScriptedTransport(answer(401))
    response = Exchange(transport, BearerAuth(lambda: Secret(next(tokens)))).send(REQUEST)
    assert response.status == 401
    assert [one.headers.get("Authorization") for one in transport.sent] == [
        "Bearer old",
        "Bearer new",
    ]
    assert [one.body for one in transport.sent] == [b"body", b"body"]


def test_client_credentials_are_fetched_when_needed_and_kept_while_good() -> None:
    clock = FakeClock()
    tokens = iter(range(9))

    def gives(sent: Sent) -> Response:
        assert sent.body == b"grant_type=client_credentials&scope=a+b"
        return answer(200, {"access_token": f"t{next(tokens)}", "expires_in": 100})

    issuer = ScriptedTransport(gives)
    auth = ClientCredentialsAuth(
        issuer, "https://id.example/token", "me", Secret(HIDDEN), clock, scope="a b"
    )
    assert sent_with(auth).get("Authorization") == "Bearer t0"
    assert sent_with(auth).get("Authorization") == "Bearer t0"
    clock.time = 71
    assert sent_with(auth).get("Authorization") == "Bearer t1"
    assert auth.refresh()
    assert sent_with(auth).get("Authorization") == "Bearer t2"


@pytest.mark.parametrize("said", [answer(400, b"{}"), answer(200, b"<html>"), answer(200, [])])
def test_no_token_is_an_error_of_the_destination(said: Response) -> None:
    issuer = ScriptedTransport(said)
    auth = ClientCredentialsAuth(issuer, "https://i.example", "me", Secret(HIDDEN), FakeClock())
    with pytest.raises(DestinationError):
        sent_with(auth)


def test_another_host_gets_no_credentials() -> None:
    elsewhere = answer(307, Location="https://other.example/studies")
    transport = ScriptedTransport(elsewhere, answer(200))
    auth = ChainedAuth((HeaderAuth((("X-Api-Key", Secret(HIDDEN)),)), basic("a", Secret(HIDDEN))))
    Exchange(transport, auth).send(REQUEST)
    first, second = transport.sent
    assert first.headers.get("X-Api-Key") == HIDDEN
    assert second.url == "https://other.example/studies"
    assert second.headers.get("X-Api-Key") is None
    assert second.headers.get("Authorization") is None
    assert second.body == b"body"


def test_the_same_host_does_get_them() -> None:
    transport = ScriptedTransport(answer(308, Location="/other"), answer(200))
    Exchange(transport, basic("a", Secret("b"))).send(REQUEST)
    assert transport.sent[1].headers.get("Authorization")


@pytest.mark.parametrize("location", ["http://pacs.example/studies", "ftp://a/b", "file:///etc"])
def test_nobody_is_followed_out_of_tls(location: str) -> None:
    with pytest.raises(DestinationError):
        Exchange(ScriptedTransport(answer(307, Location=location))).send(REQUEST)


def test_endless_redirects_end() -> None:
    with pytest.raises(DestinationError):
        Exchange(ScriptedTransport(answer(308, Location="/again"))).send(REQUEST)


def test_a_signature_covers_the_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", HIDDEN)
    headers = sent_with(SigV4Auth("eu-central-1"))
    assert "/eu-central-1/execute-api/aws4_request" in (headers.get("Authorization") or "")
    assert headers.get("X-Amz-Content-SHA256") == (
        "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    )


def test_secrets_show_themselves_to_nobody() -> None:
    secret = Secret(HIDDEN)
    auth = ClientCredentialsAuth(ScriptedTransport(answer(500)), URL, "me", secret, FakeClock())
    try:
        auth.authenticate(REQUEST)
    except DestinationError:
        text = traceback.format_exc()
    chained = ChainedAuth((basic("a", secret), HeaderAuth((("X", secret),))))
    shown = [repr(secret), str(secret), f"{secret}", repr(chained), repr(auth), text]
    shown.append(repr(chained.authenticate(REQUEST)))
    assert all(HIDDEN not in one and "czNjcjN0" not in one for one in shown)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_secrets_come_from_the_environment_or_files(tmp_path: object) -> None:
    assert secret_from({"A": HIDDEN}, "A", None, "x").reveal() == HIDDEN
    with pytest.raises(UsageError):
        secret_from({}, "A", None, "x")
    name, value = header_field("X-Key: env:KEY", {"KEY": HIDDEN})
    assert (name, value.reveal()) == ("X-Key", HIDDEN)
    for bad in ("no colon", "a b: c", "X: a\r\nY: b"):
        with pytest.raises(UsageError):
            header_field(bad, {})


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://h/dicom-web/", "https://h/dicom-web"),
        ("https://h/dicom-web/studies/", "https://h/dicom-web"),
        ("http://h:8042", "http://h:8042"),
    ],
)
def test_a_url_may_end_with_studies(url: str, base: str) -> None:
    assert make_destination(url, None).base_url == base


@pytest.mark.parametrize(
    "url", ["h/dicom", "ftp://h", "https://u:p@h/", "https://h/?a=b", "https:"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UsageError):
        make_destination(url, None)


def test_credentials_do_not_travel_in_the_clear() -> None:
    check_clear_text("http://127.0.0.1:80", has_secret=True, is_allowed=False)
    check_clear_text("http://pacs", has_secret=False, is_allowed=False)
    check_clear_text("http://pacs", has_secret=True, is_allowed=True)
    with pytest.raises(UsageError):
        check_clear_text("http://pacs", has_secret=True, is_allowed=False)
