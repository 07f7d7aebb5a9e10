"""Pixel data against what describes them: native lengths, fragments, offset tables, codestreams."""

from struct import pack

import pytest

from tests.builders_dicom import (
    BIG,
    IMPLICIT,
    JPEG_BASELINE,
    PIXEL_DATA,
    deflate,
    element,
    fragments,
    item,
    make_file,
    sequence,
)
from tests.unit.origin.validate.samples import (
    ALLOCATED,
    DEFLATED_FRAMES,
    FRAMES,
    JPEG_FRAME,
    LOSSY,
    MONO16,
    PER_PIXEL,
    PHOTOMETRIC,
    RGB8,
    RIGHT_LENGTHS,
    RIGHT_OFFSETS,
    RIGHT_TABLE,
    RLE,
    ROWS,
    SIGN,
    STORED,
    SYNTAX,
    TWO_FRAMES,
    UIDS,
    UNCOMPRESSED_FRAMES,
    FileParts,
    Sample,
    codestream,
    cs,
    described,
    encapsulated,
    extended,
    good,
    jpeg,
    of_codestream,
    two,
    us,
    with_exif,
)

PALETTE = tuple(
    element(tag + number, vr, value)
    for tag, vr, value in ((0x00281101, "US", bytes(6)), (0x00281201, "OW", bytes(512)))
    for number in range(3)
)


def rules_of(parts: FileParts) -> set[str]:
    return Sample(parts.bytes()).rules()


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


# ---------------------------------------------------------------- fragments and offset tables


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


# ---------------------------------------------------------------- codestreams


@pytest.mark.parametrize(
    ("name", "syntax", "shape", "changed"),
    [
        ("jpeg_baseline_rgb.jpg", SYNTAX + "50", RGB8, ()),
        ("jpeg_baseline_ybr422.jpg", SYNTAX + "50", RGB8, (ybr(b"YBR_FULL_422"),)),
        ("jpeg_baseline_ybr422.jpg", SYNTAX + "51", RGB8, (ybr(b"YBR_FULL_422"),)),
        ("jpeg_extended_mono12.jpg", SYNTAX + "51", {**MONO16, "stored": 12}, ()),
        ("jpeg_lossless_p14_mono16.jpg", SYNTAX + "57", MONO16, (LOSSY,)),
        ("jpeg_lossless_sv1_mono16.jpg", SYNTAX + "57", MONO16, (LOSSY,)),
        ("jpeg_lossless_sv1_rgb8.jpg", SYNTAX + "70", RGB8, (LOSSY,)),
        ("jpegls_lossless_mono16.jls", SYNTAX + "80", MONO16, (LOSSY,)),
        ("jpegls_lossless_mono16.jls", SYNTAX + "81", MONO16, (LOSSY,)),
        ("jpegls_near3_mono16.jls", SYNTAX + "81", MONO16, ()),
        ("j2k_lossless_mono16.j2k", SYNTAX + "90", MONO16, (LOSSY,)),
        ("j2k_lossless_mono16.j2k", SYNTAX + "91", MONO16, (LOSSY,)),
        ("j2k_lossless_rgb8_rct.j2k", SYNTAX + "90", RGB8, (LOSSY, ybr(b"YBR_RCT"))),
        ("j2k_lossy_rgb8_ict.j2k", SYNTAX + "91", RGB8, (ybr(b"YBR_ICT"),)),
        ("htj2k_lossless_mono16.jhc", SYNTAX + "201", MONO16, (LOSSY,)),
        ("htj2k_rpcl_mono16.jhc", SYNTAX + "202", MONO16, (LOSSY,)),
        ("htj2k_rpcl_mono16.jhc", SYNTAX + "203", MONO16, (LOSSY,)),
        ("htj2k_lossy_rgb8.jhc", SYNTAX + "203", RGB8, (ybr(b"YBR_ICT"),)),
        ("jxl_lossless_mono16.jxl", SYNTAX + "110", MONO16, (LOSSY,)),
        ("jxl_jpeg_recompression_rgb8.jxl", SYNTAX + "111", RGB8, (ybr(b"YBR_FULL_422"),)),
        ("jxl_lossy_rgb8.jxl", SYNTAX + "112", RGB8, ()),
        ("rle_mono16.rle", RLE, MONO16, (LOSSY,)),
        ("rle_rgb8.rle", RLE, RGB8, (LOSSY,)),
        ("mpeg2_mpml.mpg", SYNTAX + "100", {"rows": 576, "columns": 720, "samples": 3}, ()),
        ("mpeg2_mpml.mpg", SYNTAX + "101.1", {"rows": 576, "columns": 720, "samples": 3}, ()),
        ("h264_hp41_bd.mp4", SYNTAX + "103", {"rows": 1080, "columns": 1920, "samples": 3}, ()),
        ("h264_ts.ts", SYNTAX + "102.1", {"rows": 720, "columns": 1280, "samples": 3}, ()),
        ("hevc_main10_51.mp4", SYNTAX + "108", {"rows": 720, "columns": 1280, "samples": 3}, ()),
    ],
)
def test_a_codestream_described_truly_has_no_finding(
    name: str, syntax: str, shape: dict[str, int], changed: tuple[bytes | int, ...]
) -> None:
    ten_bits = name.startswith("hevc_main10")
    allowed = {"codestream-precision"} if ten_bits else set()
    assert rules_of(of_codestream(name, syntax, *changed, **shape)) == allowed


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("jpeg_extended_mono12.jpg", JPEG_BASELINE),
        ("jpeg_lossless_p14_mono16.jpg", SYNTAX + "70"),
        ("jpeg_lossless_sv1_mono16.jpg", SYNTAX + "51"),
        ("htj2k_lossless_mono16.jhc", SYNTAX + "90"),
        ("j2k_lossless_mono16.j2k", SYNTAX + "201"),
        ("jpx_part2_mct4.j2k", SYNTAX + "91"),
        ("mpeg2_mphl.mpg", SYNTAX + "100"),
        ("h264_hp42.mp4", SYNTAX + "102"),
        ("hevc_main10_51.mp4", SYNTAX + "107"),
    ],
)
def test_a_process_that_the_syntax_does_not_hold_is_found(name: str, syntax: str) -> None:
    assert "codestream-not-of-syntax" in rules_of(of_codestream(name, syntax))


@pytest.mark.parametrize(
    ("name", "syntax", "starts"),
    [
        ("j2k_lossless_mono16.j2k", SYNTAX + "50", "JPEG 2000"),
        ("jpegls_lossless_mono16.jls", SYNTAX + "70", "JPEG-LS"),
        ("jpeg_baseline_mono8.jpg", SYNTAX + "90", "JPEG"),
        ("hevc_main51.mp4", SYNTAX + "102", "H.265"),
        ("rle_mono16.rle", SYNTAX + "100", "does not start"),
    ],
)
def test_another_codec_is_named(name: str, syntax: str, starts: str) -> None:
    findings = Sample(of_codestream(name, syntax).bytes()).verdict().findings
    (found,) = [one for one in findings if one.rule == "codestream-unreadable"]
    assert starts in found.detail


def test_a_segment_beyond_its_rle_frame_is_found() -> None:
    frame = pack("<16I", 3, 64, 264, 464, *[0] * 12) + bytes(100)
    changed = (*described(**RGB8), LOSSY)
    assert rules_of(encapsulated(RLE, frame, changed=changed)) == {"rle-segments"}


def test_the_last_frame_is_looked_at_too() -> None:
    other = codestream("jpeg_baseline_rgb.jpg")
    findings = Sample(jpeg(JPEG_FRAME, other, changed=(TWO_FRAMES,)).bytes()).verdict().findings
    assert {one.rule for one in findings} == {"codestream-size", "codestream-samples"}
    assert all(one.detail.startswith("Frame 2 ") for one in findings)


@pytest.mark.parametrize("length", [0, 64 * 1024 - len(JPEG_FRAME), 100_000])
def test_a_header_may_run_on_over_fragments(length: int) -> None:
    whole = JPEG_FRAME + bytes(length)
    pieces = [whole[at : at + 50] for at in range(0, len(whole), 50)]
    assert rules_of(jpeg(*pieces, changed=(element(FRAMES, "IS", b"1 "),))) == set()


def test_a_codestream_that_ends_in_its_header_is_unreadable() -> None:
    assert rules_of(jpeg(JPEG_FRAME[:100])) == {"codestream-unreadable"}


@pytest.mark.parametrize("orientation", [1, 3, 8])
def test_only_an_orientation_that_turns_is_found(orientation: int) -> None:
    found = rules_of(jpeg(with_exif(JPEG_FRAME, orientation)))
    assert found == (set() if orientation == 1 else {"exif-orientation"})


@pytest.mark.parametrize(
    ("name", "syntax", "stated"),
    [
        ("jpeg_baseline_rgb.jpg", JPEG_BASELINE, b"YBR_FULL_422"),
        ("jpeg_baseline_ybr422.jpg", JPEG_BASELINE, b"RGB"),
        ("j2k_lossless_rgb8_rct.j2k", SYNTAX + "90", b"RGB"),
        ("j2k_lossless_rgb8_rct.j2k", SYNTAX + "91", b"YBR_ICT"),
    ],
)
def test_another_colour_is_found(name: str, syntax: str, stated: bytes) -> None:
    parts = of_codestream(name, syntax, ybr(stated), **RGB8)
    assert "codestream-colour" in rules_of(parts)
