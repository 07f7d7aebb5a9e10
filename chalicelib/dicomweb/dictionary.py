"""The data dictionary's VR of a tag (PS3.6): pydicom's table, loaded when first needed.

Importing pydicom takes longer than answering a request, and an explicit VR file needs none of it.
"""

from functools import cache


@cache
def _vrs() -> dict[int, str]:
    from pydicom.datadict import DicomDictionary

    return {tag: row[0] for tag, row in DicomDictionary.items() if len(row[0]) == 2}


def dictionary_vr(tag: int) -> str:
    """Return the VR of a public tag, "" where the tag is unknown or has one of several."""
    return _vrs().get(tag, "")
