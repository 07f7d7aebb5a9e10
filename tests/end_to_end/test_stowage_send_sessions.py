"""``stowage send`` by store session against the real product, and kill -9 at any moment."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.stack import LocalStack
from tests.builders_dicom import PIXEL_DATA, Uids, element, make_file, uid_of
from tests.end_to_end.test_stowage_send import ROOT, command, keys_in, send

LARGE = 20_000_000
SMALL = 40
KILLS = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One instance that no request can hold, and many small ones."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(SMALL):
        one = Uids.of("session", number, study=uid_of("by session"))
        (folder / one.instance).write_bytes(make_file(one).encode())
    one = Uids.of("session", "large", study=uid_of("by session"))
    file = make_file(one).with_elements(element(PIXEL_DATA, "OW", b"", length=LARGE))
    with (folder / one.instance).open("wb") as out:
        out.write(file.encode())
        out.write(random.Random(1).randbytes(LARGE))
    return folder


@pytest.fixture
def ingesting(local_stack: LocalStack) -> Iterator[LocalStack]:
    """The stack with its workers at work."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            local_stack.drain()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield local_stack
    done.set()
    thread.join()


def versions_in(stack: LocalStack, partition: str) -> list[str]:
    """Return the keys of all versions of what is stored: each once if nothing was stored twice."""
    pages = stack.clients.s3.get_paginator("list_object_versions").paginate(
        Bucket=stack.bucket, Prefix=f"{partition}/instances/"
    )
    return sorted(Path(one["Key"]).stem for page in pages for one in page.get("Versions", ()))


def test_what_no_request_can_hold_is_stored_by_session(
    ingesting: LocalStack, partition: str, folder: Path
) -> None:
    report = send(folder, f"{ingesting.url}/partitions/{partition}")

    assert (report["exit_code"], report["stored"]) == (0, SMALL + 1)
    large = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    [key] = [key for key in keys_in(ingesting, partition) if large.name in key]
    stored = ingesting.clients.s3.get_object(Bucket=ingesting.bucket, Key=key)["Body"].read()
    assert stored == large.read_bytes()


def test_without_capabilities_a_refusal_tells_of_sessions(
    ingesting: LocalStack, partition: str, folder: Path
) -> None:
    url = f"{ingesting.url}/partitions/{partition}"
    report = send(folder, url, "--no-capabilities")
    assert (report["exit_code"], report["stored"]) == (0, SMALL + 1)


def test_everything_can_go_by_session(ingesting: LocalStack, partition: str, folder: Path) -> None:
    url = f"{ingesting.url}/partitions/{partition}"
    assert send(folder, url, "--door", "session")["exit_code"] == 0
    again = send(folder, url, "--door", "session", "--again")
    assert (again["exit_code"], again["stored"]) == (0, SMALL + 1)
    assert versions_in(ingesting, partition) == sorted(path.name for path in folder.iterdir())


def written(journal: Path) -> int:
    """When the file was written last; 0 without it, for whoever ends whole removes it."""
    try:
        return journal.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def test_killed_at_random_moments_of_a_session_every_instance_is_stored_exactly_once(
    ingesting: LocalStack, partition: str, folder: Path
) -> None:
    url = f"{ingesting.url}/partitions/{partition}"
    words = command(folder, url, "--quiet", "--door", "session", "--connections", "1")
    moments = random.Random(7)
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
        journal = folder.parent / "journal-wal"
        before = written(journal)
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            if written(journal) not in (0, before):
                break
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.6))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()

    report = send(folder, url, "--door", "session")

    assert killed >= 2
    total = SMALL + 1
    assert (report["exit_code"], report["stored"], report["unverified"]) == (0, total, 0)
    assert versions_in(ingesting, partition) == sorted(path.name for path in folder.iterdir())
