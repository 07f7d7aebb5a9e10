"""The issuer's keys: fetched seldom, fetched when needed, and never waited for long."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from chalicelib.adapters.jwks import (
    LAST_RESORT,
    LIFETIME,
    MAX_BYTES,
    MIN_INTERVAL,
    RETRY_INTERVAL,
    KeySet,
    fetch_json,
    read_keys,
)
from chalicelib.origin.ports import Unavailable


class Issuer:
    """Counts how often its keys are fetched; ``down`` while they cannot be."""

    def __init__(self, *key_ids: str) -> None:
        self.key_ids = list(key_ids)
        self.fetches = 0
        self.is_down = False
        self.now = 1000.0

    def fetch(self) -> bytes:
        self.fetches += 1
        if self.is_down:
            raise Unavailable
        return json.dumps({"keys": [{"kid": one, "kty": "EC"} for one in self.key_ids]}).encode()

    def keys(self) -> KeySet:
        return KeySet(self.fetch, lambda: self.now)


def test_keys_are_fetched_once_for_many_tokens() -> None:
    issuer = Issuer("a", "b")
    keys = issuer.keys()

    assert [keys.find(key_id) is not None for key_id in "abab"] == [True] * 4
    assert issuer.fetches == 1


def test_a_new_key_is_found_without_waiting_for_the_old_ones_to_age() -> None:
    issuer = Issuer("a")
    keys = issuer.keys()
    keys.find("a")
    issuer.key_ids = ["b"]
    issuer.now += MIN_INTERVAL

    assert keys.find("b") is not None
    assert keys.find("a") is None
    assert issuer.fetches == 2


def test_unknown_key_ids_cannot_make_us_ask_the_issuer_again_and_again() -> None:
    issuer = Issuer("a")
    keys = issuer.keys()

    assert [keys.find(f"forged-{n}") for n in range(50)] == [None] * 50
    assert issuer.fetches == 1
    issuer.now += MIN_INTERVAL
    assert [keys.find(f"forged-{n}") for n in range(50)] == [None] * 50
    assert issuer.fetches == 2


def test_a_withdrawn_key_is_forgotten_after_a_while() -> None:
    issuer = Issuer("a", "b")
    keys = issuer.keys()
    keys.find("a")
    issuer.key_ids = ["b"]
    issuer.now += LIFETIME + 1

    assert keys.find("a") is None


def test_old_keys_serve_while_the_issuer_is_down_but_not_for_ever() -> None:
    issuer = Issuer("a")
    keys = issuer.keys()
    keys.find("a")
    issuer.is_down = True
    issuer.now += LIFETIME + 1

    assert keys.find("a") is not None
    issuer.now += LAST_RESORT
    with pytest.raises(Unavailable):
        keys.find("a")


def test_an_issuer_that_is_down_from_the_start_is_asked_again_soon() -> None:
    issuer = Issuer("a")
    keys = issuer.keys()
    issuer.is_down = True
    for _ in range(5):
        with pytest.raises(Unavailable):
            keys.find("a")
    assert issuer.fetches == 1

    issuer.is_down = False
    issuer.now += RETRY_INTERVAL
    assert keys.find("a") is not None


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"keys": 1}', b"\xff", b"[" * 100_000, b'{"keys": null}']
)
def test_what_is_no_key_set_is_unavailability(text: bytes) -> None:
    with pytest.raises(Unavailable):
        read_keys(text)


def test_only_keys_that_verify_signatures_are_kept() -> None:
    kept = {"kid": "a", "kty": "RSA"}
    others = [
        {"kid": "b", "kty": "oct"},
        {"kid": "c", "kty": "EC", "use": "enc"},
        {"kty": "EC"},
        {"kid": 1, "kty": "EC"},
        "d",
    ]
    assert read_keys(json.dumps({"keys": [kept, *others]}).encode()) == {"a": kept}


# ---------------------------------------------------------------- over HTTP


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        body = b"x" * (MAX_BYTES + 1) if name == "/large" else self.path.encode()
        self.send_response({"/moved": 302, "/missing": 404}.get(name, 200))
        self.send_header("Location", "/keys")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_url_is_fetched_with_its_query(url: str) -> None:
    assert fetch_json(f"{url}/keys?p=1") == b"/keys?p=1"


@pytest.mark.parametrize("path", ["/moved", "/missing", "/large"])
def test_any_other_answer_is_unavailability(url: str, path: str) -> None:
    with pytest.raises(Unavailable):
        fetch_json(url + path)


def test_no_answer_is_unavailability() -> None:
    with pytest.raises(Unavailable):
        fetch_json("http://127.0.0.1:1/keys", timeout=0.5)
    with pytest.raises(Unavailable):
        fetch_json("https://127.0.0.1:1/keys", timeout=0.5)
