"""``stowage send`` against the real product: every representation, and kill -9 at any moment."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from infra.local.stack import LocalStack
from tests.builders_dicom import BIG, DEFLATED, IMPLICIT, LITTLE, Uids, make_file, uid_of

ROOT = Path(__file__).resolve().parents[2]
INSTANCES = 300
KILLS = 7
REAL = (
    "CT_small.dcm",
    "JPEG2000.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "waveform_ecg.dcm",
    "test-SR.dcm",
    "liver_1frame.dcm",
)


def command(folder: Path, url: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "chalicelib.useragent.cli", "send", str(folder), "--to", url,
            "--journal", str(folder.parent / "journal"), *options]  # fmt: skip


def send(folder: Path, url: str, *options: str) -> dict[str, Any]:
    """Run the command to its end; the report holds its exit code."""
    words = command(folder, url, "--json", "-", "--quiet", *options)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    return report


def keys_in(stack: LocalStack, partition: str) -> list[str]:
    """Return the keys of what is stored in a partition."""
    pages = stack.clients.s3.get_paginator("list_objects_v2").paginate(
        Bucket=stack.bucket, Prefix=f"{partition}/instances/"
    )
    return [one["Key"] for page in pages for one in page.get("Contents", ())]


def stored_in(stack: LocalStack, partition: str) -> dict[str, bytes]:
    """Return what is stored in a partition, by SOP Instance UID."""
    return {
        Path(key).stem: stack.clients.s3.get_object(Bucket=stack.bucket, Key=key)["Body"].read()
        for key in keys_in(stack, partition)
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An instance of each encoding."""
    folder = tmp_path / "in"
    folder.mkdir()
    for encoding in (LITTLE, IMPLICIT, BIG, DEFLATED):
        uids = Uids.of("send", encoding.name, study=uid_of("sent study"))
        (folder / encoding.name).write_bytes(make_file(uids, encoding=encoding).encode())
    return folder


@pytest.mark.proves("ua-policy:untouched")
def test_bytes_arrive_untouched_but_for_what_may_not_travel(
    local_stack: LocalStack, partition: str, folder: Path
) -> None:
    report = send(folder, f"{local_stack.url}/partitions/{partition}")

    assert (report["exit_code"], report["stored"]) == (0, 4)
    assert report["rewritten_as_explicit_vr_little_endian"] == 2
    stored = stored_in(local_stack, partition).values()
    for encoding in (LITTLE, DEFLATED):
        assert (folder / encoding.name).read_bytes() in stored
    syntaxes = [pydicom.dcmread(io.BytesIO(one)).file_meta.TransferSyntaxUID for one in stored]
    assert sorted(syntaxes) == [ExplicitVRLittleEndian] * 3 + ["1.2.840.10008.1.2.1.99"]


@pytest.mark.proves("ua-policy:raw")
def test_raw_sends_everything_as_it_is(
    local_stack: LocalStack, partition: str, folder: Path
) -> None:
    report = send(folder, f"{local_stack.url}/partitions/{partition}", "--raw")

    assert report["exit_code"] == 0
    expected = sorted(path.read_bytes() for path in folder.iterdir())
    assert sorted(stored_in(local_stack, partition).values()) == expected


@pytest.mark.parametrize(
    "options",
    [
        ("--gzip",),
        ("--chunked",),
        ("--gzip", "--chunked"),
        ("--transfer-syntax",),
        ("--accept", "xml"),
        ("--expect-continue", "--batch-parts", "1"),
    ],
    ids=" ".join,
)
def test_every_shape_is_stored(
    local_stack: LocalStack, partition: str, folder: Path, options: tuple[str, ...]
) -> None:
    report = send(folder, f"{local_stack.url}/partitions/{partition}", *options)
    assert (report["exit_code"], report["stored"]) == (0, 4)


def encapsulated_pdf() -> bytes:
    """An Encapsulated PDF with a document of odd length."""
    uids = Uids.of("pdf")
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = EncapsulatedPDFStorage, uids.instance
    one.StudyInstanceUID, one.SeriesInstanceUID = uids.study, uids.series
    one.MIMETypeOfEncapsulatedDocument = "application/pdf"
    one.EncapsulatedDocument = b"%PDF-1.7\n%%EOF\n" + b"\0"
    one.EncapsulatedDocumentLength = 15
    return written(one, ExplicitVRLittleEndian)


def two_fragments_a_frame() -> bytes:
    """Two JPEG frames in three fragments, told apart by the Basic Offset Table alone."""
    single = pydicom.dcmread(str(get_testdata_file("SC_rgb_jpeg_dcmtk.dcm")))
    [frame] = pydicom.encaps.generate_frames(single.PixelData, number_of_frames=1)
    single.NumberOfFrames = 2
    single.SOPInstanceUID = single.file_meta.MediaStorageSOPInstanceUID = uid_of("fragments")
    single.PixelData = encapsulate([frame, frame], fragments_per_frame=2, has_bot=True)
    return written(single, single.file_meta.TransferSyntaxUID)


def written(one: Dataset, syntax: str) -> bytes:
    one.ensure_file_meta()
    one.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    out = io.BytesIO()
    one.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Real files: uncompressed, JPEG, JPEG 2000, RLE, waveform, report, bits, document."""
    folder = tmp_path / "real"
    folder.mkdir()
    for name in REAL:
        path = get_testdata_file(name, download=False)
        if path is not None:
            (folder / name).write_bytes(Path(str(path)).read_bytes())
    (folder / "pdf").write_bytes(encapsulated_pdf())
    (folder / "fragments").write_bytes(two_fragments_a_frame())
    return folder


@pytest.mark.parametrize("form", ["json", "xml"])
def test_metadata_with_bulkdata_are_stored_with_the_same_values(
    local_stack: LocalStack, partition: str, real: Path, form: str
) -> None:
    report = send(real, f"{local_stack.url}/partitions/{partition}", "--as", form)

    failed = [one for one in report["outcomes"] if one["state"] not in ("referenced", "warned")]
    assert not failed
    stored = stored_in(local_stack, partition)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in real.iterdir():
            before = pydicom.dcmread(path)
            after = pydicom.dcmread(io.BytesIO(stored[before.SOPInstanceUID]))
            assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
            assert pixels_of(after) == pixels_of(before), path.name
            assert values_of(before).items() <= values_of(after).items(), path.name


def pixels_of(one: Dataset) -> list[bytes]:
    """Return the frames' bytes without padding; native pixels as one."""
    if "PixelData" not in one:
        return []
    if not one.file_meta.TransferSyntaxUID.is_encapsulated:
        return [one.PixelData]
    frames = int(one.get("NumberOfFrames", 1))
    found = pydicom.encaps.generate_frames(one.PixelData, number_of_frames=frames)
    return [frame.rstrip(b"\0") for frame in found]


def values_of(one: Dataset) -> dict[str, str]:
    """Return public values but for pixels and what building an instance has to write anew."""
    anew = ("PixelData", "SpecificCharacterSet", "DataSetTrailingPadding")
    return {
        element.keyword: str(element.value)
        for element in one
        if element.keyword and element.keyword not in anew and element.VR not in ("SQ", "UN")
    }


@pytest.mark.proves("ua-policy:kill")
def test_killed_at_random_moments_every_instance_is_stored_exactly_once(
    local_stack: LocalStack, partition: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    uids = [Uids.of("killed", number, study=uid_of("killed")) for number in range(INSTANCES)]
    for one in uids:
        (folder / one.instance).write_bytes(make_file(one).encode())
    url = f"{local_stack.url}/partitions/{partition}"
    words = command(folder, url, "--quiet", "--batch-parts", "3", "--connections", "2")
    moments = random.Random(9)
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
        before = len(keys_in(local_stack, partition))
        deadline = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < deadline:
            if len(keys_in(local_stack, partition)) > before:
                break
        time.sleep(moments.uniform(0, 0.12))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()

    report = send(folder, url)

    assert killed >= 2
    assert (report["exit_code"], report["stored"], report["unverified"]) == (0, INSTANCES, 0)
    stored = [Path(key).stem for key in keys_in(local_stack, partition)]
    assert sorted(stored) == sorted(one.instance for one in uids)
    versions = local_stack.clients.s3.list_object_versions(
        Bucket=local_stack.bucket, Prefix=f"{partition}/instances/"
    )
    assert len(versions["Versions"]) == INSTANCES
