"""Headers by the byte: JPEG, JPEG-LS, RLE, boxes, JPEG 2000 Part 2, bare video."""

from struct import pack

import pytest

from chalicelib.dicomweb.codestreams import UnreadableCodestream, read_header
from chalicelib.dicomweb.codestreams.boxes import MAX_BOXES, boxes
from tests.unit.dicomweb.test_codestreams import JPEG, sample


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
