"""The statement's tables of the user agent: what it sends, and what it makes of answers.

Codes come from the tables that the user agent obeys (``retry``, ``refusals``, ``reasons``); a row
is printed when a test has seen it on the wire. What must not be here: instances it creates
(``created``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

import click

from chalicelib.origin import hop_mark
from chalicelib.standard.capabilities import STORE_RESOURCES, WADL
from chalicelib.standard.media_types import DICOM, DICOM_JSON, DICOM_XML, MULTIPART_RELATED
from chalicelib.useragent.cli.options import send_options
from chalicelib.useragent.destination import ACCEPT
from chalicelib.useragent.reasons import FailureKind
from chalicelib.useragent.refusals import REFUSED_BY_DESTINATION
from chalicelib.useragent.retry import RETRIED_STATUSES, THROTTLING_STATUSES
from infra.conformance.markdown import code, table
from infra.conformance.proof import Proof
from infra.conformance.user_agent_policies import UA_POLICIES

_NOT_YET = "None is supported."
_PHRASES = {413: "Payload Too Large"}
"""As PS3.18 has them, where versions of Python differ."""


@dataclass(frozen=True, slots=True)
class SentField:
    """A header field with a value that the user agent sends; ``claim`` names the proof."""

    claim: str
    name: str
    value: str
    comments: str


def _content_type(text: str, comments: str) -> SentField:
    return SentField(f"ua-request:{text}", "Content-Type", text, comments)


SENT_FIELDS = (
    _content_type(f'{MULTIPART_RELATED}; type="{DICOM}"', "the default; a part for each instance"),
    _content_type(
        f'{MULTIPART_RELATED}; type="{DICOM}"; transfer-syntax={{UID}}',
        "`--transfer-syntax`; on the message when all parts agree, always on the parts",
    ),
    _content_type(
        f"{MULTIPART_RELATED}; type={DICOM}", "`--unquoted-fallback`, once, after 400 or 415"
    ),
    _content_type(f'{MULTIPART_RELATED}; type="{DICOM_JSON}"', "`--as json`"),
    _content_type(f'{MULTIPART_RELATED}; type="{DICOM_XML}"', "`--as xml`"),
    SentField("ua-header:accept", "Accept", ACCEPT, "`--accept xml` turns the two around"),
    SentField("ua-header:accept-encoding", "Accept-Encoding", "gzip", ""),
    SentField(
        "ua-header:user-agent",
        "User-Agent",
        "stowage/{version}",
        "`--header` sets another; without a version where the package is not installed",
    ),
    SentField("ua-header:content-length", "Content-Length", "{uint}", "the default"),
    SentField(
        "ua-header:transfer-encoding", "Transfer-Encoding", "chunked", "`--chunked`, instead of it"
    ),
    SentField("ua-header:content-encoding", "Content-Encoding", "gzip", "`--gzip`"),
    SentField("ua-header:expect", "Expect", "100-continue", "`--expect-continue`; plain HTTP"),
    SentField(
        "ua-header:stowage-via",
        hop_mark.FIELD,
        "{marks}",
        "forwarding alone: digests of the base URIs of the services that an instance came through",
    ),
)

AUTHENTICATION = {
    "basic": "HTTP Basic (RFC 7617)",
    "bearer": "Bearer token (RFC 6750) from the environment or a file",
    "oauth2": "OAuth 2.0 client credentials (RFC 6749 4.4)",
    "sigv4": "AWS Signature Version 4",
    "header": "Any header field, its value from the environment or a file",
    "client-certificate": "TLS client certificate",
}
"""By the name that follows ``ua-auth:`` in a claim."""

_LISTING = "Each instance is what the payload lists it as, whatever the status."
_AGAIN = "The same body is sent again, jittered and later each time; Retry-After is obeyed."
_HALVED = (
    "A payload that lists instances is read. Without one the request is halved until the instance "
    "at fault stands alone."
)

KINDS = {
    FailureKind.TRANSIENT: ("A7xx; 0110H in a 503", "sent again, as for 503"),
    FailureKind.EXISTS: (
        "0111H, 45070",
        "success after an attempt that had no answer; otherwise a failure",
    ),
    FailureKind.TRANSFER_SYNTAX: (
        "C122H",
        "sent once more as Explicit VR Little Endian where no codec is needed",
    ),
    FailureKind.PERMANENT: ("all others", "a failure; not sent again"),
}
"""What becomes of an instance by its Failure Reason: the codes, and what is done."""


class UserAgent:
    """The tables, of one proof."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof

    def resources(self) -> str:
        """Table N.5-78."""
        rows = (
            (row.name, code("/studies" if row.name == "Studies" else "/studies/{study}"), use)
            for row, use in zip(STORE_RESOURCES, ("the default", "`--study`"), strict=True)
            if self.stores(row.name)
        )
        return table(("Resource", "Path", "Comments"), rows, none=_NOT_YET)

    def stores(self, resource: str) -> bool:
        """Whether it stores to a resource of Table 10.5.1-1."""
        return self._proof.shows(f"ua-resource:{resource.lower()}")

    def searches(self) -> bool:
        """Whether it searches for instances."""
        return self._proof.shows("ua-search:instances")

    def asks_capabilities(self) -> bool:
        """Whether it retrieves capabilities."""
        return self._proof.shows(f"ua-capabilities:{WADL}")

    def header_fields(self) -> str:
        """Table N.5-79."""
        rows = (
            (row.name, code(row.value), row.comments)
            for row in SENT_FIELDS
            if self._proof.shows(row.claim)
        )
        return table(("Header Field", "Values", "Comments"), rows, none=_NOT_YET)

    def status_codes(self) -> str:
        """Table N.7-95."""
        rows = (
            (status, shown, behaviour)
            for claim, status, shown, behaviour in _statuses()
            if self._proof.shows(f"ua-status:{claim}")
        )
        return table(("Status", "Code", "Behaviour"), rows, none=_NOT_YET)

    def reasons(self) -> str:
        """What is done by Failure Reason."""
        rows = (
            (codes, kind.value, done)
            for kind, (codes, done) in KINDS.items()
            if self._proof.shows(f"ua-reason:{kind.name.lower()}")
        )
        return table(("Failure Reason", "Read as", "What is done"), rows, none=_NOT_YET)

    def authentication(self) -> str:
        """How it authenticates."""
        told = [
            text for name, text in AUTHENTICATION.items() if self._proof.shows(f"ua-auth:{name}")
        ]
        return "\n".join(f"- {text}" for text in told) or f"*{_NOT_YET}*"

    def policies(self, *names: str) -> str:
        """Return the decisions as a list."""
        told = [UA_POLICIES[name] for name in names if self._proof.shows(f"ua-policy:{name}")]
        return "\n".join(f"- {sentence}" for sentence in told) or f"*{_NOT_YET}*"


def options() -> str:
    """The command's options, as its help has them."""

    def command(**given: object) -> None: ...

    typed: Callable[..., None] = command
    rows = []
    for one in click.command(send_options(typed)).params:
        if isinstance(one, click.Option):
            default = one.default if isinstance(one.default, str | int | float) else ""
            if isinstance(one.show_default, str):
                default = one.show_default
            if one.is_flag:
                default = "on" if one.default is True else "off"
            names = ", ".join(map(code, (*one.opts, *one.secondary_opts)))
            rows.append((names, default, one.help or ""))
    return table(("Option", "Default", "Meaning"), rows)


def _statuses() -> Iterator[tuple[str, str, str, str]]:
    """Yield what follows ``ua-status:``, the service status, the code and the behaviour."""
    nothing = " One that it leaves out is sent again, alone; a payload that lists none fails."
    yield "200", "Success", "200 (OK)", _LISTING + nothing
    yield "202", "Warning", "202 (Accepted)", _LISTING
    yield "2xx", "Success", "other 2xx", "As 200."
    for status in ("400", "409"):
        yield status, "Failure", _named(int(status)), _HALVED
    yield (
        "413",
        "Failure",
        _named(413),
        "The request is halved, and those after it are no larger than that, or than what passed "
        "before; an instance alone is a failure.",
    )
    for number in sorted(RETRIED_STATUSES):
        slower = " Half as many connections are used." if number in THROTTLING_STATUSES else ""
        yield str(number), "Failure", _named(number), _AGAIN + slower
    for number, words in sorted(REFUSED_BY_DESTINATION.items()):
        renewed = "Credentials are renewed once. Then: " if number == 401 else ""
        behaviour = f"{renewed}{words}: nothing more is sent, and what is left is kept."
        yield str(number), "Failure", _named(number), behaviour
    for number in (307, 308):
        yield str(number), "Redirection", _named(number), "Followed, with the same body."
    yield "3xx", "Redirection", "other 3xx", "Not followed: nothing more is sent."
    yield "other", "Failure", "Other Status Codes", "As 400."


def _named(number: int) -> str:
    return f"{number} ({_PHRASES.get(number) or HTTPStatus(number).phrase})"
