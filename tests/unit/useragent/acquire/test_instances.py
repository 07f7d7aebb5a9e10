"""What holds of every kind of instance: its UIDs, its attributes, an independent validator."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.standard.created_iods import CREATED_IODS, SETTABLE
from chalicelib.useragent.acquire import Acquired, AcquireOptions, PhotoClass, acquire
from tests.unit.useragent.acquire.making import (
    NOW,
    STATED,
    exif_of,
    jpeg,
    make,
    pdf,
    png,
    profile,
    read,
    sample,
)

DCIODVFY = shutil.which("dciodvfy", path=f"{Path(sys.executable).parent}:/usr/bin:/usr/local/bin")


def photo(content: bytes, photo_class: PhotoClass) -> Callable[[Path], Acquired]:
    def made(folder: Path) -> Acquired:
        path = folder / "photograph"
        path.write_bytes(content)
        return make(path, photo_class=photo_class)

    return made


def document(folder: Path) -> Acquired:
    path = folder / "report.pdf"
    path.write_bytes(pdf())
    return make(path)


KINDS: dict[str, Callable[[Path], Acquired]] = {
    "jpeg": photo(jpeg(exif=exif_of(), icc_profile=profile()), PhotoClass.VL_PHOTOGRAPHIC),
    "grey jpeg": photo(sample("jpeg_baseline_mono8.jpg").read_bytes(), PhotoClass.VL_PHOTOGRAPHIC),
    "png": photo(png(exif=exif_of(), icc_profile=profile()), PhotoClass.VL_PHOTOGRAPHIC),
    "captured jpeg": photo(jpeg(), PhotoClass.SECONDARY_CAPTURE),
    "captured png": photo(png(), PhotoClass.SECONDARY_CAPTURE),
    "mp4": lambda folder: make(sample("h264_hp41.mp4")),
    "mpeg-2": lambda folder: make(sample("mpeg2_mpml.mpg")),
    "pdf": document,
}


@pytest.fixture(params=KINDS)
def acquired(request: pytest.FixtureRequest, tmp_path: Path) -> Acquired:
    return KINDS[request.param](tmp_path)


def test_type_1_attributes_have_a_value_and_type_2_are_there(acquired: Acquired) -> None:
    dataset = read(acquired)
    for row in CREATED_IODS[acquired.sop_class].rows():
        if row.type == "1":
            assert dataset[row.tag].VM or dataset[row.tag].value, row.keyword
        elif row.type == "2":
            assert row.tag in dataset, row.keyword


def test_no_attribute_is_outside_the_tables(acquired: Acquired) -> None:
    known = {row.tag for row in CREATED_IODS[acquired.sop_class].rows()}
    assert {int(element.tag) for element in read(acquired)} <= known


def test_it_is_what_it_says(acquired: Acquired) -> None:
    dataset = read(acquired)
    assert dataset.file_meta.MediaStorageSOPInstanceUID == acquired.sop_instance
    assert dataset.SOPClassUID == acquired.sop_class
    assert dataset.StudyInstanceUID == acquired.study == STATED["StudyInstanceUID"]
    assert dataset.SeriesInstanceUID == acquired.series
    assert str(dataset.PatientName) == STATED["PatientName"]


def test_an_origin_server_walks_it_without_an_observation(acquired: Acquired) -> None:
    source = MemorySource(acquired.content)
    file = read_dicom_file(source, read_file_meta(source), strict=True)
    assert not file.observations


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed")
def test_dciodvfy_finds_no_error(acquired: Acquired, tmp_path: Path) -> None:
    path = tmp_path / "instance.dcm"
    path.write_bytes(acquired.content)
    done = subprocess.run([str(DCIODVFY), str(path)], capture_output=True, text=True, check=False)
    found = [line for line in done.stderr.splitlines() if line.startswith(("Error", "Warning"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_file_gives_the_same_bytes_on_any_day(kind: str, tmp_path: Path) -> None:
    assert KINDS[kind](tmp_path) == KINDS[kind](tmp_path)


def test_neither_time_nor_name_of_a_file_matters(tmp_path: Path) -> None:
    one, other = tmp_path / "a.jpg", tmp_path / "b.jpeg"
    for path in (one, other):
        path.write_bytes(jpeg())
    options = AcquireOptions(values=STATED)
    later = NOW + timedelta(days=400)
    assert acquire(one, options, now=NOW).content == acquire(other, options, now=later).content


def test_another_study_or_class_is_another_instance(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    made = [
        make(path),
        make(path, {"StudyInstanceUID": "1.2.3"}),
        make(path, photo_class=PhotoClass.SECONDARY_CAPTURE),
    ]
    assert len({one.sop_instance for one in made}) == len({one.series for one in made}) == 3


def test_a_series_is_what_shares_kind_and_description(tmp_path: Path) -> None:
    one, other = tmp_path / "a.jpg", tmp_path / "b.jpg"
    one.write_bytes(jpeg())
    other.write_bytes(jpeg(quality=50))
    assert make(one).series == make(other, {"InstanceNumber": "2"}).series
    assert make(one).series != make(one, {"SeriesDescription": "follow-up"}).series


def test_uids_are_of_a_uuid(tmp_path: Path) -> None:
    made = document(tmp_path)
    for uid in (made.sop_instance, made.series):
        number = int(uid.removeprefix("2.25."))
        assert number >> 76 & 15 == 8
        assert number >> 62 & 3 == 2


def test_laterality_is_absent_of_what_a_body_has_one_of(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    assert "Laterality" not in read(make(path, {"BodyPartExamined": "NECK", "Laterality": ""}))
    assert read(make(path, {"Laterality": ""})).Laterality == ""


def test_every_settable_attribute_names_one_row() -> None:
    rows = [row for iod in CREATED_IODS.values() for row in iod.rows()]
    for keyword, row in SETTABLE.items():
        same = [other for other in rows if other.keyword == keyword]
        assert {(other.tag, other.vr, other.terms) for other in same} == {
            (row.tag, row.vr, row.terms)
        }
