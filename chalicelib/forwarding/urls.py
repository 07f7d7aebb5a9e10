"""What a destination's URL may look like, before anything is resolved."""

from urllib.parse import urlsplit

from chalicelib.forwarding.addresses import is_loopback

LOCAL_NAMES = ("localhost",)


def check_url(url: str, *, is_local: bool) -> str:
    """Return what is wrong with a URL, "" when nothing is.

    Where it leads is looked at again when a connection is made: a name may resolve to anything.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL"
    if not host or not url.isprintable() or " " in url or "\\" in url:
        return "is no URL"
    if parts.username is not None or parts.password is not None:
        return "holds a user or password; those belong in auth, by reference"
    if "?" in url or "#" in url:
        return "shall have neither query nor fragment"
    if parts.scheme == "https":
        return ""
    if parts.scheme == "http" and is_local and (host in LOCAL_NAMES or is_loopback(host)):
        return ""
    return "shall begin with https://"
