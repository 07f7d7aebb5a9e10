"""Bulkdata that are the value of an element as it stands: ``application/octet-stream``.

PS3.18 8.7.3.3.1: Little Endian, one part for each value. Documents have the type of their own
(PS3.18 10.5.1.4).
"""

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.bulkdata import Bulkdata
from chalicelib.dicomweb.dataset import Element
from chalicelib.dicomweb.dataset_writer import Buffer, EncodedValue, Path
from chalicelib.dicomweb.draft import Draft, mismatch
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.bulkdata_media_types import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    OCTET_STREAM,
)
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VRS

ENCAPSULATED_DOCUMENT, MIME_TYPE, DOCUMENT_LENGTH = 0x00420011, 0x00420012, 0x00420015
BULKDATA_VRS = frozenset(
    "DS FD FL IS LT OB OD OF OL OV OW SL SS ST SV UC UL UN US UT UV".split()  # noqa: SIM905
)
"""PS3.18 F.2.6: those that may be long."""


def value_of(element: Element, bulkdata: Bulkdata, path: Path) -> EncodedValue:
    """Return the value of an element, checked against its VR.

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH for another media type or a length or VR that does not fit.
    """
    where = tags.format_path(path, element.tag)
    content = single(element.tag, bulkdata)
    if bulkdata.media_type.name != OCTET_STREAM:
        raise _refused(where, f"has bulkdata of a media type that is not {OCTET_STREAM}")
    check_native_syntax(bulkdata, where)
    if element.vr not in BULKDATA_VRS:
        raise _refused(where, f"has VR {element.vr}, whose values are no bulkdata (PS3.18 F.2.6)")
    vr = VRS[element.vr]
    unit = 1 if vr.code in ("OB", "UN") else max(vr.unit, 1)
    if len(content) % unit:
        raise _refused(where, f"has {len(content)} bytes, no multiple of {unit}")
    if vr.multiple or vr.text:
        _check_text(content, where)
    return EncodedValue((content,), vr.code)


def check_native_syntax(bulkdata: Bulkdata, where: str) -> None:
    """Refuse octets whose parameter says that they are compressed (PS3.18 Table 8.7.3-4)."""
    stated = bulkdata.media_type.get("transfer-syntax")
    if stated not in (None, "*", EXPLICIT_VR_LITTLE_ENDIAN):
        raise InstanceError(
            FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED,
            f"{where} is {OCTET_STREAM} with a transfer-syntax that is not "
            f"{EXPLICIT_VR_LITTLE_ENDIAN} (PS3.18 Table 8.7.3-4).",
            tag_path=where,
        )


def single(tag: int, bulkdata: Bulkdata) -> Buffer:
    """Return the one part of a value.

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH for none or several.
    """
    if len(bulkdata.frames) != 1:
        raise mismatch(tag, f"is in {len(bulkdata.frames)} parts; it has to be in one")
    return bulkdata.frames[0]


def document_of(draft: Draft, bulkdata: Bulkdata) -> EncodedValue:
    """Return an encapsulated document and note its length (PS3.3 C.24.2).

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH when the part's media type is not that of (0042,0012), or another
        length is stated.
    """
    content = single(ENCAPSULATED_DOCUMENT, bulkdata)
    stated = draft.text(MIME_TYPE).partition(";")[0].strip(" ").lower()
    if not stated:
        raise mismatch(MIME_TYPE, "is missing or empty")
    if stated != bulkdata.media_type.name.lower():
        raise mismatch(MIME_TYPE, "is not the media type of the part (PS3.18 10.5.1.4)")
    note_document_length(draft, len(content))
    return EncodedValue((content,), "OB")


def note_document_length(draft: Draft, length: int) -> None:
    """Complete or check Encapsulated Document Length, without padding (PS3.3 C.24.2)."""
    stated = draft.number(DOCUMENT_LENGTH)
    if stated is None:
        draft.complete(DOCUMENT_LENGTH, "UL", length)
    elif stated not in (length, length + (length & 1)):
        raise mismatch(DOCUMENT_LENGTH, f"is {stated}, the document has {length} bytes")


def _check_text(content: Buffer, where: str) -> None:
    try:
        str(content, "utf-8")
    except UnicodeDecodeError:
        raise _refused(where, "is text and its bulkdata are not UTF-8") from None


def _refused(where: str, what: str) -> InstanceError:
    return InstanceError(FailureReason.DATA_SET_MISMATCH, f"{where} {what}.", tag_path=where)
