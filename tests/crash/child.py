"""The product's functions, each call in a fork that dies where it is told to.

Reads one invocation a line (JSON), forks, and writes one line: what the fork told and how it
ended. The imports and the adapters are paid for once; connections are the fork's own. The process
has one thread, so that forking it is sound.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.retries.standard import ExponentialBackoff

import app
from chalicelib import bootstrap
from infra.local.functions import LambdaContext
from tests.crash.faults import FAULTS

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "api_handler": app.app,
    "validate_instances": app.validate_instances,
    "index_instances": app.index_instances,
    "reconcile_objects": app.reconcile_objects,
    "ingest_sessions": app.ingest_sessions,
}
ADAPTERS = (
    bootstrap.origin_server,
    bootstrap.validator,
    bootstrap.indexer,
    bootstrap.reconciler,
    bootstrap.requeue,
    bootstrap.ingest,
)
SECONDS = 29
"""Of a function's time; a fork that uses it up is killed by its alarm."""


def main() -> None:
    ExponentialBackoff.delay_amount = lambda *_: 0.0  # the SDK's own retries need not be waited for
    harm = Harm()
    session = boto3.DEFAULT_SESSION = boto3.session.Session()
    session.events.register_first("before-send", harm.begin)
    session.events.register_last("after-call", harm.end)
    for build in ADAPTERS:
        build()
    gc.freeze()  # else a collection in a fork copies every page
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), harm)), flush=True)


def run(invocation: Mapping[str, Any], harm: "Harm") -> dict[str, Any]:
    """Run one invocation in a fork; return the lines it told and the signal that ended it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.dup2(writing, sys.stdout.fileno())
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        signal.alarm(SECONDS)
        harm.load(invocation)
        invoke(invocation)
        sys.stdout.flush()
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        told = pipe.read().splitlines()
    _, status = os.waitpid(pid, 0)
    return {"told": told, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}


def invoke(invocation: Mapping[str, Any]) -> None:
    """Call the function as Lambda does, and tell its answer."""
    name = invocation["function"]
    try:
        answer = FUNCTIONS[name](invocation["event"], LambdaContext(name, SECONDS, 1024))
    except Exception as error:  # noqa: BLE001 - the test is told of anything
        tell(raised=f"{type(error).__name__}: {error}")
    else:
        tell(answer=answer)


class Harm:
    """What is done to an invocation's calls to AWS; tells of each call that is made.

    ``kill_before`` and ``kill_after`` are numbers of calls, from 1; ``faults`` are names of
    `tests.crash.faults`.
    """

    def __init__(self) -> None:
        self.load({})

    def load(self, invocation: Mapping[str, Any]) -> None:
        self._kill_before = invocation.get("kill_before")
        self._kill_after = invocation.get("kill_after")
        self._faults = [FAULTS[name]() for name in invocation.get("faults", ())]
        self._begun = 0

    def begin(self, request: Any, event_name: str, **_: Any) -> Any:
        """Handle before-send: what is returned, or raised, is the answer."""
        operation = event_name.removeprefix("before-send.")
        self._begun += 1
        if self._begun == self._kill_before:
            die()
        tell(call=operation)
        for fault in self._faults:
            if (answer := fault(operation, request)) is not None:
                return answer
        return None

    def end(self, **_: Any) -> None:
        """Handle after-call."""
        if self._begun == self._kill_after:
            die()


def tell(**what: object) -> None:
    print(json.dumps(what))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


if __name__ == "__main__":
    main()
