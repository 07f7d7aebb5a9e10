"""Original Attributes Sequence (PS3.3 C.12.1.1.9, PS3.18 10.5.2): what coerced attributes were."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.dicomweb.dataset import Dataset, Element
from chalicelib.dicomweb.draft import Draft, mismatch

ORIGINAL_ATTRIBUTES_SEQUENCE = 0x04000561
ATTRIBUTE_MODIFICATION_DATETIME = 0x04000562
MODIFYING_SYSTEM = "STOWAGE"
_MODIFIED_ATTRIBUTES_SEQUENCE = 0x04000550


def original_attributes(before: Iterable[Element], now: datetime) -> Dataset:
    """Return an item of the sequence.

    Parameters
    ----------
    before : iterable of Element
        The coerced elements as they were, of zero length where they were absent.
    now : datetime
        When they were coerced.
    """
    return Dataset(
        [
            Element(
                _MODIFIED_ATTRIBUTES_SEQUENCE,
                "SQ",
                "ModifiedAttributesSequence",
                (Dataset(before),),
            ),
            Element(
                ATTRIBUTE_MODIFICATION_DATETIME,
                "DT",
                "AttributeModificationDateTime",
                (now.strftime("%Y%m%d%H%M%S.%f%z"),),
            ),
            Element(0x04000563, "LO", "ModifyingSystem", (MODIFYING_SYSTEM,)),
            Element(0x04000564, "LO", "SourceOfPreviousValues"),
            Element(0x04000565, "CS", "ReasonForTheAttributeModification", ("COERCE",)),
        ]
    )


def append_original_attributes(draft: Draft, now: datetime) -> Dataset | None:
    """Append an item for what the draft coerced, and return it; None where nothing was.

    Items that are there already stay (C.12.1.1.9).
    """
    if not draft.coerced:
        return None
    existing = draft.get(ORIGINAL_ATTRIBUTES_SEQUENCE)
    if existing is not None and existing.vr != "SQ":
        raise mismatch(ORIGINAL_ATTRIBUTES_SEQUENCE, "is no sequence")
    item = original_attributes(draft.coerced.values(), now)
    draft.put(
        Element(
            ORIGINAL_ATTRIBUTES_SEQUENCE,
            "SQ",
            "OriginalAttributesSequence",
            (*(existing.values if existing is not None else ()), item),
        )
    )
    return item
