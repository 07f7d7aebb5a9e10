"""Headers of codestreams against the attributes that describe them."""

from struct import pack

import pytest

from tests.builders_dicom import (
    JPEG_BASELINE,
    element,
)
from tests.unit.origin.validate.samples import (
    FRAMES,
    JPEG_FRAME,
    LOSSY,
    MONO16,
    PHOTOMETRIC,
    RGB8,
    RLE,
    SYNTAX,
    TWO_FRAMES,
    Sample,
    codestream,
    cs,
    described,
    encapsulated,
    jpeg,
    of_codestream,
    rules_of,
    with_exif,
)


def ybr(name: bytes) -> bytes:
    return cs(PHOTOMETRIC, name)


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
    findings = Sample(of_codestream(name, syntax).encode()).verdict().findings
    (found,) = [one for one in findings if one.rule == "codestream-unreadable"]
    assert starts in found.detail


def test_a_segment_beyond_its_rle_frame_is_found() -> None:
    frame = pack("<16I", 3, 64, 264, 464, *[0] * 12) + bytes(100)
    changed = (*described(**RGB8), LOSSY)
    assert rules_of(encapsulated(RLE, frame, changed=changed)) == {"rle-segments"}


def test_the_last_frame_is_looked_at_too() -> None:
    other = codestream("jpeg_baseline_rgb.jpg")
    findings = Sample(jpeg(JPEG_FRAME, other, changed=(TWO_FRAMES,)).encode()).verdict().findings
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
