"""A stand-in in its own process, and the words to talk to it."""

import http.client
import json
import subprocess
import sys
from types import TracebackType

from bench.stand_in.values import Document


class RunningStandIn:
    """Starts the stand-in on entry and ends it on exit.

    Parameters
    ----------
    latency : float
        Seconds added to every answer.
    arguments : str
        Further arguments of ``python -m bench.aws_stand_in``.

    Attributes
    ----------
    url : str
        What ``AWS_ENDPOINT_URL`` is to be.
    pid : int
        Of the process.
    """

    def __init__(self, *arguments: str, latency: float = 0.0) -> None:
        command = [sys.executable, "-m", "bench.aws_stand_in", "--until-eof"]
        self._command = [*command, "--latency", str(latency), *arguments]

    def __enter__(self) -> "RunningStandIn":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=10)

    def stats(self) -> Document:
        """Return calls and refusals by operation, most in flight, CPU seconds and peak bytes."""
        return self._ask("GET", "stats")

    def held(self) -> Document:
        """Return the keys of objects, open uploads, items, and the last events and messages."""
        return self._ask("GET", "held")

    def inject(
        self, *faults: str, latency: float | None = None, ahead: float | None = None
    ) -> None:
        """Put these faults, and no others, in force; change the latency if one is given.

        ``ahead`` is how many seconds the clock that presigned URLs and messages are held to is
        to be fast by.
        """
        wanted: Document = {"faults": faults}
        if ahead is not None:
            wanted["ahead"] = ahead
        if latency is not None:
            wanted["latency"] = latency
        self._ask("POST", "faults", wanted)

    def reset(self) -> None:
        """Forget everything stored and counted."""
        self._ask("POST", "reset", {})

    def _ask(self, method: str, name: str, document: Document | None = None) -> Document:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            body = None if document is None else json.dumps(document)
            connection.request(method, f"/_stand-in/{name}", body)
            response = connection.getresponse()
            text = response.read()
            if response.status >= 300:
                raise RuntimeError(f"the stand-in answered {response.status}: {text.decode()}")
            return dict(json.loads(text)) if text else {}
        finally:
            connection.close()
