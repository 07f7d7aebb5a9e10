"""What the preparation of every kind of file returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.dicomweb.dataset import Value


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file ready to be the bulkdata of an instance.

    Attributes
    ----------
    sop_class : str
    media_type : str
        Of ``content``.
    content : bytes
        What goes into Pixel Data or Encapsulated Document.
    values : mapping of int to tuple
        What the file tells of the instance, by tag.
    hints : mapping of int to str
        What it tells that a user may state otherwise, by tag.
    treatment : str
        What was done to the pixels on request, "" for nothing: another instance then.
    notes : tuple of str
        Sentences for the user; no values in them.
    """

    sop_class: str
    media_type: str
    content: bytes = field(repr=False)
    values: Mapping[int, tuple[Value, ...]] = field(default_factory=dict, repr=False)
    hints: Mapping[int, str] = field(default_factory=dict, repr=False)
    treatment: str = ""
    notes: tuple[str, ...] = ()
