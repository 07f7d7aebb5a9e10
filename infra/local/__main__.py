"""``make run``: the whole stack on loopback, some real instances, and what became of them.

Reads PORT (8080), FILES (a directory to send instead of the bundled instances), DEMO (0 starts
empty) and AUTH (jwt lets nobody in without a token of ``python -m infra.local.token``) from the
environment; with AWS_ENDPOINT_URL its resources live there.
"""

import contextlib
import errno
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from infra.local import demo
from infra.local.aws import is_external
from infra.local.issuer import LocalIssuer, load_or_make_key, make_token, serve
from infra.local.stack import LocalStack

STATE = Path(".stowage")
LOG_PATH = STATE / "functions.log"
ENVIRONMENT_PATH = STATE / "local.env"

RETRY_AFTER = 10
"""Seconds until a failed message is tried again: nobody waits half an hour at a terminal."""

_TOKEN_OPTIONS = "--scope write --partition default"

_PYTHON = os.path.relpath(sys.executable) if sys.prefix != sys.base_prefix else sys.executable


class Terminal:
    """Where the user reads; everything else that is printed goes to the functions' log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, *lines: str) -> None:
        """Print lines."""
        for line in lines:
            print(line, file=self._stream, flush=True)


def main() -> int:
    """Run until Ctrl-C; return the exit status."""
    terminal = Terminal(sys.stdout)
    try:
        port = int(os.environ.get("PORT") or 8080)
    except ValueError:
        terminal.say("PORT must be a number, such as 8080.")
        return 2
    auth = os.environ.get("AUTH", "")
    if auth not in {"", "jwt"}:
        terminal.say("AUTH must be jwt, or not set.")
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: _interrupt(stop))
    terminal.say("Starting the local stack ...")
    try:
        with (
            functions_output(),
            _issuer(auth) as issuer,
            LocalStack(port, retry_after=RETRY_AFTER, issuer=issuer) as stack,
        ):
            _run(stack, terminal, stop, issuer)
    except KeyboardInterrupt:
        terminal.say("", "Stopped.")
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        what = "is taken" if error.errno == errno.EADDRINUSE else "is not allowed"
        terminal.say(f"Port {port} {what}. Choose another: make run PORT={port + 1}")
        return 1
    return 0


def _interrupt(stop: threading.Event) -> None:
    """Stop waiting; during the demonstration, break it off."""
    if stop.is_set():
        return
    stop.set()
    raise KeyboardInterrupt


@contextlib.contextmanager
def _issuer(auth: str) -> Iterator[LocalIssuer | None]:
    """Serve the keys of this machine's issuer, if tokens are asked for."""
    if auth == "jwt":
        with serve(load_or_make_key()) as issuer:
            yield issuer
    else:
        yield None


def _run(
    stack: LocalStack, terminal: Terminal, stop: threading.Event, issuer: LocalIssuer | None
) -> None:
    terminal.say(
        f"Ready: {stack.url}/studies",
        "",
        f"  AWS services    {stack.endpoint_url}"
        + ("" if is_external() else "  (moto, in memory: everything is gone when this ends)"),
        f"  function logs   {LOG_PATH}",
    )
    with _environment_file(stack):
        if os.environ.get("DEMO", "1") != "0":
            _demonstrate(stack, terminal, issuer)
        terminal.say(
            "",
            "Send a file of your own:",
            *([f"  TOKEN=$({_PYTHON} -m infra.local.token {_TOKEN_OPTIONS})"] if issuer else []),
            "  curl -sS -H 'Content-Type: application/dicom' --data-binary @FILE.dcm \\",
            *(['    -H "Authorization: Bearer $TOKEN" \\'] if issuer else []),
            f"    -H 'Accept: application/dicom+json' {stack.url}/studies",
            "See what arrived, from another terminal in this directory:",
            f"  . {ENVIRONMENT_PATH} && {_PYTHON} -m infra.operate studies",
            f"  . {ENVIRONMENT_PATH} && {_PYTHON} -m infra.operate instance SOP_INSTANCE_UID",
            "",
            "Ctrl-C stops.",
        )
        stop.wait()


def _demonstrate(stack: LocalStack, terminal: Terminal, issuer: LocalIssuer | None) -> None:
    fields = {}
    if issuer:
        token = make_token(issuer.key, ["write"], ["default"], subject="demonstration")
        fields["Authorization"] = f"Bearer {token}"
    directory = os.environ.get("FILES")
    if directory:
        files = demo.files_under(Path(directory))
        terminal.say("", f"{len(files)} DICOM files in {directory}")
        requests = list(demo.batches(files))
    else:
        requests = [demo.bundled(demo.BUNDLED), demo.bundled(demo.BUNDLED_AGAIN)]
    for files in requests:
        count = f"{len(files)} instance" + ("s" if len(files) > 1 else "")
        terminal.say("", f"POST {stack.url}/studies: {count}")
        reply = demo.send(stack.url, files, fields)
        terminal.say(*(f"  {line}" for line in demo.describe(reply, files)))
    terminal.say("", "Validating and indexing ...")
    try:
        stack.drain(timeout=20.0)
    except TimeoutError as error:
        terminal.say(f"  {error}", f"  {LOG_PATH} says why.")
    terminal.say(*(f"  {line}" for line in _operate(stack, "studies")))


def _operate(stack: LocalStack, *arguments: str) -> list[str]:
    """Return what the operator's command prints, run as an operator would."""
    command = [sys.executable, "-m", "infra.operate", *arguments]
    finished = subprocess.run(
        command,
        env={**os.environ, **_operator_environment(stack)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        return [f"{shlex.join(command[1:])} failed:", *finished.stderr.splitlines()[-1:]]
    return finished.stdout.splitlines()


def _operator_environment(stack: LocalStack) -> dict[str, str]:
    """Return what another process needs in order to see this stack's resources."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")
    inherited = {} if is_external() else {name: os.environ[name] for name in names}
    return {**inherited, "AWS_ENDPOINT_URL": stack.endpoint_url, **stack.environment}


@contextlib.contextmanager
def _environment_file(stack: LocalStack) -> Iterator[None]:
    """Keep a file that a shell can read while the stack is up."""
    ENVIRONMENT_PATH.write_text(
        "".join(
            f"export {name}={shlex.quote(value)}\n"
            for name, value in _operator_environment(stack).items()
        ),
        encoding="utf-8",
    )
    try:
        yield
    finally:
        ENVIRONMENT_PATH.unlink(missing_ok=True)


@contextlib.contextmanager
def functions_output() -> Iterator[None]:
    """Send what the functions print and log to a file, so that the terminal stays readable."""
    STATE.mkdir(exist_ok=True)
    with (
        LOG_PATH.open("w", encoding="utf-8", buffering=1) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        handler = logging.StreamHandler(log)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)


if __name__ == "__main__":
    sys.exit(main())
