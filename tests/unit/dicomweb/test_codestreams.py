"""Headers of real codestreams, whole, cut short and spoilt. ``tests/samples/codestreams``."""

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.codestreams import (
    HEADER_BYTES,
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
    has_header,
    identify,
    read_header,
)
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance

FOLDER = Path(__file__).parents[2] / "samples" / "codestreams"
JPEG = "1.2.840.10008.1.2.4."
QUIET = settings(max_examples=200, deadline=None, derandomize=True, database=None)


class Truth(NamedTuple):
    """What a sample is, told by who made it."""

    name: str
    media_type: str
    syntax: str
    codec: Codec
    shape: tuple[int | None, int | None, int | None, int | None]
    lossless: bool
    colour: Colour | None = None
    boxed: bool = False


MONO8, MONO12, MONO16 = (128, 128, 1, 8), (128, 128, 1, 12), (128, 128, 1, 16)
RGB = (100, 100, 3, 8)
UNTOLD = (None, None, None, None)
HD, FULL_HD = (720, 1280, 3, 8), (1080, 1920, 3, 8)
YCBCR = Colour.YCBCR
TRUTHS = (
    Truth("jpeg_baseline_mono8.jpg", "image/jpeg", "50", Codec.JPEG, MONO8, False),
    Truth("jpeg_baseline_ybr422.jpg", "image/jpeg", "50", Codec.JPEG, RGB, False, YCBCR),
    Truth("jpeg_baseline_rgb.jpg", "image/jpeg", "50", Codec.JPEG, RGB, False, Colour.RGB),
    Truth("jpeg_extended_mono12.jpg", "image/jpeg", "51", Codec.JPEG, MONO12, False),
    Truth("jpeg_lossless_p14_mono16.jpg", "image/jpeg", "57", Codec.JPEG, MONO16, True),
    Truth("jpeg_lossless_sv1_mono16.jpg", "image/jpeg", "70", Codec.JPEG, MONO16, True),
    Truth("jpeg_lossless_sv1_rgb8.jpg", "image/jpeg", "70", Codec.JPEG, RGB, True, Colour.RGB),
    Truth("jpegls_lossless_mono16.jls", "image/jls", "80", Codec.JPEG_LS, MONO16, True),
    Truth("jpegls_lossless_rgb8_ilv2.jls", "image/jls", "80", Codec.JPEG_LS, RGB, True),
    Truth("jpegls_near3_mono16.jls", "image/jls", "81", Codec.JPEG_LS, MONO16, False),
    Truth("j2k_lossless_mono16.j2k", "image/jp2", "90", Codec.JPEG_2000, MONO16, True),
    Truth("j2k_lossless_mono16.jp2", "image/jp2", "90", Codec.JPEG_2000, MONO16, True, boxed=True),
    Truth("j2k_lossless_rgb8_rct.j2k", "image/jp2", "90", Codec.JPEG_2000, RGB, True, Colour.RCT),
    Truth("j2k_lossy_rgb8_ict.j2k", "image/jp2", "91", Codec.JPEG_2000, RGB, False, Colour.ICT),
    Truth("jpx_part2_mct4.j2k", "image/jpx", "93", Codec.JPEG_2000, (128, 128, 4, 8), False),
    Truth("htj2k_lossless_mono16.jhc", "image/jphc", "201", Codec.HTJ2K, MONO16, True),
    Truth("htj2k_rpcl_mono16.jhc", "image/jphc", "202", Codec.HTJ2K, MONO16, True),
    Truth("htj2k_lossy_rgb8.jhc", "image/jphc", "203", Codec.HTJ2K, RGB, False, Colour.ICT),
    Truth("jxl_lossless_mono8_bare.jxl", "image/jxl", "110", Codec.JPEG_XL, MONO8, True),
    Truth("jxl_lossless_mono16.jxl", "image/jxl", "110", Codec.JPEG_XL, MONO16, True, boxed=True),
    Truth(
        "jxl_jpeg_recompression_rgb8.jxl",
        *("image/jxl", "111", Codec.JPEG_XL, RGB, False),
        boxed=True,
    ),
    Truth("jxl_lossy_rgb8.jxl", "image/jxl", "112", Codec.JPEG_XL, RGB, False, boxed=True),
    Truth("rle_mono16.rle", "image/dicom-rle", "5", Codec.RLE, UNTOLD, True),
    Truth("rle_rgb8.rle", "image/dicom-rle", "5", Codec.RLE, UNTOLD, True),
    Truth("mpeg2_es.m2v", "video/mpeg", "100", Codec.MPEG2, (576, 720, 3, 8), False, YCBCR),
    Truth("mpeg2_mpml.mpg", "video/mpeg", "100", Codec.MPEG2, (576, 720, 3, 8), False, YCBCR, True),
    Truth("mpeg2_mphl.mpg", "video/mpeg", "101", Codec.MPEG2, FULL_HD, False, YCBCR, True),
    Truth("h264_hp41.mp4", "video/mp4", "102", Codec.H264, HD, False, YCBCR, True),
    Truth("h264_hp41_bd.mp4", "video/mp4", "102", Codec.H264, FULL_HD, False, YCBCR, True),
    Truth("h264_hp42.mp4", "video/mp4", "104", Codec.H264, FULL_HD, False, YCBCR, True),
    Truth("h264_hp42_3d.mp4", "video/mp4", "104", Codec.H264, FULL_HD, False, YCBCR, True),
    Truth("h264_ts.ts", "video/mp4", "102", Codec.H264, (None, None, 3, 8), False, YCBCR, True),
    Truth("hevc_main51.mp4", "video/H265", "107", Codec.H265, HD, False, YCBCR, True),
    Truth(
        "hevc_main10_51.mp4",
        "video/H265",
        "108",
        Codec.H265,
        (720, 1280, 3, 10),
        False,
        YCBCR,
        True,
    ),
)


def sample(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def syntax_of(truth: Truth) -> str:
    return "1.2.840.10008.1.2.5" if truth.codec is Codec.RLE else JPEG + truth.syntax


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)
def test_a_header_says_what_the_stream_is(truth: Truth) -> None:
    header = read_header(truth.media_type, sample(truth.name))
    assert header.codec is truth.codec
    assert (header.rows, header.columns, header.samples, header.bits) == truth.shape
    assert header.lossless is truth.lossless
    assert header.transfer_syntax == syntax_of(truth)
    assert header.colour is truth.colour
    assert header.boxed is truth.boxed
    assert header.orientation is None


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)
def test_a_transfer_syntax_names_the_same_reader(truth: Truth) -> None:
    content = sample(truth.name)
    assert read_header(syntax_of(truth), content) == read_header(truth.media_type, content)


def test_every_sample_is_read() -> None:
    assert {truth.name for truth in TRUTHS} == {
        path.name for path in FOLDER.iterdir() if path.suffix != ".md"
    }


def read(media_type: str, content: bytes) -> FrameHeader | UnreadableCodestream:
    try:
        return read_header(media_type, content)
    except UnreadableCodestream as error:
        return error


BYTES_TO_KNOW_A_STREAM_BY = 190
"""A transport stream is known by its second packet."""


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)
def test_a_header_cut_short_says_so_or_says_less(truth: Truth) -> None:
    content = sample(truth.name)
    whole = read_header(truth.media_type, content)
    for size in range(0, min(len(content), 900), 3):
        header = read(truth.media_type, content[:size])
        if isinstance(header, UnreadableCodestream):
            assert header.is_cut or size < BYTES_TO_KNOW_A_STREAM_BY
            continue
        assert header.codec is whole.codec
        for name in ("rows", "columns", "bits", "lossless"):
            assert getattr(header, name) in (getattr(whole, name), None)


def test_a_header_lies_in_the_first_bytes_of_every_sample() -> None:
    assert all(len(sample(truth.name)) <= HEADER_BYTES for truth in TRUTHS)


@QUIET
@given(st.sampled_from(TRUTHS), st.data())
def test_a_spoilt_header_is_read_or_refused(truth: Truth, data: st.DataObject) -> None:
    content = bytearray(sample(truth.name)[:1500])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 1] = data.draw(st.binary(max_size=3))
    assert read(truth.media_type, bytes(content))


@QUIET
@given(st.sampled_from(TRUTHS), st.integers(0, 12), st.binary(max_size=200))
def test_garbage_behind_a_signature_is_read_or_refused(
    truth: Truth, kept: int, garbage: bytes
) -> None:
    assert read(truth.media_type, sample(truth.name)[:kept] + garbage)


@pytest.mark.parametrize("row", TRANSFER_SYNTAXES.values(), ids=lambda row: row.uid)
def test_every_accepted_compression_has_a_reader(row) -> None:  # type: ignore[no-untyped-def]
    uncompressed = row.media_type in ("", "application/octet-stream")
    assert has_header(row.uid) is (not uncompressed and row.acceptance is Acceptance.ACCEPTED)


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png", "1.2.3"])
def test_a_kind_without_header_is_refused(kind: str) -> None:
    assert not has_header(kind)
    with pytest.raises(UnreadableCodestream):
        read_header(kind, b"")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("jpeg_baseline_mono8.jpg", "JPEG or JPEG-LS"),
        ("j2k_lossless_mono16.j2k", "JPEG 2000"),
        ("j2k_lossless_mono16.jp2", "JPEG 2000 in a file format"),
        ("jxl_lossless_mono8_bare.jxl", "JPEG XL"),
        ("jxl_lossy_rgb8.jxl", "JPEG XL in a container"),
        ("mpeg2_es.m2v", "MPEG-2"),
        ("mpeg2_mpml.mpg", "an MPEG program stream"),
        ("h264_hp41.mp4", "an MP4 file"),
        ("rle_mono16.rle", None),
    ],
)
def test_a_start_is_known_by_its_signature(name: str, start: str | None) -> None:
    assert identify(sample(name)) == start
