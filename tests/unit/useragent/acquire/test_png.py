"""PNG photographs: decoded without loss, upright."""

from pathlib import Path
from struct import pack
from zlib import crc32

import pytest
from PIL import Image

from chalicelib.useragent.acquire import AcquireError, PhotoClass
from tests.unit.useragent.acquire.making import (
    exif_of,
    make,
    picture,
    png,
    profile,
    read,
)
from tests.unit.useragent.acquire.test_jpeg import UPRIGHT


def chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))


def with_chunk(content: bytes, added: bytes) -> bytes:
    """Return a PNG with a chunk right behind its header."""
    return content[:33] + added + content[33:]


@pytest.mark.parametrize(
    ("image", "photometric", "mode"),
    [
        (picture(), "RGB", "RGB"),
        (picture(97, 63), "RGB", "RGB"),
        (picture(mode="L"), "MONOCHROME2", "L"),
        (picture().convert("P"), "RGB", "RGB"),
        (picture(mode="L").convert("1"), "MONOCHROME2", "L"),
    ],
)
def test_pixels_are_those_of_the_file(
    tmp_path: Path, image: Image.Image, photometric: str, mode: str
) -> None:
    path = tmp_path / "photograph.png"
    path.write_bytes(png(image))
    dataset = read(make(path))
    pixels = image.convert(mode).tobytes()
    assert dataset.PixelData == pixels + b"\0" * (len(pixels) & 1)
    assert dataset.PhotometricInterpretation == photometric
    assert (dataset.Columns, dataset.Rows) == image.size


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_each_orientation_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "photograph.png"
    path.write_bytes(png(exif=exif_of(orientation)))
    dataset = read(make(path))
    expected = picture().transpose(UPRIGHT[orientation])
    assert dataset.PixelData == expected.tobytes()
    assert (dataset.Columns, dataset.Rows) == expected.size


def test_transparency_is_dropped_and_said(tmp_path: Path) -> None:
    image = picture()
    image.putalpha(128)
    path = tmp_path / "photograph.png"
    path.write_bytes(png(image))
    acquired = make(path)
    assert read(acquired).PixelData == picture().tobytes()
    assert any("transparency" in note for note in acquired.notes)


def test_profile_date_and_aspect_are_kept_and_text_is_not(tmp_path: Path) -> None:
    path = tmp_path / "photograph.png"
    content = png(exif=exif_of(), icc_profile=profile())
    content = with_chunk(content, chunk(b"pHYs", pack(">IIB", 2, 1, 0)))
    path.write_bytes(with_chunk(content, chunk(b"tEXt", b"Author\0Somebody")))
    acquired = make(path)
    dataset = read(acquired)
    assert dataset.ICCProfile.rstrip(b"\0") == profile().rstrip(b"\0")
    assert list(dataset.PixelAspectRatio) == [2, 1]
    assert dataset.ContentDate == "20251130"
    assert b"Somebody" not in acquired.content
    assert b"51.5007" not in acquired.content


def test_whether_a_png_was_ever_lossy_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "photograph.png"
    path.write_bytes(png())
    assert read(make(path)).LossyImageCompression == ""


def grey_16() -> Image.Image:
    return picture(mode="L").convert("I").point(lambda sample: sample * 257).convert("I;16")


def test_16_bits_need_a_secondary_capture(tmp_path: Path) -> None:
    path = tmp_path / "photograph.png"
    path.write_bytes(png(grey_16()))
    with pytest.raises(AcquireError, match=r"Bits Stored \(0028,0101\)"):
        make(path)
    dataset = read(make(path, photo_class=PhotoClass.SECONDARY_CAPTURE))
    assert dataset.PixelData == grey_16().tobytes()
    assert dataset.BitsStored == 16


def animated() -> bytes:
    others = [picture().transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
    return png(save_all=True, append_images=others, duration=100)


def header(columns: int, rows: int) -> bytes:
    ihdr = pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    return png()[:8] + chunk(b"IHDR", ihdr) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (animated(), "animated"),
        (png()[:-12], "cut short"),
        (png()[: len(png()) // 2], "cut short"),
        (header(100_000, 10), "65535"),
        (header(60_000, 60_000), "max_pixels"),
        (header(10, 10), "not readable"),
        (png()[:8], "cut short"),
    ],
)
def test_what_makes_no_photograph_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "photograph.png"
    path.write_bytes(content)
    with pytest.raises(AcquireError, match=why):
        make(path)
