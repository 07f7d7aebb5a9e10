"""The Store Instances Response Module in the form that was negotiated (PS3.18 10.5.3.3)."""

from chalicelib.dicomweb.dataset import Dataset
from chalicelib.dicomweb.dicom_json import encode_json
from chalicelib.dicomweb.dicom_xml import encode_xml
from chalicelib.dicomweb.negotiation import RESPONSE_BOUNDARY, ResponseFormat

_XML = (ResponseFormat.XML, ResponseFormat.MULTIPART_XML)


def encode_module(module: Dataset, form: ResponseFormat) -> str:
    """Return the body: one JSON object or one XML document, framed when multipart was asked."""
    document = encode_xml(module) if form in _XML else encode_json(module)
    if not form.is_multipart:
        return document
    return (
        f"--{RESPONSE_BOUNDARY}\r\nContent-Type: {form.media_type}\r\n\r\n"
        f"{document}\r\n--{RESPONSE_BOUNDARY}--\r\n"
    )
