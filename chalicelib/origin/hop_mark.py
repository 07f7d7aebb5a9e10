"""The hop mark: which services an instance has come through, so that forwarding ends.

A request header lists services by a digest of their base URI, oldest first. It names nobody to
those who do not know the URI, and a base URI is all that two services know of each other. It is
our own field and not Via (RFC 9110 7.6.3): every proxy on the way adds itself to that one.
"""

import re
from hashlib import sha256
from urllib.parse import urlsplit

FIELD = "Stowage-Via"
MAX_HOPS = 4
"""Object metadata of 2 KB has no room for more beside the longest subject."""
_MARK = re.compile(r"[0-9a-f]{16}")


def mark_of(base_uri: str) -> str:
    """Return what stands for a service: 16 hexadecimal digits.

    Case of scheme and host, a default port and final slashes do not count.
    """
    parts = urlsplit(base_uri)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    port = parts.port or {"https": 443, "http": 80}.get(scheme, 0)
    canonical = f"{scheme}://{host}:{port}{parts.path.rstrip('/')}"
    return sha256(canonical.encode("utf-8")).hexdigest()[:16]


def read_marks(value: str | None) -> tuple[str, ...]:
    """Return the marks of a field's value, the last ``MAX_HOPS`` of them; of nonsense, none."""
    marks = tuple(entry.strip() for entry in (value or "").split(",") if entry.strip())
    if not all(_MARK.fullmatch(mark) for mark in marks):
        return ()
    return marks[-MAX_HOPS:]


def write_marks(marks: tuple[str, ...]) -> str:
    """Return the field's value."""
    return ",".join(marks)
