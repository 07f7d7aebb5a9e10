"""The product's functions, each call in a fork that dies where it is told to.

Reads one invocation a line (JSON), forks, and writes one line: what the fork told and how it
ended. The imports and the adapters are paid for once; connections are the fork's own. The process
has one thread, so that forking it is sound.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import app
from chalicelib import bootstrap
from infra.local.functions import LambdaContext
from tests.crash import faults

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "api_handler": app.app,
    "validate_instances": app.validate_instances,
    "index_instances": app.index_instances,
    "reconcile_objects": app.reconcile_objects,
}
SERVICES = ("s3", "dynamodb", "events", "sqs")
SECONDS = 29
"""Of a function's time; a fork that uses it up is killed by its alarm."""


def main() -> None:
    bootstrap.origin_server(), bootstrap.indexer(), bootstrap.reconciler(), bootstrap.requeue()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


def run(invocation: Mapping[str, Any]) -> dict[str, Any]:
    """Run one invocation in a fork; return the lines it told and the signal that ended it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.dup2(writing, sys.stdout.fileno())
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        signal.alarm(SECONDS)
        invoke(invocation)
        sys.stdout.flush()
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        told = pipe.read().splitlines()
    _, status = os.waitpid(pid, 0)
    return {"told": told, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}


def invoke(invocation: Mapping[str, Any]) -> None:
    """Call the function as Lambda does, with the harm that is asked for; tell its answer."""
    clients = {service: bootstrap._client(service) for service in SERVICES}
    steps = Steps(invocation.get("kill_before"), invocation.get("kill_after"))
    for client in clients.values():
        client.meta.events.register_first("before-send", steps.begin)
        client.meta.events.register_last("after-call", steps.end)
    for name in invocation.get("faults", ()):
        faults.FAULTS[name](clients)
    name = invocation["function"]
    try:
        answer = FUNCTIONS[name](invocation["event"], LambdaContext(name, SECONDS, 1024))
    except Exception as error:  # noqa: BLE001 - the test is told of anything
        tell(raised=f"{type(error).__name__}: {error}")
    else:
        tell(answer=answer)


class Steps:
    """Counts the calls to AWS, tells of each, and kills the process at one of them."""

    def __init__(self, kill_before: int | None, kill_after: int | None) -> None:
        self._kill_before = kill_before
        self._kill_after = kill_after
        self._begun = 0

    def begin(self, event_name: str, **_: Any) -> None:
        self._begun += 1
        if self._begun == self._kill_before:
            die()
        tell(call=event_name.removeprefix("before-send."))

    def end(self, **_: Any) -> None:
        if self._begun == self._kill_after:
            die()


def tell(**what: object) -> None:
    print(json.dumps(what))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


if __name__ == "__main__":
    main()
