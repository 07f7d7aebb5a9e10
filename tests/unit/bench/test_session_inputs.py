"""What sessions are measured with is DICOM, and what they are measured against stores it whole."""

import os
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_fragments, parse_basic_offsets

from bench.ct import ct_instances
from bench.plain_upload import Body, measured, upload
from bench.rows import environment
from bench.session_inputs import FRAGMENTABLE_H264, write_ct_folder, write_sparse_video
from bench.stand_in.running import RunningStandIn
from chalicelib.dicomweb.byte_source import RangeSource
from chalicelib.dicomweb.codestreams.mpeg4 import read_h264
from chalicelib.dicomweb.dicom_file import read_dicom_file
from chalicelib.dicomweb.file_meta import read_file_meta
from tests.unit.bench.asking import make_client

MIB = 1024 * 1024


def test_a_folder_has_the_instances_of_a_study(tmp_path: Path) -> None:
    uids = write_ct_folder(tmp_path / "study", 2, study=7)
    expected = list(ct_instances(2, study=7))
    assert uids == [uid for uid, _ in expected]
    files = sorted((tmp_path / "study").iterdir())
    assert [file.read_bytes() for file in files] == [content for _, content in expected]


def test_a_video_of_5_gb_is_read_and_takes_no_disk(tmp_path: Path) -> None:
    path = tmp_path / "video.dcm"
    uid = write_sparse_video(path, 5_000_000_000)
    found = path.stat()
    assert (found.st_size, found.st_blocks * 512 < MIB) == (5_000_000_000, True)
    with path.open("rb") as file:
        source = RangeSource(
            found.st_size, lambda start, length: os.pread(file.fileno(), length, start)
        )
        read = read_dicom_file(source, read_file_meta(source), strict=True)
    assert (read.sop_instance, read.transfer_syntax.uid) == (uid, FRAGMENTABLE_H264)
    assert dcmread(path, stop_before_pixels=True).SOPInstanceUID == uid


@pytest.mark.parametrize("size", [2000, 2048, 10_000, 10_006, 10_008, 10_010, 20_000])
def test_a_video_has_fragments_of_one_stream_and_exactly_its_size(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "video.dcm"
    write_sparse_video(path, size, fragment=1000)
    assert path.stat().st_size == size
    dataset = dcmread(path)
    assert parse_basic_offsets(dataset.PixelData) == []
    fragments = list(generate_fragments(dataset.PixelData[8:]))
    assert all(2 <= len(fragment) <= 1100 for fragment in fragments)
    assert len(fragments) > 1 or size < 3000
    assert b"".join(fragments)[4:12] == b"ftypisom"
    read_h264(fragments[0])


def test_two_videos_and_the_images_of_a_study_are_one_study(tmp_path: Path) -> None:
    path = tmp_path / "video.dcm"
    (image,) = write_ct_folder(tmp_path / "study", 1, study=3)
    uids = {write_sparse_video(path, 10_000, study=3, number=number) for number in (1, 2)}
    assert len({image, *uids}) == 3
    first = dcmread(tmp_path / "study" / "000000.dcm", stop_before_pixels=True)
    assert dcmread(path).StudyInstanceUID == first.StudyInstanceUID


@pytest.mark.parametrize("size", [100, 10_001])
def test_a_size_that_no_video_has_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError):
        write_sparse_video(tmp_path / "video.dcm", size)


def test_a_body_is_read_across_files(tmp_path: Path) -> None:
    contents = [b"abc", b"", b"defgh", b"i"]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    body, whole = Body([tmp_path]), b"".join(contents)
    assert body.size == len(whole)
    for start in range(len(whole)):
        for length in range(1, len(whole) + 2):
            assert body.read(start, length) == whole[start : start + length]


def test_a_plain_upload_stores_the_files_end_to_end(tmp_path: Path) -> None:
    write_ct_folder(tmp_path / "study", 24)
    body = Body([tmp_path / "study"])
    with RunningStandIn("--directory", str(tmp_path / "objects")) as stand_in:
        client = make_client("s3", stand_in.url)
        assert upload(client, body, "plain", "k", part_size=5 * MIB) == 3
        stored = client.get_object(Bucket="plain", Key="k")["Body"].read()
        client.close()
        assert stored == body.read(0, body.size)
        found = measured([tmp_path / "study"], environment(stand_in.url), "--key", "other")
        assert (found["bytes"], found["parts"]) == (body.size, 2)
        assert stand_in.held()["objects"]["plain"] == ["k", "other"]
