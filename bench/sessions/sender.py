"""``python -m bench.sessions.sender URL FOLDER``: ``stowage send --door session``, as a process.

Takes lists of paths, each sent as one session with a journal of its own in the folder. Says the
session's id, and the seconds from opening it to its completion being accepted, as soon as it is;
then how many instances are stored.
"""

import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TextIO

from bench.sessions.speaking import answer_all, quiet_output, say
from chalicelib.useragent.client import Destination, StoreClient
from chalicelib.useragent.clock import SystemClock
from chalicelib.useragent.concurrency import AdaptiveGate
from chalicelib.useragent.doors import Door, Doors
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.sender import Sender, SendOptions
from chalicelib.useragent.transport import HttpTransport, OutgoingRequest, Response

CONNECTIONS = 4
ANY_SIZE = 1 << 40
"""One session takes it all, where the command fills several."""


class Stopwatch:
    """A transport that notices when a session is opened and when it is accepted."""

    def __init__(self, transport: HttpTransport, output: TextIO) -> None:
        self._transport = transport
        self._output = output
        self._start = 0.0

    def send(self, request: OutgoingRequest) -> Response:
        """Send the request."""
        if request.method == "POST" and request.url.endswith("/sessions"):
            self._start = time.perf_counter()
        response = self._transport.send(request)
        if request.url.endswith("/complete") and response.status == 202:
            seconds = time.perf_counter() - self._start
            session = request.url.split("/")[-2]
            say(self._output, {"session": session, "seconds": seconds})
        return response


class Sending:
    """Sends folders and files to one service."""

    def __init__(self, url: str, folder: Path, output: TextIO) -> None:
        self._url = url
        self._folder = folder
        self._journals = count(1)
        self._transport = Stopwatch(HttpTransport(url, connections=CONNECTIONS), output)

    def send(self, paths: Sequence[str]) -> int:
        """Send files by one session; return how many are stored."""
        destination, clock = Destination(self._url), SystemClock()
        client = StoreClient(
            destination,
            Exchange(self._transport),
            clock=clock,
            gate=AdaptiveGate(CONNECTIONS, clock),
            doors=Doors(BatchLimits(), Door.SESSION, lot_bytes=ANY_SIZE),
        )
        name = self._folder / f"journal-{next(self._journals)}"
        with Journal(name, destination.store_url) as journal:
            options = SendOptions(list(paths), connections=CONNECTIONS)
            return Sender(journal, client, options, clock).run().stored


def main(arguments: list[str]) -> None:
    """Send until there is no more."""
    url, folder = arguments
    output = quiet_output()
    answer_all(output, Sending(url, Path(folder), output).send)


if __name__ == "__main__":
    main(sys.argv[1:])
