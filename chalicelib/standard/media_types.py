"""Media types of a Store Transaction's request and response (PS3.18 8.7 and 10.5.4).

Names are lower case and bare; ``multipart`` says that the type stands as the ``type`` parameter of
``multipart/related``. The parser, the negotiation and the conformance statement read these rows.
"""

from dataclasses import dataclass
from enum import Enum

from chalicelib.standard.bulkdata_media_types import BULKDATA_MEDIA_TYPES

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
MULTIPART_RELATED = "multipart/related"


class PayloadFamily(Enum):
    """What a Store request's payload is made of (PS3.18 10.5.1.4)."""

    INSTANCES = "PS3.10 instances"
    METADATA = "metadata with bulkdata"


@dataclass(frozen=True, slots=True)
class RequestType:
    """A payload that the origin server reads."""

    media_type: str
    multipart: bool
    family: PayloadFamily
    source: str

    @property
    def text(self) -> str:
        """The media type as a Content-Type shows it, without its boundary."""
        return (
            f'{MULTIPART_RELATED}; type="{self.media_type}"' if self.multipart else self.media_type
        )


@dataclass(frozen=True, slots=True)
class ResponseType:
    """A form of the Store Instances Response Module, the preferred row first."""

    media_type: str
    multipart: bool
    source: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A name in an Accept header that is read as another."""

    name: str
    media_type: str
    source: str


@dataclass(frozen=True, slots=True)
class RenderedType:
    """A consumer format that may not be asked for beside a DICOM media type."""

    media_type: str
    source: str


REQUEST_TYPES = (
    RequestType(DICOM, True, PayloadFamily.INSTANCES, "PS3.18 Table 10.5.4-1"),
    RequestType(DICOM, False, PayloadFamily.INSTANCES, "PS3.18 10.5.1 grammar"),
    RequestType(DICOM_JSON, True, PayloadFamily.METADATA, "PS3.18 Table 10.5.4-1"),
    RequestType(DICOM_XML, True, PayloadFamily.METADATA, "PS3.18 Table 10.5.4-1"),
    RequestType(DICOM_JSON, False, PayloadFamily.METADATA, "PS3.18 10.5.1 grammar; no bulkdata"),
    RequestType(DICOM_XML, False, PayloadFamily.METADATA, "PS3.18 10.5.1 grammar; no bulkdata"),
    # Rows of PS3.2 Tables N.5-79 and N.5-81: such a message is read when its root is metadata.
    *(
        RequestType(name, True, PayloadFamily.METADATA, "PS3.18 Table 10.5.4-1; PS3.2 Table N.5-81")
        for row in BULKDATA_MEDIA_TYPES
        for name in (row.name, *row.aliases)
    ),
)

RESPONSE_TYPES = (
    ResponseType(DICOM_JSON, False, "PS3.18 Table 8.7.3-3, 10.4.4 note 1"),
    ResponseType(DICOM_XML, False, "PS3.18 Table 8.7.3-3, Annex I.3"),
    ResponseType(DICOM_JSON, True, "PS3.18 Table 10.5.4-1"),
    ResponseType(DICOM_XML, True, "PS3.18 Table 10.5.4-1"),
)

ALIASES = (
    Alias("application/json", DICOM_JSON, "RFC 8259 11; general HTTP clients"),
    Alias("application/xml", DICOM_XML, "RFC 7303 9.1; general HTTP clients"),
    Alias("text/xml", DICOM_XML, "RFC 7303 9.2; general HTTP clients"),
)

# text/xml is a row of Table 8.7.4-1 too; a Store response renders nothing, so here it is the alias.
RENDERED_TYPES = tuple(
    RenderedType(name, "PS3.18 Table 8.7.4-1")
    for name in (
        "image/jpeg",
        "image/gif",
        "image/png",
        "image/jp2",
        "image/jph",
        "video/mpeg",
        "video/mp4",
        "video/h265",
        "text/html",
        "text/plain",
        "text/rtf",
        "application/pdf",
    )
)
