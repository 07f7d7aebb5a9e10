"""The Store Instances Response Module in the form that was negotiated (PS3.18 10.5.3.3)."""

from collections.abc import Callable, Iterable, Iterator

from chalicelib.dicomweb.dataset import Dataset, Element
from chalicelib.dicomweb.dicom_json import encode_json_stream
from chalicelib.dicomweb.dicom_xml import encode_xml_stream
from chalicelib.dicomweb.negotiation import RESPONSE_BOUNDARY, ResponseFormat
from chalicelib.dicomweb.store_instances import RETRIEVE_URL, SEQUENCES, Outcome, item_of

_XML = (ResponseFormat.XML, ResponseFormat.MULTIPART_XML)

ReadOutcomes = Callable[[], Iterable[Outcome]]
"""Gives all outcomes in request order; called once for each sequence of the module."""


def encode_module(
    read_outcomes: ReadOutcomes, form: ResponseFormat, *, explain: bool = True
) -> Iterator[str]:
    """Yield the body: one JSON object or one XML document, framed when multipart was asked.

    Parameters
    ----------
    read_outcomes : callable
        Of one request; there may be more than memory holds.
    form : ResponseFormat
    explain : bool
        Add our private attributes to the items of failures.
    """
    encode = encode_xml_stream if form in _XML else encode_json_stream
    document = encode(Dataset([RETRIEVE_URL]), _sequences(read_outcomes, explain))
    if not form.is_multipart:
        yield from document
        return
    yield f"--{RESPONSE_BOUNDARY}\r\nContent-Type: {form.media_type}\r\n\r\n"
    yield from document
    yield f"\r\n--{RESPONSE_BOUNDARY}--\r\n"


def _sequences(
    read_outcomes: ReadOutcomes, explain: bool
) -> Iterator[tuple[Element, Iterator[Dataset]]]:
    for tag, keyword, kind in SEQUENCES:
        items = (item_of(one, explain=explain) for one in read_outcomes() if isinstance(one, kind))
        yield Element(tag, "SQ", keyword), items
