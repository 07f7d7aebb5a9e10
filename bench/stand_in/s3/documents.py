"""The XML that S3 speaks, and a call with its address taken apart; no state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from bench.stand_in.values import AwsError, Request, Response

XML = {"Content-Type": "application/xml"}
LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"
LAST_MODIFIED_XML = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as S3 reads it.

    Attributes
    ----------
    bucket, key : str
        The address, free of percent-encoding; an empty key means the bucket.
    query : mapping
        One value for each name.
    """

    request: Request
    bucket: str
    key: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, request: Request) -> "Call":
        """Read the target."""
        path, _, query = request.target.partition("?")
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        pairs = parse_qsl(query, keep_blank_values=True) if query else ()
        return cls(request, bucket, key, dict(pairs))

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name."""
        return self.request.headers.get(name)

    def number(self, name: str, default: int) -> int:
        """Return a number of the query. Raises AwsError 400 for anything else."""
        try:
            return int(self.query.get(name, default))
        except ValueError:
            raise AwsError(400, "InvalidArgument", f"{name} must be a number.") from None


def element(name: str, value: object) -> str:
    """Return an element with text in it."""
    return f"<{name}>{escape(str(value))}</{name}>"


def group(name: str, elements: Iterable[str]) -> str:
    """Return an element with elements in it."""
    return f"<{name}>{''.join(elements)}</{name}>"


def document(name: str, *elements: str) -> Response:
    """Return an answer of one XML document."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{group(name, elements)}'
    return Response(200, body.encode(), XML)


def encode_error(error: AwsError) -> Response:
    """Return S3's XML form of a refusal."""
    found = document("Error", element("Code", error.code), element("Message", error.message))
    return Response(error.status, found.body, XML)


def entries(body: bytes, name: str) -> list[dict[str, str]]:
    """Return the children of the root that have this name, as text by the name of a grandchild.

    Raises
    ------
    AwsError
        MalformedXML.
    """
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise malformed() from None
    return [
        {_local(member.tag): member.text or "" for member in entry}
        for entry in root
        if _local(entry.tag) == name
    ]


def malformed() -> AwsError:
    """Return the refusal of a document."""
    message = "The XML you provided was not well-formed or did not validate."
    return AwsError(400, "MalformedXML", message)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
