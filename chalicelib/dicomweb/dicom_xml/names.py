"""Names of the Native DICOM Model (PS3.19 A.1.5, A.1.6): which element holds which, and what."""

from dataclasses import dataclass

from chalicelib.dicomweb.metadata_values import NAME_GROUPS

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"


@dataclass(frozen=True, slots=True)
class Name:
    """A row: the elements and the attributes an element may have, and whether it holds text."""

    children: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    text: bool = False


NAME_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

_NUMBER = frozenset({"number"})
_TEXT = Name(text=True)

NAMES: dict[str, Name] = {
    "": Name(frozenset({"NativeDicomModel"})),
    "NativeDicomModel": Name(frozenset({"DicomAttribute"})),
    "DicomAttribute": Name(
        frozenset({"Value", "Item", "PersonName", "BulkData", "InlineBinary"}),
        frozenset({"tag", "vr", "keyword", "privateCreator"}),
    ),
    "Value": Name(attributes=_NUMBER, text=True),
    "Item": Name(frozenset({"DicomAttribute"}), _NUMBER),
    "PersonName": Name(frozenset(NAME_GROUPS), _NUMBER),
    "BulkData": Name(attributes=frozenset({"uri", "uuid"})),
    "InlineBinary": _TEXT,
    **dict.fromkeys(NAME_GROUPS, Name(frozenset(NAME_COMPONENTS))),
    **dict.fromkeys(NAME_COMPONENTS, _TEXT),
}
"""By local name; "" is the document."""
