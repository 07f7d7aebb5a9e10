"""Headers of real codestreams, whole, cut short and spoilt. ``tests/samples/codestreams``."""

from pathlib import Path
from struct import pack
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
from chalicelib.dicomweb.codestreams.boxes import MAX_BOXES, boxes
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


# ---------------------------------------------------------------- JPEG


def jpeg(*segments: bytes, frame: bytes | None = None, scan: bytes = b"\1\1\0\0\77\0") -> bytes:
    start_of_frame = frame or segment(0xC0, pack(">BHHB", 8, 2, 3, 1) + b"\1\x11\0")
    return b"\xff\xd8" + b"".join(segments) + start_of_frame + segment(0xDA, scan)


def segment(marker: int, payload: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


@pytest.mark.parametrize(
    ("marker", "syntax"),
    [(0xC0, "50"), (0xC1, "51"), (0xC2, None), (0xC9, None), (0xCA, None), (0xC3, "57")],
)
def test_a_process_without_a_live_syntax_has_none(marker: int, syntax: str | None) -> None:
    header = read_header("image/jpeg", jpeg(frame=segment(marker, b"\x08\0\2\0\3\1\1\x11\0")))
    assert header.transfer_syntax == (JPEG + syntax if syntax else None)
    assert header.process.startswith(f"SOF{marker - 0xC0}")


def test_a_hierarchical_jpeg_has_no_live_syntax() -> None:
    header = read_header("image/jpeg", jpeg(segment(0xDE, b"\x08\0\2\0\3\1\1\x11\0")))
    assert header.transfer_syntax is None
    assert header.process == "hierarchical SOF0"


def test_a_point_transform_makes_lossless_jpeg_lossy() -> None:
    frame = segment(0xC3, b"\x08\0\2\0\3\1\1\x11\0")
    content = jpeg(frame=frame, scan=b"\1\1\0\1\0\2")
    assert read_header("image/jpeg", content).lossless is False


def test_rows_told_later_are_none() -> None:
    content = jpeg(frame=segment(0xC0, b"\x08\0\0\0\3\1\1\x11\0"))
    assert read_header("image/jpeg", content).rows is None


def test_fill_bytes_before_a_marker_are_skipped() -> None:
    filled = jpeg().replace(b"\xff\xc0", b"\xff\xff\xff\xc0").replace(b"\xff\xda", b"\xff\xff\xda")
    assert read_header("image/jpeg", filled) == read_header("image/jpeg", jpeg())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", [1, 6, 8, 9])
def test_orientation_is_that_of_exif(order: str, value: int) -> None:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    entries = pack(f"{order}HHIHH", 0x0100, 3, 1, 5, 0) + pack(
        f"{order}HHIHH", 0x0112, 3, 1, value, 0
    )
    exif = b"Exif\0\0" + magic + pack(f"{order}IH", 8, 2) + entries
    other = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0")
    header = read_header("image/jpeg", jpeg(other, segment(0xE1, exif)))
    assert header.orientation == (value if value <= 8 else None)


@pytest.mark.parametrize(
    "exif",
    [
        b"no TIFF",
        b"II*\0\xff\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0\1\0\0\1\3\0\1\0\0\0\6\0\0\0",
    ],
)
def test_exif_without_orientation_has_none(exif: bytes) -> None:
    header = read_header("image/jpeg", jpeg(segment(0xE1, b"Exif\0\0" + exif)))
    assert header.orientation is None


def test_restart_markers_have_no_segment() -> None:
    content = b"\xff\xd8\xff\xd0" + jpeg()[2:]
    assert read_header("image/jpeg", content) == read_header("image/jpeg", jpeg())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff\xd9\0\0",
        b"\xff\xd8\0\0\0\0",
        b"\xff\xd8\xff\xc0\0\1",
        jpeg(frame=segment(0xC4, b"")),
        jpeg(frame=segment(0xC0, b"\x08\0\2\0\0\1\1\x11\0")),
        jpeg(frame=segment(0xC0, b"\x08\0\2\0\3\4\1\x11\0")),
        jpeg(scan=b"\4"),
    ],
)
def test_what_is_no_jpeg_header_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableCodestream):
        read_header("image/jpeg", content)


def test_an_oversize_jpeg_ls_image_tells_its_size_apart() -> None:
    frame = segment(0xF7, b"\x08\0\0\0\0\1\1\x11\0")
    oversize = segment(0xF8, b"\4\3" + (70000).to_bytes(3) + (80000).to_bytes(3))
    header = read_header("image/jls", jpeg(oversize, frame=frame, scan=b"\1\1\0\0\0\0"))
    assert (header.rows, header.columns) == (70000, 80000)
    oversize = segment(0xF8, b"\4\2" + (700).to_bytes(2) + (800).to_bytes(2))
    header = read_header("image/jls", jpeg(oversize, frame=frame, scan=b"\1\1\0\0\0\0"))
    assert (header.rows, header.columns) == (700, 800)
    oversize = segment(0xF8, b"\4\5")
    header = read_header("image/jls", jpeg(oversize, frame=frame, scan=b"\1\1\0\0\0\0"))
    assert (header.rows, header.columns) == (None, None)


@pytest.mark.parametrize("frame", [b"", segment(0xF7, b"\x11\0\1\0\1\1\1\x11\0")])
def test_what_is_no_jpeg_ls_header_is_refused(frame: bytes) -> None:
    with pytest.raises(UnreadableCodestream):
        read_header("image/jls", jpeg(frame=frame or segment(0xC4, b"")))


# ---------------------------------------------------------------- JPEG XL

LIBJXL = (
    ("ff0a20401014370208040100cc004b188b15525c", (5, 7, 1, 8), True),
    ("ff0aba12c03f7e80a245080201001c0a0000a08c", (600, 511, 1, 16), True),
    ("ff0ac25d01417123080201182006bcd73146b752", (3001, 3001, 1, 8), True),
    ("ff0a4f7003142d020804010091334b3841b639d0", (64, 64, 1, 14), True),
    ("ff0a0ff193142d0201dc01d34f1200800a9551c6", (64, 96, 1, 16), False),
    ("ff0a8fc1a2b81108101000b9972b59899191c2c5", (64, 80, 1, 8), True),
    ("ff0a8fc14a081010008e41002b59899191c29d38", (64, 80, 3, 8), True),
    ("ff0a4fc801458b0804010059bf4b3842f54277f8", (64, 64, 1, 32), True),
    ("ff0a4f044d0020260804010035bc2b59899191c2", (64, 64, 3, 8), True),
)
"""Starts of streams by libjxl: sizes, depths, alpha, floats, animation."""


class Bits:
    """Writes bits as JPEG XL packs them."""

    def __init__(self) -> None:
        self._bits = ""

    def put(self, *pairs: tuple[int, int]) -> "Bits":
        """Append values, each with its number of bits."""
        for value, count in pairs:
            self._bits += f"{value:0{count}b}"[::-1] if count else ""
        return self

    def align(self) -> "Bits":
        self._bits += "0" * (-len(self._bits) % 8)
        return self

    def stream(self) -> bytes:
        self.align()
        octets = [self._bits[at : at + 8] for at in range(0, len(self._bits), 8)]
        return b"\xff\x0a" + bytes(int(octet[::-1], 2) for octet in octets)


YES, NO = (1, 1), (0, 1)
SIZE = (YES, (1, 5), (1, 3))
"""16 rows, ratio 1:1."""
BITS_8 = (NO, (0, 2))
SRGB = (YES,)
MODULAR_FRAME = (NO, (0, 2), YES)


def jpeg_xl(*metadata: tuple[int, int]) -> bytes:
    """A stream whose image metadata ends where its extensions begin."""
    bits = Bits().put(*SIZE, NO, *metadata, (0, 2), YES).align()
    return bits.put(*MODULAR_FRAME).stream()


@pytest.mark.parametrize(("start", "shape", "lossless"), LIBJXL)
def test_a_start_by_libjxl_is_understood(
    start: str, shape: tuple[int, ...], lossless: bool
) -> None:
    header = read_header("image/jxl", bytes.fromhex(start))
    assert (header.rows, header.columns, header.samples, header.bits) == shape
    assert header.lossless is lossless


EXTRA_FIELDS = (YES, (5, 3), YES, *SIZE, NO, YES, (0, 2), (3, 2), (9, 10), (1, 2), (5, 3), NO)
"""Orientation 6, an intrinsic size, no preview, an animation."""
SPOT = (NO, (2, 2), (0, 4), *BITS_8, (0, 2), (1, 2), (2, 4), (0x4142, 16), *[(0, 16)] * 4)
ALPHA = (NO, (0, 2), *BITS_8, (3, 2), (1, 3), (0, 2), YES)
MOSAIC = (NO, (2, 2), (3, 4), *BITS_8, (0, 2), (0, 2), (2, 2), (1, 4))
OWN_POINT = ((0, 2), (7, 19), (1, 2), (7, 19))
OWN_COLOUR = (
    *(NO, NO, (0, 2), (2, 2), (0, 4), *OWN_POINT, (2, 2), (0, 4), *OWN_POINT * 3),
    *(YES, (4, 24), (1, 2)),
)
TONE = (NO, (0, 16), (0, 16), NO, (0, 16))


def test_all_that_may_stand_before_the_frame_is_skipped() -> None:
    channels = ((2, 2), (1, 4), *SPOT, *ALPHA, *MOSAIC)
    stream = jpeg_xl(*EXTRA_FIELDS, *BITS_8, NO, *channels, NO, *OWN_COLOUR, *TONE)
    header = read_header("image/jxl", stream)
    assert (header.rows, header.columns, header.samples, header.bits) == (16, 16, 3, 8)
    assert (header.orientation, header.process, header.lossless) == (6, "modular", True)


def test_grey_and_xyb_spaces_leave_parts_out() -> None:
    grey = (NO, NO, (1, 2), (1, 2), NO, (0, 2), (0, 2))
    assert read_header("image/jxl", jpeg_xl(NO, *BITS_8, NO, (0, 2), NO, *grey)).samples == 1
    xyb = (NO, NO, (2, 2), (0, 4), (0, 2))
    header = read_header("image/jxl", jpeg_xl(NO, *BITS_8, NO, (0, 2), NO, *xyb))
    assert (header.samples, header.lossless) == (3, True)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param((NO, *BITS_8, NO, (0, 2), NO, NO, YES, (0, 2)), id="profile"),
        pytest.param(
            (YES, (0, 3), NO, YES, NO, (0, 2), (0, 6), (1, 3), NO)
            + (*BITS_8, NO, (0, 2), NO, *SRGB, YES),
            id="preview",
        ),
        pytest.param(
            (YES, (0, 3), NO, YES, YES, (0, 2), (0, 3), (1, 2), NO)
            + (*BITS_8, NO, (0, 2), NO, *SRGB, YES),
            id="preview in eights",
        ),
    ],
)
def test_what_stands_between_makes_the_process_unknown(metadata: tuple[tuple[int, int]]) -> None:
    header = read_header("image/jxl", jpeg_xl(*metadata))
    assert (header.rows, header.process, header.lossless) == (16, "unknown", None)
    assert header.transfer_syntax is None


@pytest.mark.parametrize(
    "extensions",
    [((1, 2), (0, 4)), ((2, 2), (0, 8)), ((3, 2), (1, 12), YES, (1, 8), NO)]
    + [((3, 2), (1, 12), *((YES, (1, 8)) * 6), YES, (1, 4))],
)
def test_extensions_of_a_later_edition_are_not_read(extensions: tuple[tuple[int, int]]) -> None:
    plain = (NO, *BITS_8, NO, (0, 2), NO, *SRGB)
    stream = Bits().put(*SIZE, NO, *plain, *extensions, (0, 16)).stream()
    assert read_header("image/jxl", stream).process == "unknown"


def test_weights_of_its_own_and_a_default_frame() -> None:
    plain = (NO, *BITS_8, NO, (0, 2), NO, *SRGB, (0, 2))
    weights = Bits().put(*SIZE, NO, *plain, NO, (0, 16)).stream()
    assert read_header("image/jxl", weights).process == "unknown"
    default = Bits().put(*SIZE, NO, *plain, YES).align().put(YES).stream()
    assert read_header("image/jxl", default).process == "VarDCT"


# ---------------------------------------------------------------- others


def part_2(*transforms: int, wide: bool = False) -> bytes:
    """A Part 2 stream with component collections; bit 0 of a transform: reversible."""
    content = sample("j2k_lossless_mono16.j2k")
    marks = b""
    for transform in transforms:
        count = pack(">HH", 0x8001, 0) if wide else pack(">HB", 1, 0)
        payload = bytes(7) + b"\1" + count + count + bytes([transform, 0, 0])
        marks += pack(">HH", 0xFF75, len(payload) + 2) + payload
    at = content.index(b"\xff\x90")
    return content[:6] + b"\x81\0" + content[8:at] + marks + content[at:]


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize(
    ("transforms", "lossless", "syntax"),
    [((1,), True, "92"), ((1, 1), True, "92"), ((1, 0), False, "93"), ((0,), False, "93")],
)
def test_part_2_is_lossless_if_all_its_transforms_are(
    transforms: tuple[int, ...], lossless: bool, syntax: str, wide: bool
) -> None:
    header = read_header("image/jpx", part_2(*transforms, wide=wide))
    assert (header.lossless, header.transfer_syntax) == (lossless, JPEG + syntax)
    assert header.process.startswith("Part 2, ")


def test_a_component_collection_cut_short_is_not_taken_for_reversible() -> None:
    content = part_2(1)
    at = content.index(b"\xff\x75")
    short = content[:at] + pack(">HHHB", 0xFF75, 5, 0, 1) + content[content.index(b"\xff\x90") :]
    assert read_header("image/jpx", short).lossless is False


@pytest.mark.parametrize(
    ("at", "new"),
    [(24, b"\0\0\0\0\0\0\0\0"), (40, b"\0\0"), (2, b"\xff\x53"), (4, b"\0\1")],
)
def test_what_is_no_jpeg_2000_header_is_refused(at: int, new: bytes) -> None:
    content = sample("j2k_lossless_mono16.j2k")
    spoilt = content[:at] + new + content[at + len(new) :]
    if at == 24:  # an image that begins where it ends
        spoilt = content[:16] + content[8:16] + content[24:]
    with pytest.raises(UnreadableCodestream):
        read_header("image/jp2", spoilt)


def test_an_h264_stream_may_be_bare() -> None:
    parameters = b"\0\0\0\1\x67\x64\0\x29"
    header = read_header("video/mp4", parameters)
    assert (header.process, header.boxed) == ("profile 100 level 4.1", False)
    stereo = read_header("video/mp4", b"\0\0\1\x67\x80\0\x29")
    assert stereo.transfer_syntax == JPEG + "106"


def test_an_h265_stream_may_be_bare() -> None:
    parameters = b"\0\0\1\x42\1\1" + b"\1\x60\0\0\3\0\x90\0\0\3\0\0\3\0\x99\xa0"
    header = read_header("video/H265", parameters)
    assert (header.process, header.transfer_syntax) == ("profile 1 level 5.1", JPEG + "107")
    with pytest.raises(UnreadableCodestream):
        read_header("video/mp4", parameters)


def test_rle_tells_where_its_segments_are() -> None:
    assert read_header("image/dicom-rle", sample("rle_rgb8.rle")).segment_offsets == (64, 264, 464)


def test_a_deflated_frame_that_yields_nothing_yet_is_cut() -> None:
    with pytest.raises(UnreadableCodestream) as caught:
        read_header("application/x-deflate", b"")
    assert caught.value.is_cut


@pytest.mark.parametrize("numbers", [(0,), (16, 64), (1, 60), (2, 64, 64), (2, 64, 10)])
def test_what_is_no_rle_header_is_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(UnreadableCodestream):
        read_header("image/dicom-rle", pack(f"<{len(numbers)}I", *numbers).ljust(64, b"\0"))


def test_a_box_shorter_than_its_header_is_refused() -> None:
    with pytest.raises(UnreadableCodestream):
        list(boxes(pack(">I4s", 7, b"abcd")))


def test_boxes_are_bounded() -> None:
    with pytest.raises(UnreadableCodestream):
        list(boxes(pack(">I4s", 8, b"free") * (MAX_BOXES + 1)))


def test_boxes_may_be_long_or_go_on_to_the_end() -> None:
    content = pack(">I4sQ", 1, b"long", 20) + b"1234" + pack(">I4s", 0, b"rest") + b"56"
    assert list(boxes(content)) == [(b"long", 16, 20), (b"rest", 28, 30)]
    assert list(boxes(content[:12])) == []


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
