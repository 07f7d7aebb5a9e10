"""Media types of bulkdata in a Store Transaction (PS3.18 Tables 8.7.3-4, 8.7.3-5 and 10.5.2-1).

A row says what becomes of a part of that type and whether the origin server has to derive the
Image Pixel Description Macro from it. The builder of instances and the conformance statement read
this table. Documents have the type that their data set names and are rows by that rule.
"""

from dataclasses import dataclass
from enum import Enum

from chalicelib.standard.codestream_syntaxes import VIDEO, plain_video_syntax
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
OCTET_STREAM = "application/octet-stream"


class Treatment(Enum):
    """What the origin server does with a part (PS3.18 Table 10.5.2-1, column Requirement)."""

    NATIVE = "stored as the value it is"
    UNCHANGED = "Unchanged: encapsulated without decoding"
    TRANSFORM = "Transform: decoded to native pixel data"
    DOCUMENT = "stored as Encapsulated Document"


@dataclass(frozen=True, slots=True)
class BulkdataMediaType:
    """A row. Names are lower case, as they compare; ``display`` is the standard's spelling.

    ``derives_macro``: metadata may leave the Image Pixel Description Macro out. ``frames_apart``:
    each frame is a part of its own. ``transfer_syntaxes``: those an instance can get.
    """

    name: str
    display: str
    treatment: Treatment
    derives_macro: bool
    frames_apart: bool
    transfer_syntaxes: tuple[str, ...]
    source: str
    aliases: tuple[str, ...] = ()


_TABLE, _BULKDATA = "PS3.18 Table 10.5.2-1", "PS3.18 Table 8.7.3-5"
_NATIVE = (EXPLICIT_VR_LITTLE_ENDIAN,)


def _syntaxes(*media_types: str) -> tuple[str, ...]:
    """Return what an encapsulated stream can get; a video in one fragment is not fragmentable."""
    return tuple(
        uid
        for uid, row in TRANSFER_SYNTAXES.items()
        if row.media_type in media_types and (uid not in VIDEO or uid == plain_video_syntax(uid))
    )


def _image(
    name: str, source: str, *, derives: bool, like: str = "", aliases: tuple[str, ...] = ()
) -> BulkdataMediaType:
    syntaxes = _syntaxes(*(like or name).split())
    return BulkdataMediaType(
        name, name, Treatment.UNCHANGED, derives, True, syntaxes, source, aliases
    )


def _video(display: str, *media_types: str, aliases: tuple[str, ...] = ()) -> BulkdataMediaType:
    syntaxes = _syntaxes(*media_types)
    return BulkdataMediaType(
        display.lower(), display, Treatment.UNCHANGED, True, False, syntaxes, _TABLE, aliases
    )


def _transformed(name: str) -> BulkdataMediaType:
    return BulkdataMediaType(name, name, Treatment.TRANSFORM, True, False, _NATIVE, _TABLE)


BULKDATA_MEDIA_TYPES: tuple[BulkdataMediaType, ...] = (
    BulkdataMediaType(
        OCTET_STREAM,
        OCTET_STREAM,
        Treatment.NATIVE,
        False,
        False,
        _NATIVE,
        "PS3.18 Table 8.7.3-4",
    ),
    _image("image/jpeg", _TABLE, derives=True),
    # A Web client's .jp2 may hold Part 2, a .jpx Part 1: the codestream decides.
    _image("image/jp2", _TABLE, derives=True, like="image/jp2 image/jpx"),
    _image("image/jpx", _TABLE, derives=True, like="image/jp2 image/jpx"),
    _image("image/jph", _TABLE, derives=True, like="image/jphc"),
    _image("image/jphc", _BULKDATA, derives=False),
    _image("image/jxl", _TABLE, derives=True),
    _image("image/jls", _BULKDATA, derives=False, aliases=("image/x-jls",)),
    _image("image/dicom-rle", _BULKDATA, derives=False, aliases=("image/x-dicom-rle",)),
    _video("video/mpeg", "video/mpeg", aliases=("video/mpeg2",)),
    # HEVC travels as video/mp4 too: an MP4 says which of the two it holds.
    _video("video/mp4", "video/mp4", "video/H265"),
    _video("video/H265", "video/H265"),
    _transformed("image/gif"),
    _transformed("image/png"),
)

_BY_NAME: dict[str, BulkdataMediaType] = {
    name: row for row in BULKDATA_MEDIA_TYPES for name in (row.name, *row.aliases)
}


def bulkdata_media_type(name: str) -> BulkdataMediaType | None:
    """Return the row of a media type or alias, in any letter case, None when there is none."""
    return _BY_NAME.get(name.lower())


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A document that an Encapsulated Document SOP Class names (PS3.3 A.45, C.24.2)."""

    media_type: str
    description: str
    source: str


DOCUMENT_TYPES: tuple[DocumentType, ...] = (
    DocumentType("application/pdf", "PDF", "PS3.3 A.45.1"),
    DocumentType("text/xml", "CDA", "PS3.3 A.45.2"),
    DocumentType("model/stl", "STL", "PS3.3 A.85.1"),
    DocumentType("model/obj", "OBJ", "PS3.3 A.85.2"),
    DocumentType("model/mtl", "MTL", "PS3.3 A.85.3"),
)
"""Known by name; any other type is stored alike when (0042,0012) names it."""
