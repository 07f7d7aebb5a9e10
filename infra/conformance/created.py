"""The statement's Annex A.A: instances that the product creates (PS3.2 N.9), from its IODs."""

from collections.abc import Iterator, Sequence

from chalicelib.standard.created_iods import (
    CREATED_IODS,
    ENCAPSULATED_PDF,
    SECONDARY_CAPTURE,
    VIDEO_PHOTOGRAPHIC,
    VL_PHOTOGRAPHIC,
    CreatedIod,
)
from chalicelib.standard.created_modules import CreatedAttribute, CreatedModule, ValueSource
from chalicelib.useragent.acquire.kinds import Kind
from infra.conformance.markdown import code, table
from infra.conformance.proof import Proof

_PHOTOGRAPHS = (Kind.JPEG, Kind.PNG)
MADE_FROM: dict[str, tuple[Kind, ...]] = {
    VL_PHOTOGRAPHIC: _PHOTOGRAPHS,
    SECONDARY_CAPTURE: _PHOTOGRAPHS,
    VIDEO_PHOTOGRAPHIC: (Kind.MP4, Kind.MPEG2),
    ENCAPSULATED_PDF: (Kind.PDF,),
}


class Created:
    """The tables, of one proof: ``created:{uid}:{kind}``, the kind in lower case."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof

    def is_created(self, sop_class: str) -> bool:
        """Whether instances of a class are made of anything."""
        return bool(self._kinds(sop_class))

    def iods(self) -> str:
        """Return the IODs, what they are made from, and their modules."""
        rows = (
            (
                iod.name,
                code(iod.sop_class),
                iod.section,
                ", ".join(kind.value for kind in self._kinds(iod.sop_class)),
                ", ".join(module.name for module in iod.modules),
                ", ".join(f"{_name(iod, tag)} `{text}`" for tag, text in iod.defaults.items()),
            )
            for iod in self._iods()
        )
        header = ("IOD", "SOP Class UID", "Source", "Made from", "Modules", "When nobody says")
        return table(header, rows, none="None.")

    def attributes(self) -> str:
        """Return the attributes of the modules, each module once."""
        modules: dict[str, CreatedModule] = {}
        for iod in self._iods():
            modules |= {module.name: module for module in iod.modules if module.rows}
        header = ("Attribute", "Tag", "VR", "Type", "Attribute is", "Value is", "Source", "Values")
        return "\n\n".join(
            f"**{module.name}** ({module.table})\n\n{table(header, map(_row, module.rows))}"
            for module in modules.values()
        )

    def _iods(self) -> Iterator[CreatedIod]:
        return (iod for iod in CREATED_IODS.values() if self.is_created(iod.sop_class))

    def _kinds(self, sop_class: str) -> list[Kind]:
        return [
            kind
            for kind in MADE_FROM.get(sop_class, ())
            if self._proof.shows(f"created:{sop_class}:{kind.name.lower()}")
        ]


def _row(row: CreatedAttribute) -> Sequence[object]:
    tag = f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})"
    values = ", ".join(map(code, row.fixed or row.terms))
    return row.keyword, tag, row.vr, row.type, *_presence(row), row.source.value, values


def _presence(row: CreatedAttribute) -> tuple[str, str]:
    """Return presence of attribute and of value, in the words of PS3.2 N.9."""
    attribute = "ALWAYS" if row.type in ("1", "2") else "ANAP"
    if row.type.endswith("C") and row.is_due:
        attribute = "ALWAYS where due"
    if row.source is ValueSource.FIXED and not row.fixed:
        return attribute, "EMPTY"
    return attribute, "VNAP" if row.type.startswith("2") else "ALWAYS"


def _name(iod: CreatedIod, tag: int) -> str:
    return next(row.keyword for row in iod.rows() if row.tag == tag)
