"""An issuer's public keys (JWK Set, RFC 7517), fetched over HTTPS and kept by a warm function.

What belongs here: when keys are fetched, and how. What must not: what a key is for (`jwt`).
"""

import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from chalicelib.origin.ports import Unavailable

Jwk = Mapping[str, Any]

MAX_BYTES = 256 * 1024
"""Of a key set; the largest issuers' have some 20 kB."""
LIFETIME = 600.0
"""Seconds after which the set is fetched again, so that a withdrawn key is forgotten."""
LAST_RESORT = 3600.0
"""Seconds for which an old set serves while the issuer does not answer."""
MIN_INTERVAL = 30.0
"""Seconds between two fetches, whatever keys tokens name: their senders are not known yet."""
RETRY_INTERVAL = 2.0
"""Seconds after a fetch that failed."""


class KeySet:
    """The keys of one issuer, by key id. Threads may share it.

    Parameters
    ----------
    fetch : callable
        Returns the JWK Set's JSON. Raises Unavailable.
    monotonic : callable
        Returns seconds, such as `time.monotonic`.
    """

    def __init__(self, fetch: Callable[[], bytes], monotonic: Callable[[], float]) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, Jwk] = {}
        self._fetched: float | None = None
        self._next_fetch: float | None = None
        self._lock = threading.Lock()

    def find(self, key_id: str) -> Jwk | None:
        """Return the key, None when the issuer has none of this id.

        A key id that is not known is looked for once more at the issuer, which may have begun to
        use a new key, unless the last look was less than MIN_INTERVAL seconds ago.

        Raises
        ------
        Unavailable
            When the issuer does not answer and no keys of the last hour are at hand.
        """
        with self._lock:
            now = self._monotonic()
            is_due = self._fetched is None or now - self._fetched > LIFETIME
            may_fetch = self._next_fetch is None or now >= self._next_fetch
            if may_fetch and (is_due or key_id not in self._keys):
                self._refresh(now)
            if self._fetched is None or now - self._fetched > LAST_RESORT:
                raise Unavailable("the issuer's keys cannot be had")
            return self._keys.get(key_id)

    def _refresh(self, now: float) -> None:
        """Fetch the set. One that cannot be read is no set: the old one stays."""
        self._next_fetch = now + RETRY_INTERVAL
        with contextlib.suppress(Unavailable):
            self._keys = read_keys(self._fetch())
            self._fetched, self._next_fetch = now, now + MIN_INTERVAL


def read_keys(text: bytes) -> dict[str, Jwk]:
    """Return the keys of a JWK Set that may verify signatures (RFC 7517 4.2), by their id.

    Symmetric keys are left out: what verifies could sign. Raises Unavailable when it is no set.
    """
    try:
        keys = json.loads(text)["keys"]
        return {
            key["kid"]: key
            for key in keys
            if isinstance(key, dict)
            and isinstance(key.get("kid"), str)
            and key.get("use", "sig") == "sig"
            and key.get("kty") in {"RSA", "EC", "OKP"}
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unavailable("the issuer's answer is no JWK Set") from None


def fetch_json(url: str, timeout: float = 2.0) -> bytes:
    """Return what a URL answers with 200; follows no redirect, reads MAX_BYTES at most.

    Parameters
    ----------
    url : str
    timeout : float
        Seconds to connect, and again for each read.

    Raises
    ------
    Unavailable
        For any other answer, and for none.
    """
    target = urlsplit(url)
    host, path = target.hostname or "", target.path or "/"
    connection = (
        http.client.HTTPConnection(host, target.port, timeout=timeout)
        if target.scheme == "http"
        else http.client.HTTPSConnection(
            host, target.port, timeout=timeout, context=ssl.create_default_context()
        )
    )
    try:
        connection.request(
            "GET",
            f"{path}?{target.query}" if target.query else path,
            headers={"Accept": "application/jwk-set+json, application/json"},
        )
        response = connection.getresponse()
        body = response.read(MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(type(error).__name__) from None
    finally:
        connection.close()
    if response.status != http.client.OK or len(body) > MAX_BYTES:
        raise Unavailable("the issuer does not answer with a JWK Set")
    return body
