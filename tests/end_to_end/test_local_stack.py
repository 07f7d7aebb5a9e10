"""The local stack as a whole: resources, front, functions, other processes, the demonstration."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from pydicom.data import get_testdata_file

from infra.local.clients import make_clients
from infra.local.stack import LocalStack
from tests.end_to_end.conftest import Post

ROOT = Path(__file__).resolve().parent.parent.parent
CT = Path(str(get_testdata_file("CT_small.dcm")))


def test_a_posted_instance_is_stored_announced_and_consumed(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    answer = post(
        f"/partitions/{partition}/studies",
        CT.read_bytes(),
        {"Content-Type": "application/dicom", "Accept": "application/dicom+json"},
    )
    local_stack.drain()

    assert answer.status == 200
    uid = answer.json()["00081199"]["Value"][0]["00081155"]["Value"][0]
    stored = local_stack.clients.s3.get_object(
        Bucket=local_stack.bucket, Key=f"{partition}/instances/{uid}.dcm"
    )
    assert stored["Body"].read() == CT.read_bytes()
    for queue in ("ValidateDeadLetters", "IndexDeadLetters", "ReconcileDeadLetters"):
        assert local_stack.take_messages(queue) == []


def test_other_processes_see_the_same_resources(local_stack: LocalStack) -> None:
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=local_stack.endpoint_url)

    assert local_stack.bucket in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_a_queue_with_a_shorter_delay_lets_reconcile_look_at_once(
    local_stack: LocalStack,
) -> None:
    local_stack.set_reconcile_delay(0)
    local_stack.clients.s3.put_object(Bucket=local_stack.bucket, Key="x/unrelated", Body=b"")

    [notification] = local_stack.take_messages("ReconcileQueue")
    assert notification["Records"][0]["s3"]["object"]["key"] == "x%2Funrelated"


def test_a_taken_port_is_an_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), LocalStack(port):
            pass


# ---------------------------------------------------------------- make run


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def run_stack(tmp_path: Path, **environment: str) -> subprocess.Popen[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        cwd=tmp_path,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lines_until(process: subprocess.Popen[str], end: str) -> Iterator[str]:
    assert process.stdout is not None
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            yield line.rstrip("\n")
            if line.startswith(end):
                return
    finally:
        watchdog.cancel()


def test_make_run_shows_what_became_of_real_instances_and_ends_with_ctrl_c(
    tmp_path: Path, free_port: int
) -> None:
    process = run_stack(tmp_path, PORT=str(free_port))
    try:
        said = "\n".join(lines_until(process, "Ctrl-C"))
        described = (tmp_path / ".stowage" / "local.env").read_text(encoding="utf-8")
        logged = (tmp_path / ".stowage" / "functions.log").read_text(encoding="utf-8")
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert f"Ready: http://127.0.0.1:{free_port}/studies" in said
    assert "in memory" in said
    assert "stored   CT_small.dcm" in said
    assert "failed   MR_small_RLE.dcm" in said
    assert "0111H: " in said
    assert "Traceback" not in said + rest
    assert "AWS_ENDPOINT_URL=" in described
    assert not (tmp_path / ".stowage" / "local.env").exists()
    assert "store answered" in logged
    assert "CompressedSamples" not in logged + said


def test_make_run_without_demo_starts_empty(tmp_path: Path, free_port: int) -> None:
    process = run_stack(tmp_path, PORT=str(free_port), DEMO="0")
    try:
        said = "\n".join(lines_until(process, "Ctrl-C"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    assert process.returncode == 0
    assert "POST http" not in said
    assert "curl" in said


def test_make_run_says_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = run_stack(tmp_path, PORT=str(port))
        said, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert f"Port {port} is taken. Choose another: make run PORT={port + 1}" in said


def test_the_clients_follow_the_endpoint_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(Exception, match=r"127\.0\.0\.1:1"):
        make_clients()
