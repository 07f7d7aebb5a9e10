"""Every DICOM file that pydicom bundles, over HTTP: stored as it is, or refused for a reason.

Files made by many devices and programs over thirty years, some broken on purpose.
"""

import http.client
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pydicom.data
import pytest
from pydicom import dcmread

from chalicelib.standard.reasons import FailureReason as Reason
from infra.local.stack import LocalStack
from tests.promises import Promises

pytestmark = pytest.mark.xdist_group("bundled")  # all is sent once

DATA = Path(pydicom.data.__file__).parent
NO_DICOM = ("*.txt", "*.py", "*.pyc", "*.json", "*.icc", "*.gz", "*.dump", "*/README*")
PATHS = {
    path.relative_to(DATA).as_posix(): path
    for path in sorted(DATA.rglob("*"))
    if path.is_file() and not any(fnmatch(path.as_posix(), pattern) for pattern in NO_DICOM)
}

REFUSED: dict[str, Reason] = {
    # Media directories and colour palettes: not composite, or of no patient (PS3.18 6, 12.1).
    "test_files/dicomdirtests/DICOMDIR*": Reason.SOP_CLASS_NOT_SUPPORTED,
    "test_files/dicomdirtests/TINY_ALPHA/DICOMDIR": Reason.SOP_CLASS_NOT_SUPPORTED,
    "palettes/*.dcm": Reason.SOP_CLASS_NOT_SUPPORTED,
    # Data sets without File Meta Information.
    "test_files/ExplVR_BigEndNoMeta.dcm": Reason.NOT_DICOM_FILE,
    "test_files/ExplVR_LitEndNoMeta.dcm": Reason.NOT_DICOM_FILE,
    "test_files/no_meta.dcm": Reason.NOT_DICOM_FILE,
    "test_files/rtstruct.dcm": Reason.NOT_DICOM_FILE,
    "test_files/meta_missing_tsyntax.dcm": Reason.FILE_META_UNREADABLE,
    # Without a SOP Class UID or Study Instance UID.
    "charset_files/chrSQEncoding*.dcm": Reason.MISSING_ATTRIBUTE,
    "test_files/JPEGLSNearLossless_*.dcm": Reason.MISSING_ATTRIBUTE,
    "test_files/SC_rgb_jls_lossy_*.dcm": Reason.MISSING_ATTRIBUTE,
    "test_files/UN_sequence.dcm": Reason.MISSING_ATTRIBUTE,
    "test_files/empty_charset_LEI.dcm": Reason.MISSING_ATTRIBUTE,
    "test_files/nested_priv_SQ.dcm": Reason.MISSING_ATTRIBUTE,
    "test_files/no_meta_group_length.dcm": Reason.MISSING_ATTRIBUTE,
    "test_files/priv_SQ.dcm": Reason.MISSING_ATTRIBUTE,
    # Cut short.
    "test_files/MR_truncated.dcm": Reason.TRUNCATED,
    "test_files/rtplan_truncated.dcm": Reason.TRUNCATED,
    # An implicit data set under an explicit transfer syntax.
    "test_files/SC_rgb_jpeg.dcm": Reason.MALFORMED_STRUCTURE,
}

BOUNDARY = "stowage-bundled-5a0c"
MAX_BODY = 4_000_000
MAX_PARTS = 200


def expected_reason(name: str) -> Reason | None:
    """Why a file is refused, None when it is stored."""
    return next((r for pattern, r in REFUSED.items() if fnmatch(name, pattern)), None)


@dataclass(frozen=True)
class Sent:
    """What became of all files.

    ``refusals`` are Failure Reasons by file name; ``rounds`` are the files that were stored, by
    SOP Instance UID, of each partition; ``answers`` are the files and status of each request.
    """

    refusals: Mapping[str, int]
    rounds: Mapping[str, Mapping[str, bytes]]
    answers: list[tuple[list[str], int]]


@pytest.fixture(scope="module")
def sent(running_stack: LocalStack) -> Sent:
    """Send everything, files that share a SOP Instance UID to partitions of their own; drain."""
    for queue in running_stack.template.of_type("AWS::SQS::Queue"):
        running_stack.take_messages(queue.logical_id)
    seen: Counter[str] = Counter()
    by_partition: dict[str, list[str]] = {}
    instances: dict[str, str] = {}
    for name, path in PATHS.items():
        instances[name] = uid = instance_of(path) or name
        by_partition.setdefault(f"bundled-{seen[uid]}", []).append(name)
        seen[uid] += 1
    refusals: dict[str, int] = {}
    answers = []
    for partition, names in by_partition.items():
        for batch in batches(names):
            status, module = send(running_stack, partition, batch)
            answers.append((batch, status))
            refusals |= refusals_in(module, batch)
    running_stack.drain(timeout=60.0)
    rounds = {
        partition: {instances[n]: PATHS[n].read_bytes() for n in names if n not in refusals}
        for partition, names in by_partition.items()
    }
    return Sent(refusals, rounds, answers)


def instance_of(path: Path) -> str:
    """The SOP Instance UID, "" where there is none."""
    with warnings.catch_warnings(action="ignore"):
        dataset = dcmread(path, force=True, specific_tags=["SOPInstanceUID"])
    return str(dataset.get("SOPInstanceUID", ""))


def batches(names: list[str]) -> Iterator[list[str]]:
    """The files in groups that fit in one request."""
    batch: list[str] = []
    size = 0
    for name in names:
        length = PATHS[name].stat().st_size
        if batch and (size + length > MAX_BODY or len(batch) == MAX_PARTS):
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += length
    yield batch


def send(stack: LocalStack, partition: str, names: list[str]) -> tuple[int, dict[str, Any]]:
    """POST files; return the status and the module."""
    body = b"".join(
        b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n"
        % (BOUNDARY.encode(), PATHS[name].read_bytes())
        for name in names
    )
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        "Accept": "application/dicom+json",
    }
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=60)
    try:
        path = f"/partitions/{partition}/studies"
        connection.request("POST", path, body + f"--{BOUNDARY}--".encode(), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def refusals_in(module: Mapping[str, Any], names: list[str]) -> dict[str, int]:
    """The Failure Reasons of a module by the names of the files, which are its parts."""
    items = [
        item
        for sequence in ("00081198", "0008119A")
        for item in module.get(sequence, {}).get("Value", [])
    ]
    return {names[item["00091002"]["Value"][0] - 1]: item["00081197"]["Value"][0] for item in items}


def test_pydicom_bundles_what_this_is_about() -> None:
    assert len(PATHS) > 180
    for pattern in REFUSED:
        assert any(fnmatch(name, pattern) for name in PATHS), pattern


@pytest.mark.parametrize("name", PATHS)
def test_a_file_is_stored_or_refused_for_its_reason(name: str, sent: Sent) -> None:
    reason = expected_reason(name)

    assert sent.refusals.get(name) == (reason.code if reason else None)


def test_a_request_s_status_says_whether_all_some_or_none_are_stored(sent: Sent) -> None:
    for names, status in sent.answers:
        refused = [name for name in names if expected_reason(name)]
        assert status == (409 if refused == names else 202 if refused else 200)


def test_stored_files_are_kept_byte_by_byte_and_recorded(
    sent: Sent, running_stack: LocalStack
) -> None:
    for partition, files in sent.rounds.items():
        promises_of(running_stack, partition).assert_stored_once(files)


def test_stored_files_are_counted_in_their_studies(sent: Sent, running_stack: LocalStack) -> None:
    for partition, files in sent.rounds.items():
        promises = promises_of(running_stack, partition)
        records = promises.assert_stored(files)
        promises.assert_recounted(records)
        in_study = Counter(record.key.study for record in records)
        assert {s: promises.study(s).instance_count for s in in_study} == in_study


def test_stored_files_have_verdicts(sent: Sent, running_stack: LocalStack) -> None:
    for partition, files in sent.rounds.items():
        promises_of(running_stack, partition).assert_judged(files)


def test_no_stored_file_is_poison_to_a_function(sent: Sent, running_stack: LocalStack) -> None:
    for queue in ("ValidateDeadLetters", "IndexDeadLetters", "ReconcileDeadLetters"):
        assert running_stack.take_messages(queue) == []


def promises_of(stack: LocalStack, partition: str) -> Promises:
    return Promises(stack.clients, stack.bucket, stack.table, partition)
