"""What a server says of its limits (Retrieve Capabilities, PS3.18 8.9), where it says anything.

The standard has no place for limits; services of this project name theirs in ``doc`` elements
``Limit max_parts`` and so on, and any other server that does is understood too.
"""

from collections.abc import Mapping
from xml.etree import ElementTree

from chalicelib.dicomweb.wadl import NAMESPACE
from chalicelib.standard.capabilities import WADL
from chalicelib.useragent.destination import Destination
from chalicelib.useragent.errors import DestinationError, TransportError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.transport import OutgoingRequest

_TITLE = "Limit "
_MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


def read_limits(exchange: Exchange, destination: Destination) -> Mapping[str, int]:
    """Return limits by name, nothing where the server has no capabilities to tell."""
    request = OutgoingRequest("OPTIONS", destination.store_url, (("Accept", WADL),))
    try:
        response = exchange.send(request)
    except (TransportError, DestinationError):
        return {}
    return parse_limits(response.body) if response.status == 200 else {}


def parse_limits(document: bytes) -> Mapping[str, int]:
    """Return the limits of a WADL document."""
    if len(document) > _MAX_DOCUMENT_BYTES or b"<!DOCTYPE" in document or b"\0" in document:
        return {}
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return {}
    limits = {}
    for doc in root.iter(f"{{{NAMESPACE}}}doc"):
        title, number = doc.get("title", ""), (doc.text or "").partition(":")[0].strip()
        if title.startswith(_TITLE) and number.isdecimal() and len(number) < 16:
            limits[title.removeprefix(_TITLE)] = int(number)
    return limits


def apply_limits(named: Mapping[str, int], limits: BatchLimits) -> None:
    """Let batches keep to what the server says."""
    if named.get("max_parts"):
        limits.lower_parts(named["max_parts"])
    if named.get("max_body_bytes"):
        limits.lower_bytes(named["max_body_bytes"])
