"""Native pixel data against what describes them, and the description itself."""

from struct import pack

import pytest

from tests.builders_dicom import (
    BIG,
    IMPLICIT,
    PIXEL_DATA,
    element,
    fragments,
    item,
    make_file,
    sequence,
)
from tests.unit.origin.validate.samples import (
    ALLOCATED,
    FRAMES,
    JPEG_FRAME,
    PER_PIXEL,
    PHOTOMETRIC,
    ROWS,
    SIGN,
    STORED,
    UIDS,
    FileParts,
    cs,
    described,
    good,
    jpeg,
    rules_of,
    us,
)

PALETTE = tuple(
    element(tag + number, vr, value)
    for tag, vr, value in ((0x00281101, "US", bytes(6)), (0x00281201, "OW", bytes(512)))
    for number in range(3)
)


def native(length: int, *changed: bytes) -> FileParts:
    return good(element(PIXEL_DATA, "OW", bytes(length)), *changed)


def ybr(name: bytes) -> bytes:
    return cs(PHOTOMETRIC, name)


@pytest.mark.parametrize(
    ("length", "changed"),
    [
        (32, described(bits=16)),
        (16, (*described(bits=1), us(ROWS, 32))),
        (4, (*described(rows=3, columns=3, bits=1), element(FRAMES, "IS", b"3 "))),
        (10, described(rows=3, columns=3)),
        (48, described(samples=3)),
        (32, (*described(samples=3), ybr(b"YBR_FULL_422"))),
        (48, (*described(samples=3), ybr(b"YBR_FULL"))),
        (32, (element(FRAMES, "IS", b"2 "),)),
        (16, (element(FRAMES, "IS"),)),
    ],
)
def test_native_pixels_of_the_right_length_have_no_finding(
    length: int, changed: tuple[bytes, ...]
) -> None:
    assert rules_of(native(length, *changed)) == set()
    assert rules_of(native(length - 2, *changed)) == {"pixel-data-short"}
    assert rules_of(native(length + 2, *changed)) == {"pixel-data-long"}


@pytest.mark.parametrize(
    ("changed", "rules"),
    [
        ((us(ROWS, 0),), {"pixel-attribute-impossible"}),
        ((us(PER_PIXEL, 3),), {"pixel-attribute-impossible", "planar-configuration-missing"}),
        ((us(ALLOCATED, 12),), {"pixel-attribute-unusual", "pixel-data-short"}),
        ((us(SIGN, 2),), {"pixel-attribute-unusual"}),
        ((us(STORED, 0),), {"pixel-attribute-impossible"}),
        ((element(ROWS, "US"),), {"pixel-attribute-missing"}),
        ((element(ROWS, "UN", b"\4\0"),), {"vr-un"}),
        ((element(FRAMES, "UN", b"1 "),), {"vr-un"}),
        ((element(FRAMES, "IS", b"+-"),), {"value-grammar", "number-of-frames-invalid"}),
        ((element(FRAMES, "IS", b"+-1 "),), {"value-grammar", "number-of-frames-invalid"}),
        ((element(FRAMES, "IS", b"many"),), {"value-grammar", "number-of-frames-invalid"}),
        ((cs(PHOTOMETRIC, b"PALETTE COLOR"), *PALETTE), set()),
    ],
)
def test_attributes_of_pixels_are_judged_among_themselves(
    changed: tuple[bytes, ...], rules: set[str]
) -> None:
    found = rules_of(good(*changed))
    assert found - {"pixel-data-short"} == rules - {"pixel-data-short"}


@pytest.mark.parametrize(("tag", "vr", "bits"), [(0x7FE00008, "OF", 32), (0x7FE00009, "OD", 64)])
def test_float_pixels_are_judged_by_their_length(tag: int, vr: str, bits: int) -> None:
    right = good(PIXEL_DATA, us(ALLOCATED, bits), element(tag, vr, bytes(2 * bits)))
    assert rules_of(right) == set()
    wrong = right.with_elements(element(tag, vr, bytes(bits)))
    assert rules_of(wrong) == {"pixel-data-short"}


def test_big_endian_numbers_are_read_as_such() -> None:
    parts = make_file(UIDS, encoding=BIG)
    assert rules_of(parts) == {"transfer-syntax-tolerated", "attribute-missing"}


def test_fragments_in_implicit_vr_are_found_by_the_walk() -> None:
    pixels = pack("<HHI", 0x7FE0, 0x0010, 0xFFFFFFFF) + item() + item(JPEG_FRAME[:100])
    parts = make_file(UIDS, encoding=IMPLICIT).with_elements(PIXEL_DATA).with_tail(pixels)
    assert rules_of(parts) == {"transfer-syntax-tolerated", "malformed-structure"}


def test_an_object_without_pixels_needs_none() -> None:
    attributes = (PIXEL_DATA, PHOTOMETRIC, ALLOCATED)
    assert rules_of(good(*attributes)) == set()


def test_an_icon_is_not_taken_for_the_image() -> None:
    icon = fragments(b"\xff\xd8\xff\xff")
    parts = jpeg(JPEG_FRAME, changed=(sequence(0x00880200, item(icon)),))
    assert rules_of(parts) == set()
