"""``stowage send`` to servers that others made: what it says is stored is there.

A peer that is not installed is skipped, or fails where STOWAGE_REQUIRE_PEERS=1 says that it must
be there.
"""

import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.content import differing_tags
from chalicelib.dicomweb.file_meta import read_file_meta
from tests.peers import ORTHANC_PLUGIN, require, uid_of

pytestmark = pytest.mark.xdist_group("peers")  # each peer starts once

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
# Images native and compressed, a colour one, a report, a waveform; rtplan.dcm has implicit VRs.
NAMES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "examples_ybr_color.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
    "rtplan.dcm",
)


class Peer:
    """A server on loopback. ``read`` finds a stored instance: (study, series, instance)."""

    def __init__(self, port: int, root: str, read: Callable[["Peer", str], bytes]) -> None:
        self._port = port
        self._read = read
        self.url = f"http://127.0.0.1:{port}{root}"

    def get(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request; a body is posted."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET" if body is None else "POST", path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def read(self, uid: str) -> bytes:
        """Return what is stored under a SOP Instance UID."""
        return self._read(self, uid)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextmanager
def running(words: Sequence[str], directory: Path, peer: Peer, probe: str) -> Iterator[Peer]:
    """Run a server until it is no longer needed."""
    log = directory / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(words, cwd=directory, stdout=out, stderr=subprocess.STDOUT)
    try:
        ends = time.monotonic() + START_SECONDS
        while not is_up(peer, probe):
            said = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, said
            assert time.monotonic() < ends, said
            time.sleep(0.05)
        yield peer
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_up(peer: Peer, probe: str) -> bool:
    with suppress(OSError):
        return peer.get(probe)[0] in (200, 204)
    return False


# ---------------------------------------------------------------- the peers


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Orthanc with its DICOMweb plugin and an empty store."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    require(program and ORTHANC_PLUGIN.exists(), "Orthanc with its DICOMweb plugin")
    directory, port = tmp_path_factory.mktemp("orthanc"), free_port()
    config = {
        "StorageDirectory": str(directory / "storage"),
        "IndexDirectory": str(directory / "storage"),
        "Plugins": [str(ORTHANC_PLUGIN)],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (directory / "orthanc.json").write_text(json.dumps(config))
    peer = Peer(port, "/dicom-web", read_from_orthanc)
    with running([str(program), "orthanc.json"], directory, peer, "/system"):
        yield peer


def read_from_orthanc(peer: Peer, uid: str) -> bytes:
    status, found = peer.get("/tools/lookup", uid.encode())
    assert status == 200
    [known] = [one for one in json.loads(found) if one["Type"] == "Instance"]
    status, content = peer.get(f"/instances/{known['ID']}/file")
    assert status == 200
    return content


@pytest.fixture(scope="module")
def tiny_pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """tiny-pacs with its DICOMweb extension, its files in a folder."""
    is_there = all(map(find_spec, ("tiny_pacs", "tiny_pacs_dicomweb", "waitress")))
    require(is_there, "tiny-pacs-dicomweb")
    directory, port = tmp_path_factory.mktemp("tiny-pacs"), free_port()
    storage = directory / "storage"
    config = {
        "ae": {"port": 0, "dump_ds": False},
        "log": {"version": 1, "disable_existing_loggers": False},
        "components": {
            "InMemoryStorage": {"on": False},
            "FileStorage": {"on": True, "storage_dir": str(storage)},
            "HttpServer": {"on": True, "host": "127.0.0.1", "port": port},
            "DICOMWeb": {"on": True},
        },
    }
    (directory / "config.yaml").write_text(json.dumps(config))  # JSON is YAML

    def read(_: Peer, uid: str) -> bytes:
        [path] = storage.rglob(f"{uid}*")
        return path.read_bytes()

    peer = Peer(port, "/dicomweb", read)
    words = [sys.executable, "-m", "tiny_pacs", "run", "-c", "config.yaml"]
    with running(words, directory, peer, "/dicomweb/studies"):
        yield peer


@pytest.fixture(params=["orthanc", "tiny_pacs"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """Each peer in turn."""
    found: Peer = request.getfixturevalue(request.param)
    return found


# ---------------------------------------------------------------- what is sent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Real files, and one that is not DICOM."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(Path(str(get_testdata_file(name))).read_bytes())
    (folder / "notes.txt").write_text("not DICOM")
    return folder


def send(folder: Path, peer: Peer, *options: str) -> dict[str, Any]:
    """Run the command to its end and return its report."""
    words = [sys.executable, "-m", "chalicelib.useragent.cli", "send", str(folder)]
    words += ["--to", peer.url, "--journal", str(folder.parent / "journal")]
    words += ["--json", "-", "--quiet", *options]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    return report


def is_same(one: bytes, other: bytes) -> bool:
    """Whether two files hold the same data set and pixels, in whatever File Meta Information."""
    ours, theirs = MemorySource(one), MemorySource(other)
    differing = differing_tags(ours, read_file_meta(ours), theirs, read_file_meta(theirs))
    return not differing


def test_what_is_said_to_be_stored_is_there(peer: Peer, folder: Path) -> None:
    """Each data set as it was; rtplan.dcm in explicit VRs, which the report says.

    The same command once more sends nothing.
    """
    report = send(folder, peer)

    assert (report["exit_code"], report["stored"], report["failed"]) == (0, len(NAMES), 0)
    assert report["rewritten_as_explicit_vr_little_endian"] == 1
    for name in NAMES:
        path = folder / name
        assert is_same(peer.read(uid_of(path)), path.read_bytes()), name
    again = send(folder, peer)
    assert (again["exit_code"], again["stored"], again["bytes_sent"]) == (0, len(NAMES), 0)


def test_a_study_of_its_own_is_stored_to_its_resource(peer: Peer, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = Path(shutil.copy(str(get_testdata_file("CT_small.dcm")), folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = pydicom.dcmread(path)
        one.StudyInstanceUID = one.SeriesInstanceUID = f"{one.StudyInstanceUID}.{os.getpid()}"
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"{one.StudyInstanceUID}.1"
        one.save_as(path)

    report = send(folder, peer, "--study", one.StudyInstanceUID, "--unquoted-fallback")

    assert (report["exit_code"], report["stored"]) == (0, 1)
    assert is_same(peer.read(one.SOPInstanceUID), path.read_bytes())


def test_orthanc_stores_what_is_made_of_a_clinics_files(orthanc: Peer, tmp_path: Path) -> None:
    """Photographs, a video and a document; the video's coded pictures unchanged."""
    folder = tmp_path / "in"
    folder.mkdir()
    samples = ROOT / "tests" / "samples" / "codestreams"
    for name in ("jpeg_baseline_ybr422.jpg", "h264_hp41.mp4"):
        shutil.copy(samples / name, folder)
    Image.new("RGB", (8, 6), (200, 40, 10)).save(folder / "picture.png")
    (folder / "letter.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")
    study = f"1.2.826.0.1.3680043.2.{os.getpid()}"
    stated = ["--patient-id", "42", "--issuer", "CLINIC", "--study", study, "--accession", "A-1"]

    report = send(folder, orthanc, *stated, "--set", "BodyPartExamined=HAND")

    assert (report["exit_code"], report["stored"], report["failed"]) == (0, 4, 0)
    _, found = orthanc.get("/tools/lookup", study.encode())
    [known] = [one for one in json.loads(found) if one["Type"] == "Study"]
    _, listed = orthanc.get(f"/studies/{known['ID']}/instances")
    files = [orthanc.get(f"/instances/{one['ID']}/file")[1] for one in json.loads(listed)]
    classes = {str(pydicom.dcmread(io.BytesIO(file)).SOPClassUID.name) for file in files}
    assert classes == {
        "VL Photographic Image Storage",
        "Video Photographic Image Storage",
        "Encapsulated PDF Storage",
    }
    video = (samples / "h264_hp41.mp4").read_bytes()
    pictures = video[video.index(b"mdat") + 4 :][:1000]
    assert any(pictures in file for file in files)
