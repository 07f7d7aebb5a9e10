"""Encapsulated pixel data: fragments and offset tables against Number of Frames."""

from struct import pack

import pytest

from tests.builders_dicom import (
    deflate,
    element,
)
from tests.unit.origin.validate.samples import (
    DEFLATED_FRAMES,
    FRAMES,
    JPEG_FRAME,
    RIGHT_LENGTHS,
    RIGHT_OFFSETS,
    RIGHT_TABLE,
    TWO_FRAMES,
    UNCOMPRESSED_FRAMES,
    FileParts,
    encapsulated,
    extended,
    jpeg,
    rules_of,
    two,
)


@pytest.mark.parametrize(
    "parts",
    [
        jpeg(JPEG_FRAME),
        jpeg(JPEG_FRAME, table=bytes(4)),
        two(),
        two(table=RIGHT_TABLE),
        extended(RIGHT_OFFSETS, RIGHT_LENGTHS),
        jpeg(JPEG_FRAME[:100], JPEG_FRAME[100:], changed=(element(FRAMES, "IS", b"1 "),)),
        jpeg(
            *(JPEG_FRAME[:100], JPEG_FRAME[100:], JPEG_FRAME[:200], JPEG_FRAME[200:]),
            table=pack("<II", 0, len(JPEG_FRAME) + 16),
            changed=(TWO_FRAMES,),
        ),
    ],
)
def test_frames_in_fragments_have_no_finding(parts: FileParts) -> None:
    assert rules_of(parts) == set()


SECOND = len(JPEG_FRAME) + 8


@pytest.mark.parametrize(
    ("table", "rules"),
    [
        (pack("<I", 0), {"offset-table-count"}),
        (pack("<III", 0, SECOND, 2 * SECOND), {"offset-table-count", "offset-table-target"}),
        (pack("<II", 0, 0), {"offset-table-target"}),
        (pack("<II", SECOND, 0), {"offset-table-target"}),
        (pack("<II", 8, SECOND + 8), {"offset-table-target"}),
        (pack("<II", 0, 0xFFFFFFFF), {"offset-table-target"}),
        (RIGHT_TABLE + b"\0\0", {"offset-table-count"}),
    ],
)
def test_a_wrong_offset_table_is_found(table: bytes, rules: set[str]) -> None:
    assert rules_of(two(table=table)) == rules


def test_an_offset_table_starts_with_the_first_fragment() -> None:
    table = pack("<II", SECOND, 2 * SECOND)
    parts = jpeg(JPEG_FRAME, JPEG_FRAME, JPEG_FRAME, table=table, changed=(TWO_FRAMES,))
    assert rules_of(parts) == {"offset-table-target", "frame-boundaries-unknown"}


@pytest.mark.parametrize(
    ("lengths", "rules"),
    [
        (pack("<QQ", len(JPEG_FRAME) - 1, len(JPEG_FRAME)), set()),
        (pack("<QQ", len(JPEG_FRAME) - 2, len(JPEG_FRAME)), {"extended-offsets-lengths"}),
        (pack("<Q", len(JPEG_FRAME)), {"extended-offsets-lengths"}),
    ],
)
def test_extended_lengths_are_those_of_the_fragments(lengths: bytes, rules: set[str]) -> None:
    assert rules_of(extended(RIGHT_OFFSETS, lengths)) == rules


def test_an_extended_table_needs_a_fragment_for_each_frame() -> None:
    halves = (JPEG_FRAME[:100], JPEG_FRAME[100:], JPEG_FRAME)
    tables = (element(0x7FE00001, "OV", pack("<QQ", 0, len(JPEG_FRAME) + 16)),)
    parts = jpeg(*halves, changed=(TWO_FRAMES, *tables))
    assert rules_of(parts) == {"extended-offsets-misplaced", "extended-offsets-lengths"}


@pytest.mark.parametrize(
    ("length", "rules"),
    [(16, set()), (14, {"pixel-data-short"}), (18, {"pixel-data-long"})],
)
def test_uncompressed_frames_fill_their_fragments(length: int, rules: set[str]) -> None:
    assert rules_of(encapsulated(UNCOMPRESSED_FRAMES, bytes(16), bytes(length))) == rules


def test_deflated_frames_are_only_tried() -> None:
    frame = deflate(bytes(16))
    assert rules_of(encapsulated(DEFLATED_FRAMES, frame)) == set()
    assert rules_of(encapsulated(DEFLATED_FRAMES, b"\xff\xff")) == {"codestream-unreadable"}
