"""Instances this product creates from photographs, videos and documents (PS3.3 Annex A).

An IOD is its modules, and defaults for when nobody gives a value. The composer reads these rows,
the command line offers the settable ones, and the conformance statement prints them (PS3.2 N.9).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from chalicelib.standard.created_modules import (
    ACQUISITION_CONTEXT,
    CINE,
    ENCAPSULATED_DOCUMENT,
    ENCAPSULATED_DOCUMENT_SERIES,
    GENERAL_ACQUISITION,
    GENERAL_EQUIPMENT,
    GENERAL_IMAGE,
    GENERAL_SERIES,
    GENERAL_STUDY,
    ICC_PROFILE,
    IMAGE_PIXEL,
    MULTI_FRAME,
    PATIENT,
    SC_EQUIPMENT,
    SC_IMAGE,
    SOP_COMMON,
    VL_IMAGE,
    CreatedAttribute,
    CreatedModule,
    Entity,
)

VL_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
VIDEO_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"


@dataclass(frozen=True, slots=True)
class CreatedIod:
    """An IOD. ``defaults`` are values of settable attributes for when nobody gives any."""

    sop_class: str
    name: str
    section: str
    modules: tuple[CreatedModule, ...]
    defaults: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))

    def rows(self) -> Iterator[CreatedAttribute]:
        """Yield each attribute once, by the strictest type its modules give it, by tag."""
        strictest: dict[int, CreatedAttribute] = {}
        for module in self.modules:
            for row in module.rows:
                known = strictest.get(row.tag)
                if known is None or row.type < known.type:
                    strictest[row.tag] = row
        return iter([strictest[tag] for tag in sorted(strictest)])

    def series_tags(self) -> frozenset[int]:
        """Return the tags of what all instances of a series share, its UID apart."""
        return frozenset(
            row.tag
            for module in self.modules
            if module.entity is Entity.SERIES
            for row in module.rows
            if row.vr != "UI"
        )


_MODALITY, _CONVERSION_TYPE, _BURNED_IN = 0x00080060, 0x00080064, 0x00280301
_SERIES_NUMBER, _INSTANCE_NUMBER, _VERIFICATION = 0x00200011, 0x00200013, 0x0040A493
_COMMON = (PATIENT, GENERAL_STUDY)
_VISIBLE_LIGHT = (
    *_COMMON,
    GENERAL_SERIES,
    GENERAL_EQUIPMENT,
    GENERAL_ACQUISITION,
    GENERAL_IMAGE,
    IMAGE_PIXEL,
    ACQUISITION_CONTEXT,
    VL_IMAGE,
    ICC_PROFILE,
    SOP_COMMON,
)

_ROWS = (
    CreatedIod(
        VL_PHOTOGRAPHIC,
        "VL Photographic Image",
        "PS3.3 A.32.4",
        _VISIBLE_LIGHT,
        MappingProxyType({_MODALITY: "XC"}),
    ),
    CreatedIod(
        SECONDARY_CAPTURE,
        "Secondary Capture Image",
        "PS3.3 A.8.1",
        (
            *_COMMON,
            GENERAL_SERIES,
            GENERAL_EQUIPMENT,
            SC_EQUIPMENT,
            GENERAL_ACQUISITION,
            GENERAL_IMAGE,
            IMAGE_PIXEL,
            SC_IMAGE,
            ICC_PROFILE,
            SOP_COMMON,
        ),
        MappingProxyType({_MODALITY: "OT", _CONVERSION_TYPE: "DI"}),
    ),
    CreatedIod(
        VIDEO_PHOTOGRAPHIC,
        "Video Photographic Image",
        "PS3.3 A.32.7",
        (*_VISIBLE_LIGHT, CINE, MULTI_FRAME),
        MappingProxyType({_MODALITY: "XC"}),
    ),
    CreatedIod(
        ENCAPSULATED_PDF,
        "Encapsulated PDF",
        "PS3.3 A.45.1",
        (
            *_COMMON,
            ENCAPSULATED_DOCUMENT_SERIES,
            GENERAL_EQUIPMENT,
            SC_EQUIPMENT,
            ENCAPSULATED_DOCUMENT,
            SOP_COMMON,
        ),
        MappingProxyType(
            {
                _MODALITY: "DOC",
                _CONVERSION_TYPE: "WSD",
                _BURNED_IN: "YES",
                _SERIES_NUMBER: "1",
                _INSTANCE_NUMBER: "1",
                _VERIFICATION: "UNVERIFIED",
            }
        ),
    ),
)

CREATED_IODS: dict[str, CreatedIod] = {row.sop_class: row for row in _ROWS}
SETTABLE: dict[str, CreatedAttribute] = {
    row.keyword: row for iod in _ROWS for row in iod.rows() if row.source.is_settable
}
"""What a user may state, by keyword."""

OF_ENTITY: dict[int, Entity] = {
    row.tag: module.entity for iod in _ROWS for module in iod.modules for row in module.rows
}
