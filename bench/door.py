"""The door under load, in a fresh process: ``python -m bench.door store|memory``.

The parent has set the product's environment and put the stand-in behind ``AWS_ENDPOINT_URL``.
What the product prints goes to the null device; what was measured is one JSON document on
standard output.
"""

import argparse
import hashlib
import http.client
import importlib
import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pybase64
from botocore.client import Config

from bench.ct import ct_instances
from bench.events import BOUNDARY, Context, StoreRequest, store_request
from bench.resident import resident

REFERENCED, FAILED, UID = "00081199", "00081198", "00081155"
THREADS = 32
RECORD = {"pk": {"S": "p"}, "attributes": {"S": "x" * 1500}}


def load_app() -> Callable[[object, object], Any]:
    """Import the product."""
    app: Callable[[object, object], Any] = importlib.import_module("app").app
    return app


def invoke(app: Callable[[object, object], Any], event: bytes) -> Any:
    """Do what the Lambda runtime does: JSON text in, JSON text out."""
    response = app(json.loads(event), Context())
    json.dumps(response)
    return response


def floor(event: bytes) -> None:
    """Do the least that any store must: decode the base64, find the parts, hash them."""
    start = event.index(b'"body": "') + 9
    body = pybase64.b64decode(event[start : event.index(b'"', start)], validate=True)
    view, delimiter = memoryview(body), f"--{BOUNDARY}".encode()
    at = body.find(delimiter)
    while (after := body.find(delimiter, at + len(delimiter))) >= 0:
        hashlib.sha256(view[at:after]).digest()
        at = after


class BareSdk:
    """The same calls by boto3 alone, as many at once: what no code of ours can undercut."""

    def __init__(self) -> None:
        config = Config(max_pool_connections=THREADS)
        self._s3 = boto3.client("s3", config=config)
        self._dynamodb = boto3.client("dynamodb", config=config)
        self._events = boto3.client("events", config=config)
        self._pool = ThreadPoolExecutor(THREADS)

    def store(self, instances: list[tuple[str, bytes]]) -> None:
        """Put every instance, write the records by 25, announce once."""
        list(self._pool.map(self._put, instances))
        uids = [uid for uid, _ in instances]
        for first in range(0, len(uids), 25):
            batch = [
                {"PutRequest": {"Item": {**RECORD, "sk": {"S": uid}}}}
                for uid in uids[first : first + 25]
            ]
            self._dynamodb.batch_write_item(RequestItems={"bare": batch})
        detail = json.dumps({"instances": uids})
        self._events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": detail}])

    def _put(self, instance: tuple[str, bytes]) -> None:
        uid, content = instance
        self._s3.put_object(
            Bucket="bare",
            Key=uid,
            Body=content,
            IfNoneMatch="*",
            ChecksumSHA256=b64encode(hashlib.sha256(content).digest()).decode(),
            Metadata={"study": "1.2", "series": "1.3"},
        )


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return CPU seconds of all threads, wall seconds, and what ``work`` returned."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - cpu, time.perf_counter() - wall, result


def three_round_trips() -> None:
    """Ask the stand-in three times in a row: the fewest steps of put, record, announce."""
    connection = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)
    for _ in range(3):
        connection.request("GET", "/_stand-in/stats")
        connection.getresponse().read()
    connection.close()


def outcome(response: Any, request: StoreRequest) -> dict[str, Any]:
    """Return the status and the UIDs that the response lists, beside those that were sent."""
    module = json.loads(response["body"]) if response["body"].startswith("{") else {}
    listed, failed = (
        [item[UID]["Value"][0] for item in module.get(sequence, {}).get("Value", [])]
        for sequence in (REFERENCED, FAILED)
    )
    return {
        "status": response["statusCode"],
        "said": response["body"][:1000],
        "sent": request.uids,
        "listed": listed,
        "failed": failed,
    }


def measure_store(options: argparse.Namespace) -> dict[str, Any]:
    """Measure requests of new instances, each beside its floors."""
    app, sdk = load_app(), BareSdk()
    samples: dict[str, list[Any]] = {}
    for number in range(options.warm + options.requests):
        made = ct_instances(options.count, side=options.side, study=options.study + number)
        instances = list(made)
        request = store_request(instances)
        event = request.event()
        cpu, wall, response = timed(partial(invoke, app, event))
        found = {
            "cpu": cpu,
            "wall": wall,
            "floor": timed(partial(floor, event))[0],
            "json": timed(partial(json.loads, event))[0],
            "outcomes": outcome(response, request),
        }
        if options.bare:
            found["sdk_cpu"], found["sdk_wall"], _ = timed(partial(sdk.store, instances))
            found["trips"] = timed(three_round_trips)[1]
        for name, value in found.items():
            if number >= options.warm or name == "outcomes":  # true from the first request on
                samples.setdefault(name, []).append(value)
    return samples


def measure_memory(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the peak of one large request over the resident size after a small one."""
    app = load_app()
    small, large = Path(options.events[0]), Path(options.events[1])
    invoke(app, small.read_bytes())
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    base = resident("VmRSS")
    response = invoke(app, large.read_bytes())
    return {"base": base, "peak": resident("VmHWM"), "status": response["statusCode"]}


def main(arguments: list[str]) -> None:
    """Measure what was asked and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench.door")
    modes = parser.add_subparsers(required=True)
    store = modes.add_parser("store")
    store.set_defaults(measure=measure_store)
    store.add_argument("--count", type=int, default=8)
    store.add_argument("--side", type=int, default=512)
    store.add_argument("--study", type=int, default=1)
    store.add_argument("--requests", type=int, default=6)
    store.add_argument("--warm", type=int, default=2)
    store.add_argument("--bare", action="store_true", help="measure boto3 alone as well")
    memory = modes.add_parser("memory")
    memory.set_defaults(measure=measure_memory)
    memory.add_argument("events", nargs=2, help="files of a small and a large event")
    options = parser.parse_args(arguments)
    result = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with result:
        json.dump(options.measure(options), result)


if __name__ == "__main__":
    main(sys.argv[1:])
