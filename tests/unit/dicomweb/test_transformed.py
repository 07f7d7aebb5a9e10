"""GIF and PNG become native pixel data, and nothing else is lost."""

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from struct import pack
from zlib import compress, crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.instance_builder import BuildLimits
from chalicelib.dicomweb.transformed import decode_picture
from chalicelib.standard.reasons import FailureReason, WarningReason
from tests.unit.dicomweb.built_instances import build_pixels, read_strictly

ROWS, COLUMNS = 5, 7
GREY_8 = (np.arange(ROWS * COLUMNS, dtype=np.uint8) * 7).reshape(ROWS, COLUMNS)
GREY_16 = (np.arange(ROWS * COLUMNS, dtype=np.uint16) * 1801 + 3).reshape(ROWS, COLUMNS)
COLOUR = np.stack([GREY_8, GREY_8[::-1], GREY_8[:, ::-1]], axis=-1)
ALPHA = np.dstack([COLOUR, GREY_8])


def encoded(image: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    target = BytesIO()
    image.save(target, format_, **options)  # type: ignore[arg-type]
    return target.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))


def png(columns: int, rows: int, bits: int, colour_type: int, content: bytes = b"") -> bytes:
    """A PNG by the chunk: a codec of its own would not make these."""
    header = chunk(b"IHDR", pack(">IIBBBBB", columns, rows, bits, colour_type, 0, 0, 0))
    end = chunk(b"IDAT", compress(content)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + end


def interlaced_png() -> bytes:
    """8 x 8 greys by Adam7: every pass holds its pixels with one filter byte before each row."""
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    passes = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2),
              (1, 2, 0, 1))  # fmt: skip
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, down, left, across in passes
        for row in pixels[top::down, left::across]
    )
    header = chunk(b"IHDR", pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1))
    end = chunk(b"IDAT", compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + end


def palette(content: np.ndarray) -> Image.Image:
    return Image.fromarray(content).convert("P", palette=Image.Palette.ADAPTIVE)


def in_bits(bits: int) -> np.ndarray:
    """Greys of few bits, spread over 8."""
    packed = bytes(range(0, 256, 37))[:ROWS]
    values = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(ROWS, 8 // bits, bits)
    numbers = values.dot(1 << np.arange(bits)[::-1]).astype(np.uint8)
    return (numbers * (255 // (2**bits - 1))).astype(np.uint8)


def small_png(bits: int) -> bytes:
    packed = bytes(range(0, 256, 37))[:ROWS]
    return png(8 // bits, ROWS, bits, 0, b"".join(b"\0" + bytes([byte]) for byte in packed))


PNGS: list[tuple[str, bytes, np.ndarray, int]] = [
    ("grey 8", encoded(Image.fromarray(GREY_8)), GREY_8, 8),
    ("grey 16", encoded(Image.fromarray(GREY_16)), GREY_16, 16),
    ("colour", encoded(Image.fromarray(COLOUR)), COLOUR, 8),
    ("colour with alpha", encoded(Image.fromarray(ALPHA)), COLOUR, 8),
    ("grey with alpha", encoded(Image.fromarray(ALPHA[:, :, :2], "LA")), ALPHA[:, :, 0], 8),
    ("interlaced", interlaced_png(), np.arange(64, dtype=np.uint8).reshape(8, 8), 8),
    *((f"grey {bits}", small_png(bits), in_bits(bits), 8) for bits in (1, 2, 4)),
    (
        "palette",
        encoded(palette(COLOUR)),
        np.asarray(palette(COLOUR).convert("RGB")),
        8,
    ),
    (
        "palette with transparency",
        encoded(palette(COLOUR), transparency=1),
        np.asarray(palette(COLOUR).convert("RGB")),
        8,
    ),
]


@pytest.mark.parametrize(
    ("content", "pixels", "bits"), [pytest.param(*row[1:], id=row[0]) for row in PNGS]
)
def test_a_png_keeps_every_sample(content: bytes, pixels: np.ndarray, bits: int) -> None:
    built = build_pixels("image/png", content)
    assert built.warning is None
    assert built.transfer_syntax == "1.2.840.10008.1.2.1"
    dataset = read_strictly(built)
    assert np.array_equal(dataset.pixel_array, pixels)
    assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (bits, bits, bits - 1)
    is_colour = pixels.ndim == 3
    assert dataset.PhotometricInterpretation == ("RGB" if is_colour else "MONOCHROME2")
    assert "LossyImageCompression" not in dataset
    assert "NumberOfFrames" not in dataset


def moving() -> list[np.ndarray]:
    frames = [np.zeros((20, 30, 3), np.uint8) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame[4:9, number * 8 : number * 8 + 6] = (200, 30 * number, 90)
    return frames


def animated(durations: int | list[int], **options: object) -> bytes:
    first, *others = (Image.fromarray(frame) for frame in moving())
    return encoded(first, "GIF", save_all=True, append_images=others, duration=durations, **options)


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"disposal": 2}])
def test_an_animated_gif_gives_whole_frames(options: dict[str, object]) -> None:
    built = build_pixels("image/gif", animated(80, **options))
    dataset = read_strictly(built)
    assert np.array_equal(dataset.pixel_array, np.stack(moving()))
    assert (dataset.NumberOfFrames, dataset.FrameTime) == (3, 80)
    assert built.warning is WarningReason.COERCION


def test_frames_that_last_differently_have_no_frame_time() -> None:
    dataset = read_strictly(build_pixels("image/gif", animated([50, 100, 50])))
    assert dataset.NumberOfFrames == 3
    assert "FrameTime" not in dataset


def test_a_still_gif_is_one_frame() -> None:
    content = encoded(palette(COLOUR), "GIF")
    dataset = read_strictly(build_pixels("image/gif", content))
    assert np.array_equal(dataset.pixel_array, np.asarray(palette(COLOUR).convert("RGB")))
    assert "NumberOfFrames" not in dataset


def test_a_palette_of_greys_stays_grey_where_metadata_say_so() -> None:
    content = encoded(Image.fromarray(GREY_8), "GIF")
    dataset = read_strictly(
        build_pixels(
            "image/gif", content, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME1"
        )
    )
    assert np.array_equal(dataset.pixel_array, GREY_8)
    assert dataset.PhotometricInterpretation == "MONOCHROME1"


def test_another_interpretation_than_rgb_is_coerced() -> None:
    content = encoded(Image.fromarray(COLOUR))
    built = build_pixels(
        "image/png", content, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=1
    )
    dataset = read_strictly(built)
    assert (dataset.PhotometricInterpretation, dataset.PlanarConfiguration) == ("RGB", 0)
    assert built.warning is WarningReason.COERCION


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"SamplesPerPixel": 1}, "(0028,0002)"),
        ({"Rows": 6}, "(0028,0010)"),
        ({"BitsAllocated": 16}, "(0028,0100)"),
        ({"BitsStored": 12}, "(0028,0101)"),
        ({"PixelRepresentation": 1}, "(0028,0103)"),
        ({"NumberOfFrames": "2"}, "(0028,0008)"),
    ],
)
def test_a_contradiction_is_refused_by_its_tag(attributes: dict[str, object], path: str) -> None:
    with pytest.raises(InstanceError) as refused:
        build_pixels("image/png", encoded(Image.fromarray(COLOUR)), **attributes)
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
    assert refused.value.tag_path == path


@pytest.mark.parametrize("colour_type", [2, 4, 6])
def test_what_the_decoder_would_cut_to_8_bits_is_refused(colour_type: int) -> None:
    with pytest.raises(InstanceError, match="without loss") as refused:
        build_pixels("image/png", png(1, 1, 16, colour_type, bytes(9)))
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH


def test_an_animated_png_is_refused() -> None:
    first, *others = (Image.fromarray(frame) for frame in moving())
    content = encoded(first, save_all=True, append_images=others)
    with pytest.raises(InstanceError, match="animated PNG"):
        build_pixels("image/png", content)


def gif(columns: int, rows: int) -> bytes:
    return b"GIF89a" + pack("<HHBBB", columns, rows, 0, 0, 0) + b";"


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("image/png", png(100_000, 100_000, 8, 0)),
        ("image/png", png(2**31 - 1, 2**31 - 1, 16, 0)),
        ("image/gif", gif(65535, 65535)),
    ],
)
def test_a_bomb_is_refused_by_its_header(media_type: str, content: bytes) -> None:
    with pytest.raises(InstanceError) as refused:
        build_pixels(media_type, content)
    assert refused.value.reason is FailureReason.INFLATES_TOO_LARGE


def test_all_frames_count_against_the_limit() -> None:
    content = animated(80)
    assert build_pixels("image/gif", content, limits=BuildLimits(max_decoded_bytes=5400))
    with pytest.raises(InstanceError) as refused:
        build_pixels("image/gif", content, limits=BuildLimits(max_decoded_bytes=5399))
    assert refused.value.reason is FailureReason.INFLATES_TOO_LARGE


def test_a_frame_beyond_the_screen_of_a_gif_is_refused() -> None:
    content = bytearray(encoded(palette(COLOUR), "GIF"))
    content[6:10] = pack("<HH", 2, 2)
    with pytest.raises(InstanceError):
        build_pixels("image/gif", bytes(content), limits=BuildLimits(max_decoded_bytes=100))


@pytest.mark.parametrize("cut", [10, 30, 45, 60])
def test_a_cut_picture_is_refused(cut: int) -> None:
    for media_type, content in (
        ("image/png", encoded(Image.fromarray(COLOUR))),
        ("image/gif", encoded(palette(COLOUR), "GIF")),
    ):
        with pytest.raises(InstanceError):
            build_pixels(media_type, content[:cut])


MAKERS: list[Callable[[], bytes]] = [
    lambda: encoded(Image.fromarray(COLOUR)),
    lambda: encoded(palette(COLOUR), "GIF"),
    lambda: animated(80),
    interlaced_png,
]


@given(
    st.sampled_from(MAKERS),
    st.lists(st.tuples(st.integers(8, 200), st.integers(0, 255)), max_size=4),
    st.integers(0, 400),
)
def test_a_damaged_picture_is_decoded_or_refused(
    make: Callable[[], bytes], damage: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(make()[:length])
    for at, value in damage:
        if at < len(content):
            content[at] = value
    for media_type in ("image/png", "image/gif"):
        with suppress(InstanceError):
            decode_picture(memoryview(bytes(content)), media_type, max_decoded_bytes=1 << 20)
