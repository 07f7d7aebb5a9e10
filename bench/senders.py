"""``python -m bench.senders WHICH FOLDER URL``: send a folder and print what that took, as JSON.

Each run is a process of its own: seconds, CPU seconds and peak memory count from when everything
is imported. ``bare`` is the least that can be done: files read and written to as many sockets.
"""

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench.events import BOUNDARY, CONTENT_TYPE
from bench.resident import resident

CONNECTIONS = 4
BATCH = 30
"""Instances of 0.5 MB in a request of 16 MB, as `stowage send` fills it once it has grown."""
_CHUNK = 256 * 1024
_PART = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
_END = f"--{BOUNDARY}--\r\n".encode()

Send = Callable[[], int]
"""Sends everything and returns how many instances the answers list."""


def make_stowage(folder: Path, url: str) -> Send:
    """Return the user agent, as the command puts it together."""
    from chalicelib.useragent.client import Destination, StoreClient
    from chalicelib.useragent.clock import SystemClock
    from chalicelib.useragent.concurrency import AdaptiveGate
    from chalicelib.useragent.exchange import Exchange
    from chalicelib.useragent.journal import Journal
    from chalicelib.useragent.plan import MOST_BATCH_BYTES, BatchLimits
    from chalicelib.useragent.sender import Sender, SendOptions
    from chalicelib.useragent.transport import HttpTransport

    def send() -> int:
        destination, clock = Destination(url), SystemClock()
        exchange = Exchange(HttpTransport(url, connections=CONNECTIONS))
        client = StoreClient(
            destination,
            exchange,
            limits=BatchLimits(most_bytes=MOST_BATCH_BYTES),
            clock=clock,
            gate=AdaptiveGate(CONNECTIONS, clock),
        )
        name = folder.parent / f"journal-{os.getpid()}"
        with Journal(name, destination.store_url) as journal:
            options = SendOptions([str(folder)], connections=CONNECTIONS)
            return Sender(journal, client, options, clock).run().stored

    return send


def make_bare(folder: Path, url: str) -> Send:
    """Return a loop that reads files and writes them to sockets."""

    def send() -> int:
        files = sorted(folder.iterdir())
        batches = iter([files[n : n + BATCH] for n in range(0, len(files), BATCH)])
        listed: list[int] = []
        work = (batches, threading.Lock(), url, listed)
        threads = [threading.Thread(target=_stream, args=work) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(listed)

    return send


def _stream(
    batches: Iterator[list[Path]], lock: threading.Lock, url: str, listed: list[int]
) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    while True:
        with lock:
            batch = next(batches, None)
        if batch is None:
            connection.close()
            return
        length = sum(len(_PART) + path.stat().st_size + 2 for path in batch) + len(_END)
        headers = {"Content-Type": CONTENT_TYPE, "Content-Length": str(length)}
        connection.request("POST", f"{urlsplit(url).path}/studies", _body(batch), headers)
        answer = json.loads(connection.getresponse().read())
        listed.append(len(answer["00081199"]["Value"]))


def _body(batch: list[Path]) -> Iterator[bytes]:
    for path in batch:
        yield _PART
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
        yield b"\r\n"
    yield _END


def make_dicomweb_client(folder: Path, url: str) -> Send:
    """Return dicomweb-client as its documentation shows it: data sets in, one request out."""
    from dicomweb_client import DICOMwebClient
    from pydicom import dcmread

    def send() -> int:
        datasets = [dcmread(path) for path in sorted(folder.iterdir())]
        return len(DICOMwebClient(url).store_instances(datasets).ReferencedSOPSequence)

    return send


SENDERS: dict[str, Callable[[Path, str], Send]] = {
    "stowage": make_stowage,
    "bare": make_bare,
    "dicomweb-client": make_dicomweb_client,
}


def main(which: str, folder: str, url: str) -> None:
    """Measure one."""
    send = SENDERS[which](Path(folder), url)
    base = resident("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    listed = send()
    found = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": resident("VmHWM") - base,
        "listed": listed,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
