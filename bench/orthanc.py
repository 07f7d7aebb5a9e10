"""Orthanc with its DICOMweb plugin, where Debian's packages are installed: the same STOW-RS
requests over the loopback, into its own SQLite and file storage."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.events import CONTENT_TYPE

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A running Orthanc."""

    process_id: int
    port: int

    def store(self, body: bytes) -> int:
        """Send one Store request and return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/dicom+json"}
        connection.request("POST", "/dicom-web/studies", body, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    def cpu_seconds(self) -> float:
        """Return the CPU time that all its threads have used."""
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def find_orthanc() -> str | None:
    """Return the program's path, or None unless both packages are installed."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/bin")
    return program if PLUGIN.exists() else None


@contextlib.contextmanager
def running_orthanc(program: str) -> Iterator[Orthanc]:
    """Run Orthanc on a free port of the loopback with a storage of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-orthanc-") as folder:
        port = _free_port()
        configuration = Path(folder, "orthanc.json")
        configuration.write_text(json.dumps(_configure(folder, port)))
        process = subprocess.Popen(
            [program, str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(process, port)
            yield Orthanc(process.pid, port)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _configure(folder: str, port: int) -> dict[str, object]:
    return {
        "StorageDirectory": folder,
        "IndexDirectory": folder,
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(START_SECONDS * 10):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("Orthanc did not start")
