"""Judges the description of pixels, and native pixel data by their length.

PS3.3 C.7.6.3, PS3.5 8.1 and 8.2.
"""

from dataclasses import dataclass

from chalicelib.dicomweb import tags
from chalicelib.origin.validate.findings import Findings
from chalicelib.origin.validate.kept import (
    DOUBLE_FLOAT_PIXEL_DATA,
    EXTENDED_OFFSET_TABLE,
    FLOAT_PIXEL_DATA,
    LOSSY_IMAGE_COMPRESSION,
    NUMBER_OF_FRAMES,
    PALETTE_DESCRIPTORS,
    PALETTE_TABLES,
    PALETTE_UID,
    PIXEL_DATA_PROVIDER_URL,
    PLANAR_CONFIGURATION,
    Kept,
    KeptElements,
)
from chalicelib.standard.common_modules import (
    FLOAT_PIXEL_ATTRIBUTES,
    PHOTOMETRIC_INTERPRETATIONS,
    PIXEL_ATTRIBUTES,
    SAMPLES_KEPT_OF_A_PIXEL,
)

_SAMPLES, _PHOTOMETRIC, _ROWS, _COLUMNS = 0x00280002, 0x00280004, 0x00280010, 0x00280011
_ALLOCATED, _STORED, _HIGH_BIT, _REPRESENTATION = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_FLOAT_BITS = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}
_PIXEL_DATA = (tags.PIXEL_DATA, *_FLOAT_BITS)


@dataclass(frozen=True, slots=True)
class Description:
    """The attributes that describe pixels; None where absent or unreadable.

    ``photometric`` is "" unless it is a defined term; ``frames`` is 1 unless told otherwise.
    """

    rows: int | None
    columns: int | None
    samples: int | None
    photometric: str
    allocated: int | None
    stored: int | None
    high_bit: int | None
    representation: int | None
    frames: int

    def frame_bits(self) -> int | None:
        """Return the bits of one native frame, None where an attribute for it lacks."""
        if not self.rows or not self.columns or not self.samples or not self.allocated:
            return None
        kept = SAMPLES_KEPT_OF_A_PIXEL.get(self.photometric, self.samples)
        return self.rows * self.columns * kept * self.allocated


def describe(kept: KeptElements) -> Description:
    """Return what the top-level attributes say of the pixels."""
    photometric = kept.text(_PHOTOMETRIC)
    frames = kept.number(NUMBER_OF_FRAMES)
    return Description(
        rows=kept.number(_ROWS),
        columns=kept.number(_COLUMNS),
        samples=kept.number(_SAMPLES),
        photometric=photometric if photometric in PHOTOMETRIC_INTERPRETATIONS else "",
        allocated=kept.number(_ALLOCATED),
        stored=kept.number(_STORED),
        high_bit=kept.number(_HIGH_BIT),
        representation=kept.number(_REPRESENTATION),
        frames=frames if frames is not None and frames > 0 else 1,
    )


def judge_description(kept: KeptElements, found: Description, findings: Findings) -> None:
    """Judge the attributes that describe pixels, among themselves."""
    if not kept.has(*_PIXEL_DATA):
        _judge_absence(kept, findings)
        return
    rows = PIXEL_ATTRIBUTES if kept.has(tags.PIXEL_DATA) else FLOAT_PIXEL_ATTRIBUTES
    for row in rows:
        if not kept.has_value(row.tag):
            path = tags.format_tag(row.tag)
            detail = f"{path} {row.name} is missing or empty; there are pixels ({row.source})."
            findings.add("pixel-attribute-missing", path, detail)
    if kept.has_value(NUMBER_OF_FRAMES) and (kept.number(NUMBER_OF_FRAMES) or 0) < 1:
        path = tags.format_tag(NUMBER_OF_FRAMES)
        findings.add("number-of-frames-invalid", path, f"{path} is no number above 0.")
    _judge_extent(found, findings)
    _judge_bits(found, findings)
    _judge_colour(kept, found, findings)


def _judge_absence(kept: KeptElements, findings: Findings) -> None:
    """Judge an object without pixels: only images have all of the attributes looked for."""
    is_described = all(kept.has_value(tag) for tag in (_ROWS, _PHOTOMETRIC, _ALLOCATED))
    if is_described and not kept.has(PIXEL_DATA_PROVIDER_URL):
        path = tags.format_tag(tags.PIXEL_DATA)
        detail = f"{path} is missing; {tags.format_tag(_ROWS)} and others describe pixels."
        findings.add("pixel-data-missing", path, detail)


def _judge_extent(found: Description, findings: Findings) -> None:
    for tag, value in (
        (_ROWS, found.rows),
        (_COLUMNS, found.columns),
        (_SAMPLES, found.samples),
        (_ALLOCATED, found.allocated),
    ):
        if value == 0:
            path = tags.format_tag(tag)
            findings.add("pixel-attribute-impossible", path, f"{path} is 0.")


def _judge_bits(found: Description, findings: Findings) -> None:
    allocated, stored = found.allocated, found.stored
    path = tags.format_tag(_ALLOCATED)
    if allocated and allocated != 1 and allocated % 8:
        detail = f"{path} is {allocated}, neither 1 nor a multiple of 8 (PS3.5 8.1.1)."
        findings.add("pixel-attribute-unusual", path, detail)
    path = tags.format_tag(_STORED)
    if allocated and stored is not None and not 1 <= stored <= allocated:
        detail = f"{path} is {stored} where {allocated} bits are allocated."
        findings.add("pixel-attribute-impossible", path, detail)
    elif stored and found.high_bit is not None and found.high_bit != stored - 1:
        path = tags.format_tag(_HIGH_BIT)
        detail = f"{path} is {found.high_bit}; it shall be one less than Bits Stored, {stored}."
        findings.add("pixel-attribute-unusual", path, detail)
    if found.representation is not None and found.representation > 1:
        path = tags.format_tag(_REPRESENTATION)
        findings.add("pixel-attribute-unusual", path, f"{path} is neither 0 nor 1.")


def _judge_colour(kept: KeptElements, found: Description, findings: Findings) -> None:
    path = tags.format_tag(_PHOTOMETRIC)
    if kept.has_value(_PHOTOMETRIC) and not found.photometric:
        findings.add("photometric-unknown", path, f"{path} is no defined term.")
        return
    samples = PHOTOMETRIC_INTERPRETATIONS.get(found.photometric)
    if samples and found.samples and samples != found.samples:
        detail = f"{path} is {found.photometric}, {samples} samples; there are {found.samples}."
        findings.add("pixel-attribute-impossible", tags.format_tag(_SAMPLES), detail)
    if found.photometric == "PALETTE COLOR" and not _has_palette(kept):
        detail = f"{path} is PALETTE COLOR; a lookup table or its descriptor is missing."
        findings.add("palette-missing", path, detail)
    if (found.samples or 0) > 1 and not kept.has_value(PLANAR_CONFIGURATION):
        path = tags.format_tag(PLANAR_CONFIGURATION)
        detail = f"{path} is missing; it is required where there are {found.samples} samples."
        findings.add("planar-configuration-missing", path, detail)


def _has_palette(kept: KeptElements) -> bool:
    described = all(kept.has_value(tag) for tag in PALETTE_DESCRIPTORS)
    has_tables = all(any(kept.has_value(tag) for tag in pair) for pair in PALETTE_TABLES)
    return (described and has_tables) or kept.has_value(PALETTE_UID)


def judge_native(kept: KeptElements, found: Description, findings: Findings) -> None:
    """Judge native pixel data of the top level by their length (PS3.5 8.1.1 and A.1 to A.3)."""
    for tag in _PIXEL_DATA:
        element = kept.get(tag)
        if element is None:
            continue
        bits = found.frame_bits()
        allocated = _FLOAT_BITS.get(tag, found.allocated)
        if bits is not None and allocated == found.allocated:
            _judge_length(tag, element, found, bits, findings)
        if tag == tags.PIXEL_DATA and element.vr == "OB" and (found.allocated or 0) > 8:
            path = tags.format_tag(tag)
            detail = f"{path} has VR OB with {found.allocated} bits allocated; it shall be OW."
            findings.add("pixel-data-vr", path, detail)
    if kept.has(EXTENDED_OFFSET_TABLE):
        path = tags.format_tag(EXTENDED_OFFSET_TABLE)
        detail = f"{path} is there and pixel data are not encapsulated."
        findings.add("extended-offsets-misplaced", path, detail)


def _judge_length(
    tag: int, element: Kept, found: Description, frame_bits: int, findings: Findings
) -> None:
    needed = -(-frame_bits * found.frames // 8)
    path = tags.format_tag(tag)
    reckoned = (
        f"{found.rows} x {found.columns} x {found.samples} samples x {found.allocated} bits x "
        f"{found.frames} frames ({found.photometric or 'unknown colour'}) take {needed}"
    )
    if element.length < needed:
        findings.add("pixel-data-short", path, f"{path} has {element.length} bytes; {reckoned}.")
    elif element.length > needed + (needed & 1):
        findings.add("pixel-data-long", path, f"{path} has {element.length} bytes; {reckoned}.")


def judge_lossy(kept: KeptElements, is_lossy: bool, findings: Findings) -> None:
    """Judge Lossy Image Compression by what is known of the codestream."""
    told = kept.text(LOSSY_IMAGE_COMPRESSION)
    if not is_lossy or told == "01":
        return
    path = tags.format_tag(LOSSY_IMAGE_COMPRESSION)
    if told == "00":
        findings.add("lossy-denied", path, f"{path} is 00; pixel data are lossy.")
    else:
        detail = f"{path} is missing or neither 00 nor 01; pixel data are lossy."
        findings.add("lossy-undeclared", path, detail)
