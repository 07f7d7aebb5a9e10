"""ministack: an emulator of AWS that runs the packaged zip, with permissions enforced.

It lives in a virtual environment of its own, with nothing of the product's in it: a dependency
that the zip lacks is missing there too. It speaks TLS, because the resources refuse anything else.
"""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.local.front import LOOPBACK

VERSION = "1.5.33"
REQUIREMENTS = (f"ministack=={VERSION}", "aws-sam-translator>=1.100", "boto3")
ENVIRONMENT = Path(".stowage", "ministack")
REGION = "us-east-1"
_KEY, _SECRET = "stowage-root", "stowage-secret"
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator, and clients that may do everything in it."""

    url: str
    log: Path
    certificate: Path

    def client(self, service: str, **credentials: str) -> Any:
        """Return a client, by default with the account's own credentials."""
        # What S3 is asked to sign is signed as the product signs it, not in boto3's older way.
        signature = "s3v4" if service == "s3" else None
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            verify=str(self.certificate),
            config=Config(
                retries={"total_max_attempts": 2},
                connect_timeout=2,
                read_timeout=60,
                signature_version=signature,
            ),
            **(credentials or {"aws_access_key_id": _KEY, "aws_secret_access_key": _SECRET}),
        )


def install(environment: Path = ENVIRONMENT) -> Path:
    """Make the emulator's virtual environment unless it is there; return its interpreter."""
    python = environment.resolve() / "bin" / "python"
    done = environment / f".installed-{VERSION}"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*command, *REQUIREMENTS], check=True, stdin=subprocess.DEVNULL)
        done.touch()
    return python


@contextlib.contextmanager
def running(python: Path, scratch: Path) -> Iterator[Emulator]:
    """Run the emulator on loopback until the block ends; its files are in ``scratch``."""
    port = _free_port()
    environment = {
        # Functions run on the first python3 of the path: the one whose wheels the zip holds.
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "AUTH": "true",
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "LAMBDA_EXECUTOR": "local",
        "USE_SSL": "1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    log = scratch / "ministack.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "ministack"],
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            certificate = scratch / "ministack-tls" / "server.crt"
            emulator = Emulator(f"https://{LOOPBACK}:{port}", log, certificate)
            _wait_until_up(emulator, process)
            yield emulator
        finally:
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _wait_until_up(emulator: Emulator, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError):
            trust = ssl.create_default_context(cafile=emulator.certificate)
            with urllib.request.urlopen(f"{emulator.url}/_ministack/health", context=trust) as up:
                if json.load(up)["auth"] == "enabled":
                    return
        time.sleep(0.1)
    said = emulator.log.read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"ministack did not start:\n{said[-2000:]}")
