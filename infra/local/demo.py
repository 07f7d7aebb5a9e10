"""Real instances, sent over real HTTP as a client would, and the answer in words.

Belongs here: what ``make run`` sends and how it prints what came back. It knows the server by
its URL alone, and prints UIDs, never what a file says about a patient.
"""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.misc import is_dicom
from pydicom.uid import UID

BUNDLED = (
    "CT_small.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "SC_rgb_rle.dcm",
    "examples_ybr_color.dcm",
    "rtplan.dcm",
    "reportsi.dcm",
    "waveform_ecg.dcm",
)
"""Eight instances of eight studies that come with pydicom: images plain, JPEG, JPEG 2000 and RLE,
a plan, a report and an ECG."""

BUNDLED_AGAIN = ("CT_small.dcm", "MR_small_RLE.dcm")
"""One sent before, and one that has another's SOP Instance UID: stored once, and refused."""

BATCH_SIZE = 4_000_000
"""Bytes of files in one request: base64 makes 6 MB of 4.5, which is all that a function takes."""

BATCH_COUNT = 100

_BOUNDARY = "stowage-demo-7f3ab1c9"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered to one request."""

    status: int
    reason: str
    content_type: str
    body: bytes


def bundled(names: Iterable[str]) -> list[Path]:
    """Return the paths of files that pydicom's wheel contains."""
    paths = [get_testdata_file(name, download=False) for name in names]
    return [Path(str(path)) for path in paths if path is not None]


def files_under(directory: Path) -> list[Path]:
    """Return the DICOM files under a directory, in order of their paths."""
    return sorted(path for path in directory.rglob("*") if path.is_file() and is_dicom(path))


def batches(files: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield the files in groups that fit in one request; one too large for that comes alone."""
    batch: list[Path] = []
    size = 0
    for path in files:
        length = path.stat().st_size
        if batch and (size + length > BATCH_SIZE or len(batch) == BATCH_COUNT):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch


def send(url: str, files: Sequence[Path], fields: Mapping[str, str] | None = None) -> Reply:
    """POST files to the Studies resource of the origin server at ``url``.

    Parameters
    ----------
    fields
        Header fields to add, such as Authorization.

    Raises
    ------
    OSError
        When the connection fails.
    """
    body = b"".join(
        b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n"
        % (_BOUNDARY.encode(), path.read_bytes())
        for path in files
    )
    body += f"--{_BOUNDARY}--\r\n".encode()
    target = urlsplit(url)
    connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
    try:
        connection.request(
            "POST",
            f"{target.path}/studies",
            body,
            {
                "Content-Type": f'multipart/related; type="application/dicom"; '
                f'boundary="{_BOUNDARY}"',
                "Accept": "application/dicom+json",
                **(fields or {}),
            },
        )
        response = connection.getresponse()
        content_type = response.getheader("Content-Type", "")
        return Reply(response.status, response.reason, content_type, response.read())
    finally:
        connection.close()


def describe(reply: Reply, files: Sequence[Path]) -> Iterator[str]:
    """Yield an answer's lines: the status, then one line for each instance.

    Parameters
    ----------
    files
        What was sent, in order, to name each instance's file.
    """
    yield f"{reply.status} {reply.reason} ({reply.content_type})"
    try:
        module = json.loads(reply.body)
    except ValueError:
        yield f"  {reply.body[:500].decode('utf-8', 'replace')}"
        return
    if not isinstance(module, dict) or "dicom+json" not in reply.content_type:
        yield f"  {json.dumps(module)}"
        return
    names = _Names(files)
    failed = [(item, names.take_part(_value(item, "00091002"))) for item in _failures(module)]
    for item in _items(module, "00081199"):
        yield f"  stored   {_instance(item, names.take_uid(_value(item, '00081155')))}"
    for item, name in failed:
        yield f"  failed   {_instance(item, name)}"
        yield f"           {_failure(item)}"


class _Names:
    """Finds each item's file: by its part number, or by its UID among the files that are left."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._left = dict(enumerate(files, start=1))

    def take_part(self, number: object) -> str:
        path = self._left.pop(number, None) if isinstance(number, int) else None
        return path.name if path else ""

    def take_uid(self, uid: object) -> str:
        found = (number for number, path in self._left.items() if _instance_uid(path) == uid)
        return self.take_part(next(found, None))


def _instance_uid(path: Path) -> UID | None:
    dataset = dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True, force=True)
    uid: UID | None = dataset.get("SOPInstanceUID")
    return uid


def _items(module: Mapping[str, Any], tag: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = module.get(tag, {}).get("Value", [])
    return items


def _failures(module: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what failed: instances, then parts that name none."""
    return _items(module, "00081198") + _items(module, "0008119A")


def _value(item: Mapping[str, Any], tag: str) -> Any:
    return next(iter(item.get(tag, {}).get("Value", [])), None)


def _instance(item: Mapping[str, Any], name: str) -> str:
    uid, sop_class = _value(item, "00081155"), _value(item, "00081150")
    return f"{name:<26} {UID(str(sop_class)).name if sop_class else '':<38} {uid or ''}".rstrip()


def _failure(item: Mapping[str, Any]) -> str:
    reason = _value(item, "00081197")
    code = f"{reason:04X}H" if isinstance(reason, int) else "no reason given"
    explanation = _value(item, "00091001")
    return f"{code}: {explanation}" if explanation else code
