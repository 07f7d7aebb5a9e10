"""A proxy between the functions and AWS that fails some calls; a process of its own.

``python -m tests.faults.proxy TARGET`` prints its URL; each line on standard input is the share of
calls that fail from then on, in percent. What each failed as is printed when standard input ends.
"""

import contextlib
import http.client
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SEED = 20260501
LATENCY = 0.3
_JSON = "application/x-amz-json-1.0"
_XML = "application/xml"
CODES = {
    "s3": (("503", "SlowDown"), ("500", "InternalError"), ("503", "ServiceUnavailable")),
    "dynamodb": (
        ("400", "ProvisionedThroughputExceededException"),
        ("400", "ThrottlingException"),
        ("500", "InternalServerError"),
    ),
    "events": (("400", "ThrottlingException"), ("500", "InternalException")),
    "sqs": (("400", "RequestThrottled"), ("503", "ServiceUnavailable")),
}
CONNECTION = ("reset", "lost", "cut", "slow")
"""Closed before anything was done; done, but never answered; answered by half; late."""
_HOP = frozenset({"connection", "keep-alive", "expect", "transfer-encoding", "content-length"})


class Faults:
    """Which calls fail, and as what: a seeded sequence for each service, for all threads.

    How the services' calls mix differs from run to run; what befalls a service's first calls, of
    which the bus gets few, does not.
    """

    def __init__(self) -> None:
        self.percent = 0
        self.struck: Counter[str] = Counter()
        self._randoms = {service: random.Random(f"{SEED} {service}") for service in CODES}
        self._lock = threading.Lock()

    def draw(self, service: str) -> str:
        """Return the fault that strikes a call, empty for none."""
        with self._lock:
            dice = self._randoms[service]
            if dice.random() * 100 >= self.percent:
                return ""
            kinds = [*CONNECTION, *(" ".join(code) for code in CODES[service])]
            fault = dice.choice(kinds)
            self.struck[f"{service} {fault}"] += 1
            return fault


class Handler(BaseHTTPRequestHandler):
    """Passes calls on, or does not."""

    protocol_version = "HTTP/1.1"
    faults = Faults()
    target = ""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upstream = http.client.HTTPConnection(self.target, timeout=30)

    def finish(self) -> None:
        self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        service = service_of(self.headers.get("X-Amz-Target", ""))
        fault = self.faults.draw(service)
        if fault == "slow":
            time.sleep(LATENCY)
        if fault == "reset":
            self._hang_up()
        elif fault[:1].isdigit():
            self._refuse(service, *fault.split())
        else:
            self._answer(body, fault)

    def _answer(self, body: bytes, fault: str) -> None:
        fields = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        fields["Content-Length"] = str(len(body))
        try:
            self._upstream.request(self.command, self.path, body, fields)
            response = self._upstream.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return
        if fault == "lost":
            self._hang_up()
            return
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = response.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
        if fault == "cut":
            self._hang_up()

    def _refuse(self, service: str, status: str, code: str) -> None:
        if service == "s3":
            text, kind = f"<Error><Code>{code}</Code><Message>injected</Message></Error>", _XML
        else:
            text, kind = json.dumps({"__type": f"x#{code}", "message": "injected"}), _JSON
        self.send_response_only(int(status))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _pass_on  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Say nothing."""


def service_of(target: str) -> str:
    """Return the service of a call by its X-Amz-Target; S3 has none."""
    for prefix, service in (
        ("DynamoDB", "dynamodb"),
        ("AWSEvents", "events"),
        ("AmazonSQS", "sqs"),
    ):
        if target.startswith(prefix):
            return service
    return "s3"


def main() -> None:
    Handler.target = urlsplit(sys.argv[1]).netloc
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    for line in sys.stdin:
        Handler.faults.percent = int(line)
        print("ok", flush=True)
    print(json.dumps(Handler.faults.struck), flush=True)


if __name__ == "__main__":
    main()
