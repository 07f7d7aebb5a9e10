"""One port for all the services: picks the service, counts the call, draws the fault.

Below ``/_stand-in/`` the stand-in talks about itself:

========  ====================  ================================================================
GET       ``/_stand-in/stats``  calls and refusals by operation, most in flight, its own CPU
                                and memory
GET       ``/_stand-in/held``   keys of objects, open uploads and items, the last events and
                                messages
POST      ``/_stand-in/faults``  ``{"faults": ["s3:503:0.1"], "latency": 0.025, "ahead": 3600}``,
                                each optional; ``ahead`` is what its clock is fast by in seconds
POST      ``/_stand-in/reset``  forget everything but faults, latency and clock
========  ====================  ================================================================
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from bench.resident import resident
from bench.stand_in import s3
from bench.stand_in.contents import Store
from bench.stand_in.dynamodb import DynamoDb
from bench.stand_in.events import EventBridge
from bench.stand_in.faults import Fault, Faults
from bench.stand_in.http import ROOM, Connection
from bench.stand_in.sqs import Sqs
from bench.stand_in.values import AwsError, Document, Request, Response, Sink

CONTROL = "/_stand-in/"
ACCOUNT = "123456789012"
# X-Amz-Target begins with the service's name in its own protocol.
_TARGETS = {"DynamoDB_20120810": "dynamodb", "AWSEvents": "events", "AmazonSQS": "sqs"}


class StandIn:
    """All services behind one HTTP front.

    Parameters
    ----------
    latency : float
        Seconds added to every answer; answers in flight at once wait side by side.
    faults : list of Fault
        What fails.
    seed : int
        Where the random sequence of faults begins.
    make_store : callable
        Returns where objects' bytes are kept until the next reset.
    secret : str
        What presigned URLs must have been signed with.
    """

    def __init__(
        self,
        make_store: Callable[[], Store],
        *,
        latency: float = 0.0,
        faults: list[Fault],
        seed: int = 0,
        secret: str = "bench",
    ) -> None:
        self.latency = latency
        self._make_store = make_store
        self._secret = secret
        self._ahead = 0.0
        self._faults = Faults(faults, seed)
        self._in_flight = 0
        self._reset()

    def _reset(self) -> None:
        self._calls: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._most_in_flight = 0
        self._cpu_before = time.process_time()
        self._s3 = s3.S3(self._make_store(), self._secret, self._clock)
        self._dynamodb = DynamoDb(self._faults)
        self._events = EventBridge(self._faults)
        self._sqs = Sqs(self._faults, self._clock)
        self._json_services: dict[str, Callable[[str, Document], Document]] = {
            "dynamodb": self._dynamodb.call,
            "events": self._events.call,
        }

    def _clock(self) -> float:
        return time.time() + self._ahead

    def sink(self, request: Request, length: int) -> Sink | None:
        """Return what takes the body of a large object, None for all other bodies."""
        if request.target.startswith(CONTROL) or "x-amz-target" in request.headers:
            return None
        return self._s3.sink(request, length)

    def answer(self, request: Request) -> tuple[Response | None, bool]:
        """Return the answer, or None and whether the connection stays open without one."""
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        if request.target.startswith(CONTROL):
            return self._control(request), True
        target = request.headers.get("x-amz-target")
        if target is None:
            service, name = "s3", self._s3.operation(request)
        else:
            prefix, _, name = target.partition(".")
            service = _TARGETS.get(prefix, prefix)
        operation = f"{service}.{name}"
        self._calls[operation] += 1
        dropped = self._faults.on_connection(operation)
        if dropped == "reset":
            return None, False
        response = self._call(service, name, request)
        if response.status >= 300:
            self._refused[f"{operation} {response.status}"] += 1
        if dropped is not None:
            return None, dropped == "stall"
        return response, True

    def answered(self) -> None:
        """Learn that one answer has left, or never will."""
        self._in_flight -= 1

    def _call(self, service: str, name: str, request: Request) -> Response:
        try:
            self._faults.on_call(f"{service}.{name}")
            if service == "s3":
                return self._s3.call(name, request)
            if service == "sqs":
                return self._queue(name, request)
            if service not in self._json_services:
                raise AwsError(400, "UnknownOperationException", f"No service {service}.")
            return _json(200, self._json_services[service](name, json.loads(request.body)))
        except AwsError as error:
            if service == "s3":
                if name == "CompleteMultipartUpload" and error.status == 409:
                    self._s3.forget_upload(request)
                return s3.encode_error(error)
            named = {"__type": error.code, "message": error.message, **error.members}
            return _json(error.status, named)

    def _queue(self, name: str, request: Request) -> Response:
        arguments = json.loads(request.body)
        if "QueueName" in arguments:
            path = f"{ACCOUNT}/{arguments['QueueName']}"
            arguments["QueueUrl"] = f"http://{request.headers['host']}/{path}"
        deadline = time.monotonic() + arguments.get("WaitTimeSeconds", 0)
        return self._queue_answer(name, arguments, deadline)

    def _queue_answer(self, name: str, arguments: Document, deadline: float) -> Response:
        """Return the answer, or the promise of one to a receiver who would wait for messages."""
        found = self._sqs.call(name, arguments)
        if name == "ReceiveMessage" and not found and time.monotonic() < deadline:
            return Response(200, again=partial(self._queue_answer, name, arguments, deadline))
        return _json(200, found)

    def _control(self, request: Request) -> Response:
        route = f"{request.method} {request.target.removeprefix(CONTROL)}"
        if route == "GET stats":
            return _json(200, self._stats())
        if route == "GET held":
            return _json(200, self._held())
        if route == "POST faults":
            return self._set_faults(json.loads(request.body))
        if route == "POST reset":
            self._reset()
            return Response(204)
        return Response(404)

    def _set_faults(self, wanted: Document) -> Response:
        try:
            faults = [Fault.parse(text) for text in wanted.get("faults", ())]
        except ValueError as error:
            return _json(400, {"message": str(error)})
        if "faults" in wanted:
            self._faults.replace(faults)
        self.latency = float(wanted.get("latency", self.latency))
        self._ahead = float(wanted.get("ahead", self._ahead))
        return Response(204)

    def _stats(self) -> Document:
        return {
            "calls": dict(self._calls),
            "refused": dict(self._refused),
            "most_in_flight": self._most_in_flight,
            "cpu_seconds": time.process_time() - self._cpu_before,
            "peak_bytes": resident("VmHWM"),
        }

    def _held(self) -> Document:
        return {
            "objects": {name: sorted(bucket) for name, bucket in self._s3.objects.buckets.items()},
            "uploads": [[one.bucket, one.key] for one in self._s3.uploads.open.values()],
            "items": {
                name: [
                    {key: item[key] for key in table.key_names}
                    for partition in table.partitions.values()
                    for item in partition.values()
                ]
                for name, table in self._dynamodb.tables.items()
            },
            "events": list(self._events.accepted),
            "messages": list(self._sqs.accepted),
        }


def _json(status: int, document: Document) -> Response:
    body = json.dumps(document).encode()
    return Response(status, body, {"Content-Type": "application/x-amz-json-1.0"})


async def listen(service: StandIn, port: int) -> asyncio.Server:
    """Listen on the loopback; port 0 takes a free one."""
    loop = asyncio.get_running_loop()
    connect = partial(Connection, service, bytearray(ROOM))
    return await loop.create_server(connect, "127.0.0.1", port, backlog=512)
