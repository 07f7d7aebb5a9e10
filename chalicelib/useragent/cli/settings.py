"""What the options of the command mean: from their values to a client."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from os.path import abspath
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from chalicelib.dicomweb.uids import is_uid
from chalicelib.useragent.auth import (
    Auth,
    BearerAuth,
    ChainedAuth,
    ClientCredentialsAuth,
    HeaderAuth,
    NoAuth,
    basic,
)
from chalicelib.useragent.cli.secrets import header_field, secret_from, secret_reader
from chalicelib.useragent.client import ClientOptions, Destination
from chalicelib.useragent.clock import SystemClock
from chalicelib.useragent.destination import ACCEPT
from chalicelib.useragent.doors import Door, Doors, can_go_by_session
from chalicelib.useragent.errors import UsageError
from chalicelib.useragent.payloads import DicomEncoder, Encoder, WireOptions
from chalicelib.useragent.plan import MOST_BATCH_BYTES, BatchLimits
from chalicelib.useragent.transport import HttpTransport, Timeouts, Tls

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}


@dataclass(frozen=True, slots=True)
class AuthChoice:
    """The authentication options as given."""

    user: str | None = None
    password_file: str | None = None
    bearer: bool = False
    bearer_file: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret_file: str | None = None
    scope: str = ""
    aws_region: str | None = None
    aws_service: str = "execute-api"
    aws_profile: str | None = None
    headers: tuple[str, ...] = ()

    @property
    def has_secret(self) -> bool:
        """Whether anything is sent that nobody else may see."""
        return bool(self.user or self.bearer or self.bearer_file or self.token_url or self.headers)


def make_auth(
    choice: AuthChoice,
    environ: Mapping[str, str],
    tls: Tls,
    timeouts: Timeouts,
    clock: SystemClock,
) -> Auth:
    """Return what authenticates requests.

    Raises
    ------
    UsageError
        Two ways at once, or a secret is missing.
    """
    ways = [choice.user, choice.bearer or choice.bearer_file, choice.token_url, choice.aws_region]
    if sum(bool(way) for way in ways) > 1:
        raise UsageError("Choose one of --user, --bearer, --oauth2-token-url and --aws-region.")
    links: list[Auth] = []
    if choice.headers:
        links.append(HeaderAuth(tuple(header_field(text, environ) for text in choice.headers)))
    if choice.user:
        password = secret_from(environ, "STOWAGE_PASSWORD", choice.password_file, "password")
        links.append(basic(choice.user, password))
    elif choice.bearer or choice.bearer_file:
        read = secret_reader(environ, "STOWAGE_TOKEN", choice.bearer_file, "bearer token")
        links.append(BearerAuth(read))
    elif choice.token_url:
        links.append(_client_credentials(choice, environ, tls, timeouts, clock))
    elif choice.aws_region:
        from chalicelib.useragent.sigv4 import SigV4Auth

        links.append(SigV4Auth(choice.aws_region, choice.aws_service, choice.aws_profile))
    return ChainedAuth(tuple(links)) if links else NoAuth()


def _client_credentials(
    choice: AuthChoice,
    environ: Mapping[str, str],
    tls: Tls,
    timeouts: Timeouts,
    clock: SystemClock,
) -> Auth:
    url = choice.token_url or ""
    if not choice.client_id:
        raise UsageError("--oauth2-token-url needs --oauth2-client-id.")
    check_clear_text(url, has_secret=True, is_allowed=False)
    secret = secret_from(
        environ, "STOWAGE_CLIENT_SECRET", choice.client_secret_file, "client secret"
    )
    transport = HttpTransport(
        url, connections=1, timeouts=timeouts, tls=Tls(authorities=tls.authorities)
    )
    return ClientCredentialsAuth(
        transport, url, choice.client_id, secret, clock, scope=choice.scope
    )


def make_destination(url: str, study: str | None) -> Destination:
    """Return the destination that a URL names, with or without ``/studies``.

    Raises
    ------
    UsageError
        It is no http or https URL, holds credentials, or the study is no UID.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("The URL begins with https:// or http:// and names a host.")
    if parts.username or parts.password:
        raise UsageError("The URL holds credentials; use --user and STOWAGE_PASSWORD.")
    if parts.query or parts.fragment:
        raise UsageError("The URL is that of the service: without query and fragment.")
    path = parts.path.rstrip("/").removesuffix("/studies")
    if study is not None and not is_uid(study):
        raise UsageError("--study is not a UID.")
    return Destination(urlunsplit((parts.scheme, parts.netloc, path, "", "")), study or "")


def make_proxy(url: str | None) -> str | None:
    """Return the proxy, if there is one; nothing of its URL is repeated, which may hold a password.

    Raises
    ------
    UsageError
    """
    try:
        parts = urlsplit(url or "")
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if url and not is_usable:
        raise UsageError("The proxy's URL begins with http:// or https:// and names a host.")
    return url or None


def check_clear_text(url: str, *, has_secret: bool, is_allowed: bool) -> None:
    """Refuse to send secrets where TLS does not protect them, but to this machine itself."""
    parts = urlsplit(url)
    if parts.scheme == "https" or not has_secret or is_allowed or _is_loopback(parts.hostname):
        return
    raise UsageError(
        "Credentials would travel unprotected over http; use https, "
        "or --allow-clear-text where the network is safe."
    )


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def parse_size(text: str) -> int:
    """Return bytes from ``4M``, ``500K`` or ``1G`` (powers of ten).

    Raises
    ------
    UsageError
    """
    text = text.strip().upper().removesuffix("B")
    unit = text[-1:] if text[-1:] in _UNITS and not text[-1:].isdigit() else ""
    number = text.removesuffix(unit)
    if not number.isascii() or not number.isdigit() or int(number) == 0:
        raise UsageError("A size is a number of bytes such as 500K, 4M or 1G.")
    return int(number) * _UNITS[unit]


def make_encoder(
    form: str, *, is_gzipped: bool, is_chunked: bool, names_syntax: bool, is_raw: bool
) -> Encoder:
    """Return the encoder that ``--as`` names."""
    wire = WireOptions(is_gzipped=is_gzipped, is_chunked=is_chunked)
    if form == "dicom":
        return DicomEncoder(wire, names_syntax=names_syntax, is_raw=is_raw)
    from chalicelib.useragent.representations import JsonEncoder, XmlEncoder

    return JsonEncoder(wire) if form == "json" else XmlEncoder(wire)


def make_limits(batch_bytes: str | None, batch_parts: int, encoder: Encoder) -> BatchLimits:
    """Return what a request may hold; files as they are grow where no size is given.

    What else is sent is held in memory in part, or compressed, and gains nothing by it.

    Raises
    ------
    UsageError
    """
    if batch_bytes is not None:
        return BatchLimits(parse_size(batch_bytes), batch_parts)
    most = MOST_BATCH_BYTES if can_go_by_session(encoder) else 0
    return BatchLimits(max_parts=batch_parts, most_bytes=most)


def make_doors(choice: str, limits: BatchLimits, encoder: Encoder) -> Doors:
    """Return the doors that the options leave open.

    Raises
    ------
    UsageError
        Sessions alone are wanted for what they do not take.
    """
    if can_go_by_session(encoder):
        return Doors(limits, Door(choice))
    if choice == Door.SESSION:
        raise UsageError("Store sessions take DICOM files: no --as, --gzip or --chunked.")
    return Doors(limits, Door.SMALL)


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return where journals are kept (XDG Base Directory Specification)."""
    home = environ.get("XDG_STATE_HOME") or str(
        Path(environ.get("HOME") or Path.home()) / ".local" / "state"
    )
    return Path(home) / "stowage"


def default_journal(
    environ: Mapping[str, str], destination: Destination, paths: tuple[str, ...]
) -> Path:
    """Return the journal of this command: the same paths and URL find it again.

    Raises
    ------
    UsageError
        The folder cannot be made.
    """
    words = "\0".join([destination.store_url, *sorted(abspath(path) for path in paths)])
    folder = state_folder(environ)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"No journal can be kept: {error.strerror}. Use --journal.") from None
    return folder / f"{sha256(words.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.journal"


def client_options(
    *, unquoted: bool, expect: bool, search: bool, prefers_xml: bool, connections: int
) -> ClientOptions:
    """Return the client's options."""
    xml = "application/dicom+xml, application/dicom+json;q=0.9, */*;q=0.1"
    accept = xml if prefers_xml else ACCEPT
    return ClientOptions(unquoted, expect, search, accept, connections)
