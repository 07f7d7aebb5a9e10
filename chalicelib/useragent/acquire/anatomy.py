"""Anatomic Region Sequence out of Body Part Examined (PS3.3 Table C.8-77)."""

from chalicelib.dicomweb.dataset import Dataset, Element, Value
from chalicelib.standard.anatomic_regions import ANATOMIC_REGIONS, CODING_SCHEME
from chalicelib.standard.created_iods import SETTABLE, VIDEO_PHOTOGRAPHIC
from chalicelib.useragent.acquire.errors import AcquireError, attribute

_BODY_PART = SETTABLE["BodyPartExamined"]


def code_item(code: str, scheme: str, meaning: str) -> Dataset:
    """Return the item of a code sequence (PS3.3 Table 8.8-1)."""
    return Dataset(
        [
            Element(0x00080100, "SH", "CodeValue", (code,)),
            Element(0x00080102, "SH", "CodingSchemeDesignator", (scheme,)),
            Element(0x00080104, "LO", "CodeMeaning", (meaning,)),
        ]
    )


def anatomic_region(body_part: tuple[Value, ...], sop_class: str) -> tuple[Value, ...]:
    """Return the item for a body part; none where it has no code and none is required.

    Raises
    ------
    AcquireError
        For a video without one: with several frames the sequence is of type 1.
    """
    region = ANATOMIC_REGIONS.get(str(body_part[0])) if body_part else None
    if region is not None:
        return (code_item(region.code, CODING_SCHEME, region.meaning),)
    if sop_class != VIDEO_PHOTOGRAPHIC:
        return ()
    named = attribute(_BODY_PART.keyword, _BODY_PART.tag)
    raise AcquireError(
        "A video needs Anatomic Region Sequence (0008,2218), which is made from "
        f"{named}: state one of {', '.join(ANATOMIC_REGIONS)}.",
        tag=_BODY_PART.tag,
    )


def is_unpaired(body_part: tuple[Value, ...]) -> bool:
    """Return whether a body is known to have one of it only: no Laterality then (PS3.3 C.7.3.1)."""
    region = ANATOMIC_REGIONS.get(str(body_part[0])) if body_part else None
    return region is not None and not region.is_paired
