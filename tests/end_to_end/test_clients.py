"""Clients that others made, against the running product: what they send, and what they conclude.

A client that is not installed is skipped, or fails where STOWAGE_REQUIRE_PEERS=1 says that it
must be there.
"""

import contextlib
import http.client
import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file

from infra.local.stack import LocalStack
from tests.end_to_end.conftest import Post
from tests.peers import ORTHANC_PLUGIN, require, uid_of

pytestmark = pytest.mark.xdist_group("clients")  # Orthanc starts once

ORTHANC_START_SECONDS = 30.0
BOUNDARY = "stowage-clients-0b7d"

CT = Path(str(get_testdata_file("CT_small.dcm")))
MR = Path(str(get_testdata_file("MR_small.dcm")))
# Sizes, syntaxes and classes apart: an image, a compressed one, a large one, a report, a plan.
FILES = tuple(
    Path(str(get_testdata_file(name)))
    for name in (
        "CT_small.dcm",
        "JPEG2000.dcm",
        "examples_ybr_color.dcm",
        "test-SR.dcm",
        "rtplan.dcm",
    )
)


class Store:
    """What the partition of a test holds."""

    def __init__(self, stack: LocalStack, partition: str) -> None:
        self._stack = stack
        self._partition = partition
        self.url = f"{stack.url}/partitions/{partition}"

    def keys(self) -> set[str]:
        listed = self._stack.clients.s3.list_objects_v2(
            Bucket=self._stack.bucket, Prefix=f"{self._partition}/"
        )
        return {Path(entry["Key"]).stem for entry in listed.get("Contents", [])}

    def content(self, uid: str) -> bytes:
        key = f"{self._partition}/instances/{uid}.dcm"
        got = self._stack.clients.s3.get_object(Bucket=self._stack.bucket, Key=key)
        content: bytes = got["Body"].read()
        return content

    def holds(self, *files: Path) -> bool:
        """Whether these files, byte by byte, are all there is."""
        wanted = {uid_of(path): path.read_bytes() for path in files}
        return self.keys() == wanted.keys() and all(
            self.content(uid) == content for uid, content in wanted.items()
        )


@pytest.fixture
def store(local_stack: LocalStack, partition: str) -> Store:
    """A partition nothing was stored to."""
    return Store(local_stack, partition)


# ---------------------------------------------------------------- curl


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    """A multipart payload in a file, as a script would make it."""
    path = tmp_path / "payload"
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    parts = [head + file.read_bytes() + b"\r\n" for file in FILES]
    path.write_bytes(b"".join(parts) + f"--{BOUNDARY}--\r\n".encode())
    return path


MULTIPART = f'Content-Type: multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def curl(url: str, *arguments: str, given: bytes | None = None) -> tuple[int, str, bytes]:
    """Run curl; return the status, the Content-Type and the body."""
    require(shutil.which("curl"), "curl")
    told = r"\n%{http_code} %{content_type}"
    command = ["curl", "-sS", "--max-time", "30", "-w", told, *arguments, f"{url}/studies"]
    finished = subprocess.run(command, input=given, capture_output=True, check=False, timeout=40)
    assert finished.returncode == 0, finished.stderr.decode()
    body, _, last = finished.stdout.rpartition(b"\n")
    status, _, content_type = last.decode().partition(" ")
    return int(status), content_type, body


def test_curl_sends_a_single_file(store: Store) -> None:
    status, content_type, body = curl(
        store.url, "-H", "Content-Type: application/dicom", "--data-binary", f"@{CT}"
    )

    assert (status, content_type) == (200, "application/dicom+json")
    assert len(json.loads(body)["00081199"]["Value"]) == 1
    assert store.holds(CT)


@pytest.mark.parametrize(
    "how",
    [
        (),
        ("-H", "Transfer-Encoding: chunked"),
        ("-H", "Expect: 100-continue"),
        ("-H", "Expect:"),
        ("--http1.0",),
        ("-H", "Accept: application/dicom+xml"),
    ],
    ids=["plain", "chunked", "expecting 100", "not expecting 100", "HTTP/1.0", "XML"],
)
def test_curl_sends_a_multipart_payload(store: Store, payload: Path, how: tuple[str, ...]) -> None:
    status, _, _ = curl(store.url, "-H", MULTIPART, *how, "--data-binary", f"@{payload}")

    assert status == 200
    assert store.holds(*FILES)


def test_curl_sends_what_it_reads_from_a_pipe(store: Store, payload: Path) -> None:
    status, _, _ = curl(
        store.url, "-X", "POST", "-H", MULTIPART, "-T", "-", given=payload.read_bytes()
    )

    assert status == 200
    assert store.holds(*FILES)


def test_curl_is_told_that_a_file_is_too_large(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(12_000_000))

    status, _, body = curl(
        store.url, "-H", "Content-Type: application/dicom", "--data-binary", f"@{large}"
    )

    assert status == 413
    assert json.loads(body)["detail"]


# ---------------------------------------------------------------- dicomweb-client


def dicomweb_client(url: str) -> Any:
    require(find_spec("dicomweb_client"), "dicomweb-client")
    from dicomweb_client import DICOMwebClient

    return DICOMwebClient(url)


def test_dicomweb_client_stores_and_reads_what_is_referenced(store: Store) -> None:
    sent = [pydicom.dcmread(path) for path in FILES]

    answer = dicomweb_client(store.url).store_instances(sent)

    referenced = [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence]
    assert referenced == [dataset.SOPInstanceUID for dataset in sent]
    assert "FailedSOPSequence" not in answer
    assert store.keys() == set(referenced)


def test_dicomweb_client_stores_to_a_study_and_reads_what_failed(store: Store) -> None:
    ours, theirs = pydicom.dcmread(CT), pydicom.dcmread(MR)

    answer = dicomweb_client(store.url).store_instances([ours, theirs], ours.StudyInstanceUID)

    [failed] = answer.FailedSOPSequence
    assert failed.ReferencedSOPInstanceUID == theirs.SOPInstanceUID
    assert failed.FailureReason == 0xA901
    assert store.keys() == {ours.SOPInstanceUID}


# ---------------------------------------------------------------- Orthanc


class Orthanc:
    """An Orthanc on loopback, driven by its own REST API."""

    def __init__(self, port: int) -> None:
        self._port = port

    def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send one request to it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def is_up(self) -> bool:
        with contextlib.suppress(OSError):
            return self.call("GET", "/system")[0] == 200
        return False

    def add(self, path: Path) -> str:
        """Give it a file; return the name it has for the instance."""
        status, answer = self.call("POST", "/instances", path.read_bytes())
        assert status == 200, answer
        name: str = json.loads(answer)["ID"]
        return name

    def stow(self, url: str, *resources: str) -> tuple[int, Any]:
        """Let it store its instances there by STOW-RS; return the status and what it says."""
        server = json.dumps({"Url": f"{url}/"}).encode()
        assert self.call("PUT", "/dicom-web/servers/stowage", server)[0] == 200
        wanted = json.dumps({"Resources": resources, "Synchronous": True}).encode()
        status, answer = self.call("POST", "/dicom-web/servers/stowage/stow", wanted)
        return status, json.loads(answer)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A running Orthanc with an empty store."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    require(program and ORTHANC_PLUGIN.exists(), "Orthanc with its DICOMweb plugin")
    directory = tmp_path_factory.mktemp("orthanc")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = directory / "orthanc.json"
    config.write_text(json.dumps(orthanc_config(directory, port)), encoding="utf-8")
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), str(config)], cwd=directory, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            peer = Orthanc(port)
            ends = time.monotonic() + ORTHANC_START_SECONDS
            while not peer.is_up():
                said = (directory / "log").read_text(errors="replace")
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


def orthanc_config(directory: Path, port: int) -> dict[str, Any]:
    """Loopback only, no DICOM network, DICOMweb with a server that tests will point elsewhere."""
    return {
        "Name": "Stowage's peer",
        "StorageDirectory": str(directory / "storage"),
        "IndexDirectory": str(directory / "storage"),
        "Plugins": [str(ORTHANC_PLUGIN)],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "HttpsVerifyPeers": False,
        "DicomWeb": {
            "Enable": True,
            "Servers": {"stowage": [f"http://127.0.0.1:{port}/"]},
        },
    }


def test_orthanc_stores_one_instance(store: Store, orthanc: Orthanc) -> None:
    status, said = orthanc.stow(store.url, orthanc.add(CT))

    assert status == 200, said
    assert store.holds(CT)


def test_orthanc_stores_many_instances_of_many_kinds(store: Store, orthanc: Orthanc) -> None:
    status, said = orthanc.stow(store.url, *(orthanc.add(path) for path in FILES))

    assert status == 200, said
    assert store.holds(*FILES)


def test_orthanc_stores_the_same_instances_again(store: Store, orthanc: Orthanc) -> None:
    names = [orthanc.add(path) for path in FILES]

    answers = [orthanc.stow(store.url, *names)[0] for _ in range(2)]

    assert answers == [200, 200]
    assert store.holds(*FILES)


def test_orthanc_is_told_of_a_failure(
    store: Store, orthanc: Orthanc, post: Post, partition: str
) -> None:
    """What the origin server refused is an error of Orthanc's own request."""
    other = pydicom.dcmread(CT)
    other.PatientID = "another"
    content = io.BytesIO()
    other.save_as(content)
    headers = {"Content-Type": "application/dicom"}
    assert post(f"/partitions/{partition}/studies", content.getvalue(), headers).status == 200

    status, said = orthanc.stow(store.url, orthanc.add(CT))

    assert status >= 400, said
    assert store.content(uid_of(CT)) == content.getvalue()
