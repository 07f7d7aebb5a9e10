"""What a codestream says of its pixels, beside what metadata say."""

from contextlib import suppress
from dataclasses import dataclass, field
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.bulkdata_media_types import (
    BULKDATA_MEDIA_TYPES,
    Treatment,
    bulkdata_media_type,
)
from chalicelib.standard.common_modules import PIXEL_ATTRIBUTES
from chalicelib.standard.reasons import FailureReason, WarningReason
from tests.unit.dicomweb.built_instances import (
    JPEG,
    MONO_16,
    RGB_8,
    build_pixels,
    read_strictly,
    sample,
)


@dataclass(frozen=True)
class Row:
    """A codestream: what is derived from it. ``stated`` is what metadata have to say."""

    file: str
    media_type: str
    syntax: str
    photometric: str
    bits: tuple[int, int]
    extent: tuple[int, int]
    lossy: str = ""
    stated: dict[str, object] = field(default_factory=dict)
    frames: int | None = None


def video(
    file: str,
    media_type: str,
    syntax: str,
    extent: tuple[int, int],
    method: str,
    bits: tuple[int, int] = (8, 8),
) -> Row:
    return Row(file, media_type, syntax, "YBR_PARTIAL_420", bits, extent, method, {}, 12)


MONO, RGB = (128, 128), (100, 100)
MONO_8_BITS = ("MONOCHROME2", (8, 8), MONO)
MONO_12_BITS = ("MONOCHROME2", (16, 12), MONO)
MONO_16_BITS = ("MONOCHROME2", (16, 16), MONO)
YBR_8_BITS = ("YBR_FULL_422", (8, 8), RGB)
ROWS = (
    Row("jpeg_baseline_mono8.jpg", "image/jpeg", "50", *MONO_8_BITS, "ISO_10918_1"),
    Row("jpeg_baseline_ybr422.jpg", "image/jpeg", "50", *YBR_8_BITS, "ISO_10918_1"),
    Row("jpeg_baseline_rgb.jpg", "Image/jpeg", "50", "RGB", (8, 8), RGB, "ISO_10918_1"),
    Row("jpeg_extended_mono12.jpg", "image/jpeg", "51", *MONO_12_BITS, "ISO_10918_1"),
    Row("jpeg_lossless_sv1_mono16.jpg", "image/jpeg", "70", *MONO_16_BITS),
    Row("jpeg_lossless_p14_mono16.jpg", "image/jpeg", "57", *MONO_16_BITS),
    Row("jpeg_lossless_sv1_rgb8.jpg", "image/jpeg", "70", "RGB", (8, 8), RGB),
    Row("jpegls_lossless_mono16.jls", "image/x-jls", "80", *MONO_16_BITS, "", MONO_16),
    Row("jpegls_near3_mono16.jls", "image/jls", "81", *MONO_16_BITS, "ISO_14495_1", MONO_16),
    Row("jpegls_lossless_rgb8_ilv2.jls", "image/jls", "80", "RGB", (8, 8), RGB, "", RGB_8),
    Row("j2k_lossless_mono16.j2k", "image/jp2", "90", *MONO_16_BITS),
    Row("j2k_lossless_mono16.jp2", "image/jp2", "90", *MONO_16_BITS),
    Row("j2k_lossless_rgb8_rct.j2k", "image/jp2", "90", "YBR_RCT", (8, 8), RGB),
    Row("j2k_lossy_rgb8_ict.j2k", "image/jpx", "91", "YBR_ICT", (8, 8), RGB, "ISO_15444_1"),
    Row("jpx_part2_mct4.j2k", "image/jpx", "93", *MONO_8_BITS, "ISO_15444_1", {}, 4),
    Row("htj2k_lossless_mono16.jhc", "image/jphc", "201", *MONO_16_BITS, "", MONO_16),
    Row("htj2k_rpcl_mono16.jhc", "image/jph", "202", *MONO_16_BITS),
    Row("htj2k_lossy_rgb8.jhc", "image/jph", "203", "YBR_ICT", (8, 8), RGB, "ISO_15444_15"),
    Row("jxl_lossless_mono16.jxl", "image/jxl", "110", *MONO_16_BITS),
    Row("jxl_lossless_mono8_bare.jxl", "image/jxl", "110", *MONO_8_BITS),
    Row("jxl_jpeg_recompression_rgb8.jxl", "image/jxl", "111", *YBR_8_BITS, "ISO_10918_1"),
    Row("jxl_lossy_rgb8.jxl", "image/jxl", "112", "XYB", (8, 8), RGB, "ISO_18181_1"),
    video("mpeg2_mpml.mpg", "video/mpeg2", "100", (576, 720), "ISO_13818_2"),
    video("mpeg2_mphl.mpg", "video/mpeg", "101", (1080, 1920), "ISO_13818_2"),
    video("mpeg2_es.m2v", "video/mpeg", "100", (576, 720), "ISO_13818_2"),
    video("h264_hp41.mp4", "video/mp4", "102", (720, 1280), "ISO_14496_10"),
    video("h264_hp41_bd.mp4", "video/mp4", "102", (1080, 1920), "ISO_14496_10"),
    video("h264_hp42.mp4", "video/mp4", "104", (1080, 1920), "ISO_14496_10"),
    video("h264_hp42_3d.mp4", "video/mp4", "104", (1080, 1920), "ISO_14496_10"),
    video("h264_ts.ts", "video/mp4", "102", (720, 1280), "ISO_14496_10"),
    video("hevc_main51.mp4", "video/mp4", "107", (720, 1280), "ISO_23008_2"),
    video("hevc_main10_51.mp4", "video/H265", "108", (720, 1280), "ISO_23008_2", (16, 10)),
)  # fmt: skip
BY_FILE = [pytest.param(row, id=row.file) for row in ROWS]


@pytest.mark.parametrize("row", BY_FILE)
def test_the_description_comes_from_the_codestream(row: Row) -> None:
    content = sample(row.file)
    dataset = read_strictly(build_pixels(row.media_type, content, **row.stated))
    samples = 1 if row.photometric == "MONOCHROME2" else 3
    assert dataset.file_meta.TransferSyntaxUID == JPEG + row.syntax
    assert (dataset.Rows, dataset.Columns) == row.extent
    assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (
        *row.bits,
        row.bits[1] - 1,
    )
    assert (dataset.SamplesPerPixel, dataset.PhotometricInterpretation) == (
        samples,
        row.photometric,
    )
    assert dataset.PixelRepresentation == 0
    assert dataset.get("PlanarConfiguration") == (0 if samples == 3 else None)
    assert dataset.get("NumberOfFrames") == row.frames


@pytest.mark.parametrize("row", BY_FILE)
def test_lossy_codestreams_are_declared_lossy(row: Row) -> None:
    dataset = read_strictly(build_pixels(row.media_type, sample(row.file), **row.stated))
    assert dataset.get("LossyImageCompressionMethod", "") == row.lossy
    assert dataset.get("LossyImageCompression") == ("01" if row.lossy else None)
    if row.lossy:
        assert 3 < float(dataset.LossyImageCompressionRatio) < 20000


def test_every_media_type_of_a_codestream_has_a_sample() -> None:
    sampled = {bulkdata_media_type(row.media_type) for row in ROWS}
    unchanged = [row for row in BULKDATA_MEDIA_TYPES if row.treatment is Treatment.UNCHANGED]
    assert {row.name for row in unchanged} - {row.name for row in sampled if row} == {
        "image/dicom-rle"
    }


def test_every_transfer_syntax_of_a_media_type_but_two_comes_from_a_stream() -> None:
    possible = {uid for row in BULKDATA_MEDIA_TYPES for uid in row.transfer_syntaxes}
    seen = {JPEG + row.syntax for row in ROWS} | {"1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1"}
    # 92: no encoder at hand; 103, 105, 106: see the tests of the parameter, and below.
    assert possible - seen == {JPEG + suffix for suffix in ("92", "103", "105", "106")}


COMPLETE = {
    "image/jls": ("jpegls_lossless_rgb8_ilv2.jls", RGB_8),
    "image/dicom-rle": ("rle_rgb8.rle", RGB_8),
    "image/jphc": ("htj2k_lossless_mono16.jhc", MONO_16),
    "application/octet-stream": ("raw_rgb8.bin", RGB_8),
}


def test_those_media_types_do_not_derive_the_macro() -> None:
    assert {row.name for row in BULKDATA_MEDIA_TYPES if not row.derives_macro} == set(COMPLETE)


@pytest.mark.parametrize("media_type", sorted(COMPLETE))
def test_a_missing_macro_is_named_where_it_is_not_derived(media_type: str) -> None:
    name, _ = COMPLETE[media_type]
    with pytest.raises(InstanceError) as refused:
        build_pixels(media_type, sample(name))
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
    for row in PIXEL_ATTRIBUTES:
        assert f"{row.tag >> 16:04X},{row.tag & 0xFFFF:04X}" in refused.value.detail


@pytest.mark.parametrize("media_type", sorted(COMPLETE))
def test_one_missing_attribute_is_named(media_type: str) -> None:
    name, complete = COMPLETE[media_type]
    assert read_strictly(build_pixels(media_type, sample(name), **complete))
    for keyword in complete:
        with pytest.raises(InstanceError, match="lacks"):
            build_pixels(media_type, sample(name), **{**complete, keyword: None})


@pytest.mark.parametrize(
    ("file", "attributes", "path"),
    [
        ("jpeg_baseline_mono8.jpg", {"Rows": 127}, "(0028,0010)"),
        ("jpeg_baseline_mono8.jpg", {"Columns": 129}, "(0028,0011)"),
        ("jpeg_baseline_mono8.jpg", {"SamplesPerPixel": 3}, "(0028,0002)"),
        ("jpeg_baseline_mono8.jpg", {"BitsStored": 12}, "(0028,0101)"),
        ("jpeg_baseline_mono8.jpg", {"BitsAllocated": 16}, "(0028,0100)"),
        ("jpeg_baseline_mono8.jpg", {"HighBit": 6}, "(0028,0102)"),
        ("jpeg_baseline_mono8.jpg", {"PhotometricInterpretation": "RGB"}, "(0028,0004)"),
        ("jpeg_baseline_rgb.jpg", {"PhotometricInterpretation": "MONOCHROME2"}, "(0028,0004)"),
        ("jpeg_baseline_mono8.jpg", {"NumberOfFrames": "2"}, "(0028,0008)"),
        ("jpeg_extended_mono12.jpg", {"BitsAllocated": 12}, "(0028,0100)"),
        ("j2k_lossless_mono16.j2k", {"PixelRepresentation": 1}, "(0028,0103)"),
        ("j2k_lossless_mono16.j2k", {"BitsAllocated": 8}, "(0028,0100)"),
        ("h264_hp41.mp4", {"NumberOfFrames": "13"}, "(0028,0008)"),
    ],
)
def test_a_contradiction_is_refused_by_its_tag(
    file: str, attributes: dict[str, object], path: str
) -> None:
    media_type = next(row.media_type for row in ROWS if row.file == file)
    with pytest.raises(InstanceError) as refused:
        build_pixels(media_type, sample(file), **attributes)
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
    assert refused.value.tag_path == path


@pytest.mark.parametrize(
    ("file", "attributes"),
    [
        ("jpeg_baseline_mono8.jpg", {"PhotometricInterpretation": "MONOCHROME1"}),
        ("jpeg_baseline_mono8.jpg", {"PixelRepresentation": 1}),
        ("jpeg_lossless_sv1_mono16.jpg", {"BitsStored": 12, "HighBit": 11}),
        ("jpeg_lossless_sv1_mono16.jpg", {"PhotometricInterpretation": "PALETTE COLOR"}),
        ("jpeg_baseline_ybr422.jpg", {"PhotometricInterpretation": "YBR_FULL"}),
        ("jpeg_baseline_mono8.jpg", {"NumberOfFrames": "1"}),
        ("j2k_lossy_rgb8_ict.j2k", {"LossyImageCompressionRatio": "7"}),
    ],
)
def test_metadata_decide_what_the_stream_cannot_know(
    file: str, attributes: dict[str, object]
) -> None:
    media_type = next(row.media_type for row in ROWS if row.file == file)
    built = build_pixels(media_type, sample(file), **attributes)
    assert built.warning is None
    dataset = read_strictly(built)
    for keyword, value in attributes.items():
        assert str(dataset[keyword].value) == str(value)


@pytest.mark.parametrize(
    ("file", "attributes", "corrected"),
    [
        ("jpeg_baseline_ybr422.jpg", {"PhotometricInterpretation": "RGB"}, "YBR_FULL_422"),
        ("jpeg_baseline_ybr422.jpg", {"PhotometricInterpretation": "YBR_RCT"}, "YBR_FULL_422"),
        ("jpeg_baseline_rgb.jpg", {"PhotometricInterpretation": "YBR_FULL_422"}, "RGB"),
        ("j2k_lossless_rgb8_rct.j2k", {"PhotometricInterpretation": "RGB"}, "YBR_RCT"),
        ("j2k_lossy_rgb8_ict.j2k", {"PhotometricInterpretation": "YBR_RCT"}, "YBR_ICT"),
        ("h264_hp41.mp4", {"PhotometricInterpretation": "RGB", "NumberOfFrames": "12"},
         "YBR_PARTIAL_420"),
        ("jpeg_baseline_rgb.jpg", {"PlanarConfiguration": 1}, 0),
        ("jpeg_baseline_rgb.jpg", {"LossyImageCompression": "00"}, "01"),
    ],
)  # fmt: skip
def test_what_the_stream_knows_better_is_coerced(
    file: str, attributes: dict[str, object], corrected: object
) -> None:
    media_type = next(row.media_type for row in ROWS if row.file == file)
    built = build_pixels(media_type, sample(file), **attributes)
    keyword, before = next(iter(attributes.items()))
    assert built.warning is WarningReason.COERCION
    dataset = read_strictly(built)
    assert dataset[keyword].value == corrected
    original = dataset.OriginalAttributesSequence[-1].ModifiedAttributesSequence[0]
    assert original[keyword].value == before


def test_the_frames_of_a_video_tell_their_time() -> None:
    dataset = read_strictly(build_pixels("video/mp4", sample("h264_hp42.mp4")))
    assert (dataset.FrameTime, dataset.FrameIncrementPointer) == (20, 0x00181063)
    original = dataset.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert original["NumberOfFrames"].is_empty
    assert original["FrameTime"].is_empty


def test_time_that_is_told_is_left_alone() -> None:
    built = build_pixels("video/mp4", sample("h264_hp42.mp4"), NumberOfFrames="12", CineRate="50")
    assert built.warning is None
    assert "FrameTime" not in read_strictly(built)


def test_a_video_that_tells_no_frames_needs_their_number() -> None:
    content = sample("h264_hp41.mp4").replace(b"stts", b"free")
    with pytest.raises(InstanceError, match=r"\(0028,0008\) is missing"):
        build_pixels("video/mp4", content)
    assert build_pixels("video/mp4", content, NumberOfFrames="12").warning is None


@pytest.mark.parametrize(
    ("file", "frame_time"),
    [("mpeg2_mpml.mpg", 40), ("mpeg2_es.m2v", 40), ("h264_ts.ts", None), ("h264_hp41.mp4", 40)],
)
def test_the_rate_is_known_where_the_stream_tells_it(file: str, frame_time: int | None) -> None:
    row = next(row for row in ROWS if row.file == file)
    assert read_strictly(build_pixels(row.media_type, sample(file))).get("FrameTime") == frame_time


@pytest.mark.parametrize(
    ("file", "stated", "chosen"),
    [
        ("h264_hp41_bd.mp4", "103", "103"),
        ("h264_hp41.mp4", "104", "104"),
        ("h264_hp42_3d.mp4", "105", "105"),
        ("h264_hp42.mp4", "104.1", "104"),
        ("jpegls_lossless_mono16.jls", "81", "81"),
        ("j2k_lossless_mono16.j2k", "91", "91"),
        ("htj2k_rpcl_mono16.jhc", "201", "201"),
    ],
)
def test_the_parameter_chooses_where_the_stream_leaves_a_choice(
    file: str, stated: str, chosen: str
) -> None:
    row = next(row for row in ROWS if row.file == file)
    media_type = f"{row.media_type};transfer-syntax={JPEG}{stated}"
    built = build_pixels(media_type, sample(file), **row.stated)
    assert built.transfer_syntax == JPEG + chosen
    assert not built.observations


@pytest.mark.parametrize(
    ("file", "stated"),
    [
        ("h264_hp42.mp4", JPEG + "102"),
        ("jpeg_baseline_mono8.jpg", JPEG + "70"),
        ("j2k_lossy_rgb8_ict.j2k", JPEG + "90"),
        ("jpegls_near3_mono16.jls", JPEG + "80"),
        ("htj2k_lossless_mono16.jhc", JPEG + "202"),
        ("rle_mono16.rle", JPEG + "50"),
        ("jxl_lossy_rgb8.jxl", "1.2.3"),
    ],
)
def test_a_parameter_the_stream_contradicts_is_put_aside(file: str, stated: str) -> None:
    rle = Row("rle_mono16.rle", "image/dicom-rle", "", "", (0, 0), (0, 0), "", MONO_16)
    row = next(row for row in (*ROWS, rle) if row.file == file)
    media_type = f'{row.media_type};transfer-syntax="{stated}"'
    built = build_pixels(media_type, sample(file), **row.stated)
    assert built.transfer_syntax == (JPEG + row.syntax if row.syntax else "1.2.840.10008.1.2.5")
    assert built.observations == {"transfer-syntax-parameter"}


@pytest.mark.parametrize(
    ("marker", "cause"),
    [
        (0xC2, "progressive"),
        (0xC9, "arithmetic coding"),
        (0xCA, "progressive and arithmetic coding"),
        (0xC5, "8 bits"),
    ],
)
def test_a_jpeg_of_a_retired_process_is_refused_by_its_cause(marker: int, cause: str) -> None:
    content = sample("jpeg_baseline_mono8.jpg")
    at = content.index(b"\xff\xc0")
    changed = content[: at + 1] + bytes([marker]) + content[at + 2 :]
    with pytest.raises(InstanceError, match=cause) as refused:
        build_pixels("image/jpeg", changed)
    assert refused.value.reason is FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED


def test_eight_bits_of_the_extended_process_are_process_2() -> None:
    content = sample("jpeg_baseline_mono8.jpg").replace(b"\xff\xc0", b"\xff\xc1", 1)
    assert build_pixels("image/jpeg", content).transfer_syntax == JPEG + "51"


def test_an_orientation_is_observed_and_the_pixels_stay() -> None:
    content = sample("jpeg_baseline_mono8.jpg")
    tiff = b"MM\0*" + pack(">I", 8) + pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    turned = content[:2] + b"\xff\xe1" + pack(">H", 2 + len(exif)) + exif + content[2:]
    built = build_pixels("image/jpeg", turned)
    assert built.observations == {"exif-orientation"}
    assert turned in built.content


def test_a_header_behind_a_long_profile_is_read() -> None:
    content = sample("jpeg_baseline_mono8.jpg")
    profile = (b"\xff\xe2" + pack(">H", 65535) + bytes(65533)) * 3
    built = build_pixels("image/jpeg", content[:2] + profile + content[2:])
    assert built.transfer_syntax == JPEG + "50"


def test_the_description_of_an_mp4_may_stand_at_its_end() -> None:
    content = sample("h264_hp41.mp4")
    at = content.index(b"moov") - 4
    length = int.from_bytes(content[at : at + 4])
    moved = content[:at] + content[at + length :] + content[at : at + length]
    moved = moved.replace(b"mdat", b"mdat", 1)
    assert build_pixels("video/mp4", moved).transfer_syntax == JPEG + "102"


def test_four_samples_are_refused() -> None:
    content = sample("jpx_part2_mct4.j2k")
    at = content.index(b"\xff\x51") + 4
    part_1 = content[:at] + b"\0\0" + content[at + 2 :]
    for marker in (b"\xff\x74", b"\xff\x75", b"\xff\x77", b"\xff\x78"):
        part_1 = part_1.replace(marker, b"\xff\x64")
    with pytest.raises(InstanceError, match="would be 4") as refused:
        build_pixels("image/jp2", part_1)
    assert refused.value.tag_path == "(0028,0002)"


@pytest.mark.parametrize("row", BULKDATA_MEDIA_TYPES, ids=lambda row: row.name)
@pytest.mark.parametrize("content", [b"", b"\0", b"\xff\xd8\xff", b"<html>", bytes(500)])
def test_garbage_of_any_media_type_is_refused(row: object, content: bytes) -> None:
    name = row.name  # type: ignore[attr-defined]
    with pytest.raises(InstanceError):
        build_pixels(name, content, **RGB_8)


STARTS = [sample(row.file)[:1500] for row in ROWS] + [sample("rle_rgb8.rle")]
MEDIA_TYPES = [row.name for row in BULKDATA_MEDIA_TYPES if row.treatment is Treatment.UNCHANGED]


@given(
    st.sampled_from(STARTS),
    st.sampled_from(MEDIA_TYPES),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6),
    st.integers(0, 1500),
)
def test_a_damaged_codestream_is_built_or_refused(
    start: bytes, media_type: str, damage: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(start[:length])
    for at, value in damage:
        if at < len(content):
            content[at] = value
    with suppress(InstanceError):
        read_strictly(build_pixels(media_type, bytes(content)))


@given(st.sampled_from(MEDIA_TYPES), st.binary(max_size=200))
def test_any_bytes_are_built_or_refused(media_type: str, content: bytes) -> None:
    with suppress(InstanceError):
        build_pixels(media_type, content, **RGB_8)
