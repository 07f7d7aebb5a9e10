"""The data dictionary's keyword of a tag (PS3.6): pydicom's table, loaded when first needed."""

from functools import lru_cache


@lru_cache(maxsize=8192)
def keyword_of(tag: int) -> str:
    """Return the keyword of a public tag, repeating groups too, "" where it is unknown."""
    from pydicom.datadict import keyword_for_tag

    return str(keyword_for_tag(tag))
