"""JPEG photographs: in unchanged, upright, without what surrounds the picture."""

import shutil
import stat
from pathlib import Path

import pytest
from PIL import Image

from chalicelib.useragent.acquire import AcquireError, AcquireLimits, PhotoClass
from tests.unit.useragent.acquire.making import (
    CAMERA_DATE,
    MAKE,
    PLACE,
    decoded,
    exif_of,
    fragment,
    jpeg,
    largest_difference,
    make,
    picture,
    profile,
    read,
    sample,
)

needs_jpegtran = pytest.mark.skipif(
    shutil.which("jpegtran") is None, reason="jpegtran is not installed"
)
BASELINE = "1.2.840.10008.1.2.4.50"
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
XMP = b"<x:xmpmeta>Somewhere</x:xmpmeta>"


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(
        jpeg(exif=exif_of(), xmp=XMP, icc_profile=profile(), comment=b"a comment")
        + b"a film behind the picture"
    )
    return path


def scan(content: bytes) -> bytes:
    """Return the coded data, from the first scan on."""
    return content[content.index(b"\xff\xda") :]


def test_the_coded_picture_goes_in_unchanged(photograph: Path) -> None:
    kept = fragment(read(make(photograph))).rstrip(b"\0")
    original = photograph.read_bytes()
    assert scan(kept) == scan(original)[: len(scan(kept))]
    assert largest_difference(decoded(kept), decoded(original)) == 0


@pytest.mark.parametrize("trace", [PLACE, b"Exif", b"Somewhere", b"a comment", b"a film", b"Owner"])
def test_metadata_around_the_picture_is_gone(photograph: Path, trace: bytes) -> None:
    assert trace in photograph.read_bytes() or trace == PLACE
    assert trace not in make(photograph).content


def test_the_colour_profile_is_kept_whole(photograph: Path) -> None:
    assert read(make(photograph)).ICCProfile.rstrip(b"\0") == profile().rstrip(b"\0")


def test_a_profile_in_several_segments_is_kept_whole(tmp_path: Path) -> None:
    long = profile() + bytes(range(256)) * 600
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(icc_profile=long))
    assert read(make(path)).ICCProfile == long + b"\0" * (len(long) & 1)


def test_a_profile_that_is_not_whole_is_dropped_and_said(tmp_path: Path) -> None:
    content = jpeg(icc_profile=profile())
    at = content.index(b"ICC_PROFILE\0") + 12
    path = tmp_path / "photograph.jpg"
    path.write_bytes(content[:at] + b"\1\2" + content[at + 2 :])
    acquired = make(path)
    assert "ICCProfile" not in read(acquired)
    assert any("profile" in note for note in acquired.notes)


def test_dates_and_camera_come_from_exif(photograph: Path) -> None:
    dataset = read(make(photograph))
    assert dataset.ContentDate + dataset.ContentTime == "20251130081559"
    assert dataset.AcquisitionDateTime == "20251130081559+0100"
    assert dataset.Manufacturer == MAKE


def test_what_is_stated_outweighs_exif(photograph: Path) -> None:
    assert read(make(photograph, {"ContentDate": "20260102"})).ContentDate == "20260102"


def test_exif_dates_are_left_out_on_request(photograph: Path) -> None:
    dataset = read(make(photograph, use_capture_date=False))
    assert "ContentDate" not in dataset
    assert dataset.Manufacturer == ""
    assert CAMERA_DATE[:4].encode() not in make(photograph, use_capture_date=False).content


def test_a_camera_whose_clock_is_ahead_gives_a_note(tmp_path: Path) -> None:
    exif = exif_of()
    exif.get_ifd(0x8769)[0x9003] = "2031:01:01 00:00:00"
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(exif=exif))
    assert any("future" in note for note in make(path).notes)


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "2025:02:30 01:02:03", "yesterday"])
def test_a_date_that_is_none_is_left_out(tmp_path: Path, date: str) -> None:
    exif = exif_of()
    exif.get_ifd(0x8769)[0x9003] = date
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(exif=exif))
    assert "ContentDate" not in read(make(path))


def test_a_lossy_photograph_says_so(photograph: Path) -> None:
    dataset = read(make(photograph))
    assert dataset.LossyImageCompression == "01"
    assert dataset.LossyImageCompressionMethod == "ISO_10918_1"
    assert float(dataset.LossyImageCompressionRatio) > 1


@pytest.mark.parametrize(
    ("name", "photo_class", "transfer_syntax", "photometric"),
    [
        ("jpeg_baseline_mono8.jpg", PhotoClass.VL_PHOTOGRAPHIC, "50", "MONOCHROME2"),
        ("jpeg_baseline_ybr422.jpg", PhotoClass.VL_PHOTOGRAPHIC, "50", "YBR_FULL_422"),
        ("jpeg_lossless_sv1_rgb8.jpg", PhotoClass.VL_PHOTOGRAPHIC, "70", "RGB"),
        ("jpeg_baseline_rgb.jpg", PhotoClass.SECONDARY_CAPTURE, "50", "RGB"),
        ("jpeg_extended_mono12.jpg", PhotoClass.SECONDARY_CAPTURE, "51", "MONOCHROME2"),
        ("jpeg_lossless_p14_mono16.jpg", PhotoClass.SECONDARY_CAPTURE, "57", "MONOCHROME2"),
    ],
)
def test_every_jpeg_in_force_becomes_its_own_transfer_syntax(
    name: str, photo_class: PhotoClass, transfer_syntax: str, photometric: str
) -> None:
    acquired = make(sample(name), photo_class=photo_class)
    dataset = read(acquired)
    assert acquired.transfer_syntax == f"1.2.840.10008.1.2.4.{transfer_syntax}"
    assert dataset.SOPClassUID == photo_class.value
    assert dataset.PhotometricInterpretation == photometric


@needs_jpegtran
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_each_orientation_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(exif=exif_of(orientation)))
    acquired = make(path)
    dataset = read(acquired)
    turned = decoded(fragment(dataset))
    assert turned.size == (dataset.Columns, dataset.Rows)
    # A decoder rounds rows and columns in turn: one step of a sample.
    expected = decoded(path.read_bytes()).transpose(UPRIGHT[orientation])
    assert largest_difference(turned, expected) <= 3
    assert any("without loss" in note for note in acquired.notes)


@needs_jpegtran
def test_turning_there_and_back_gives_the_same_coefficients(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(exif=exif_of(6), optimize=False))
    there = fragment(read(make(path)))
    back = tmp_path / "back.jpg"
    back.write_bytes(there[:2] + exif_segment(8) + there[2:])
    assert scan(fragment(read(make(back)))) == scan(jpeg(optimize=False))


def exif_segment(orientation: int) -> bytes:
    payload = exif_of(orientation).tobytes()
    return b"\xff\xe1" + (len(payload) + 2).to_bytes(2) + payload


@needs_jpegtran
def test_a_picture_with_cut_blocks_is_not_turned(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(picture(97, 65), exif=exif_of(6)))
    with pytest.raises(AcquireError, match="cannot be turned without loss"):
        make(path)


def test_an_orientation_may_be_ignored_which_is_another_instance(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(exif=exif_of(6)))
    ignored = make(path, ignore_orientation=True)
    assert read(ignored).Rows == 64
    if shutil.which("jpegtran"):
        assert ignored.sop_instance != make(path).sop_instance


def test_turning_without_jpegtran_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(exif=exif_of(3)))
    with pytest.raises(AcquireError, match="libjpeg-turbo") as caught:
        make(path, jpegtran="no-such-program")
    assert "photograph.jpg" in str(caught.value)


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_program_that_makes_another_picture_is_not_believed(tmp_path: Path) -> None:
    path, other = tmp_path / "photograph.jpg", tmp_path / "other.jpg"
    path.write_bytes(jpeg(exif=exif_of(6)))
    other.write_bytes(jpeg(picture(32, 32)))
    program = script(tmp_path / "turn", f"cat >/dev/null; cat {other}")
    with pytest.raises(AcquireError, match="another picture"):
        make(path, jpegtran=program)


def test_a_program_that_hangs_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(exif=exif_of(6)))
    program = script(tmp_path / "turn", "exec sleep 5")
    with pytest.raises(AcquireError, match="longer than"):
        make(path, jpegtran=program, limits=AcquireLimits(max_seconds=0.1))


@needs_jpegtran
def test_a_progressive_jpeg_becomes_baseline_on_request(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(progressive=True))
    acquired = make(path, to_baseline=True)
    assert acquired.transfer_syntax == BASELINE
    kept = decoded(fragment(read(acquired)))
    assert largest_difference(kept, decoded(path.read_bytes())) == 0


def test_a_progressive_jpeg_is_refused_without_the_request(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(jpeg(progressive=True))
    with pytest.raises(AcquireError, match="baseline without loss"):
        make(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (jpeg(picture().convert("CMYK")), "CMYK"),
        (jpeg()[:-2], "cut short"),
        (jpeg()[:400], "cut short"),
        (jpeg()[:20], "cut short"),
        (b"\xff\xd8\xff\xd9", "cannot be read"),
        (b"\xff\xd8\xff\xe0\0\1" + bytes(40), "no length"),
        (b"\xff\xd8\xff\xe0\0\4ab" + bytes(40), "no marker"),
        ((sample("jpeg_extended_mono12.jpg")).read_bytes(), "Secondary Capture"),
        ((sample("jpeg_baseline_rgb.jpg")).read_bytes(), "Secondary Capture"),
    ],
)
def test_what_no_photographic_instance_holds_is_refused(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(content)
    with pytest.raises(AcquireError, match=why):
        make(path)


def test_huge_dimensions_are_refused(tmp_path: Path) -> None:
    content = bytearray(jpeg())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path = tmp_path / "photograph.jpg"
    path.write_bytes(content)
    with pytest.raises(AcquireError, match="max_pixels"):
        make(path)


def test_the_thumbnail_of_jfif_is_dropped(tmp_path: Path) -> None:
    content = jpeg()
    assert content[2:4] == b"\xff\xe0"
    header = content[6:18] + b"\x02\x02" + b"thumbnail!!!"
    path = tmp_path / "photograph.jpg"
    path.write_bytes(
        content[:2] + b"\xff\xe0" + (len(header) + 2).to_bytes(2) + header + content[20:]
    )
    kept = fragment(read(make(path)))
    assert b"thumbnail" not in kept
    assert largest_difference(decoded(kept), decoded(content)) == 0
