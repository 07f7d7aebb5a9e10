"""The product in a process of its own, so that all it prints can be looked through.

``python -m tests.hostile.served DIRECTORY`` writes ``output`` (everything on standard output and
error) and ``messages`` (every message that reached a function) there, and takes commands as lines
of JSON on standard input, each answered by one line.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra.local.functions import LambdaContext
from infra.local.stack import LocalStack
from tests.hostile.canary import TEXT
from tests.hostile.cases import MAX_ELEMENTS

DEAD_LETTERS = ("ValidateDeadLetters", "IndexDeadLetters", "ReconcileDeadLetters")
OUTPUT = "output"
MESSAGES = "messages"

SABOTAGE = {
    "intake": ("chalicelib.origin.server", "take_in"),
    "put": ("chalicelib.adapters.s3", "S3InstanceStore.create"),
    "record": ("chalicelib.origin.store", "record_of"),
    "record-write": ("chalicelib.adapters.dynamodb.records", "DynamoDbRecordStore.write"),
    "announce": ("chalicelib.adapters.eventbridge", "EventBridgeAnnouncer.announce"),
    "encode": ("chalicelib.origin.server", "encode_module"),
    "composition": ("chalicelib.bootstrap", "origin_server"),
    "validate": ("chalicelib.bootstrap", "validator"),
    "index": ("chalicelib.bootstrap", "indexer"),
    "reconcile": ("chalicelib.bootstrap", "reconciler"),
}
"""Where an exception nobody foresaw can be put: by name, a module and what it calls."""


def main(directory: Path) -> None:
    """Serve until the commands end."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    output = os.open(directory / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ["MAX_ELEMENTS"] = str(MAX_ELEMENTS)
    app = importlib.import_module("app").app
    with (directory / MESSAGES).open("w", buffering=1) as messages:
        for name, handler in app.handler_map.items():
            app.handler_map[name] = _overheard(handler, messages.write)
        with LocalStack(are_pumps_started=False, retry_after=0, app=app) as stack:
            print(json.dumps(stack.url), file=answers)
            for line in sys.stdin:
                command = json.loads(line)
                print(json.dumps(_obey(command, stack, app)), file=answers)


def _overheard(handler: Any, write: Callable[[str], object]) -> Callable[[Any, Any], Any]:
    def call(event: Mapping[str, Any], context: Any) -> Any:
        answer = handler(event, context)
        write(json.dumps([event, answer]) + "\n")
        return answer

    return call


def _obey(command: Mapping[str, Any], stack: LocalStack, app: Any) -> Any:
    match command["do"]:
        case "call":
            with _sabotaged(command.get("sabotage")):
                return app(command["event"], LambdaContext("api_handler", 29.0, 1024))
        case "deliver":
            with _sabotaged(command["sabotage"]):
                return app.handler_map[command["function"]](command["event"], None)
        case "drain":
            stack.drain(timeout=60.0)
            return {name: stack.take_messages(name) for name in DEAD_LETTERS}
        case "count":
            return sum(1 for _ in _entries(stack, command["prefix"]))
        case "objects":
            return dict(_objects(stack))
        case "items":
            pages = stack.clients.dynamodb.get_paginator("scan").paginate(TableName=stack.table)
            return repr([item for page in pages for item in page["Items"]])
        case unknown:
            raise ValueError(unknown)


def _objects(stack: LocalStack) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
    """Yield each object's key with the digest of its bytes and its metadata."""
    for key in _entries(stack):
        kept = stack.clients.s3.get_object(Bucket=stack.bucket, Key=key)
        yield key, (sha256(kept["Body"].read()).hexdigest(), kept["Metadata"])


def _entries(stack: LocalStack, prefix: str = "") -> Iterator[str]:
    pages = stack.clients.s3.get_paginator("list_objects_v2").paginate(
        Bucket=stack.bucket, Prefix=prefix
    )
    return (entry["Key"] for page in pages for entry in page.get("Contents", []))


@contextmanager
def _sabotaged(where: str | None) -> Iterator[None]:
    """Let one function of the product raise an error whose text tells of a patient."""
    if where is None:
        yield
        return
    module, name = SABOTAGE[where]
    owner: Any = importlib.import_module(module)
    *path, attribute = name.split(".")
    for step in path:
        owner = getattr(owner, step)
    kept = getattr(owner, attribute)
    setattr(owner, attribute, _fail)
    try:
        yield
    finally:
        setattr(owner, attribute, kept)


def _fail(*_: Any, **__: Any) -> Any:
    try:
        raise ValueError(f"no date: {TEXT}")
    except ValueError as cause:
        raise RuntimeError(f"cannot read {TEXT!r}") from cause


if __name__ == "__main__":
    main(Path(sys.argv[1]))
