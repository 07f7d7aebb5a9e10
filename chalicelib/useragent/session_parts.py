"""The parts of a session's body on their way, several at once.

Each part is read twice: for its SHA-256, which its URL is signed for, and to be sent. It is never
held, whatever its size. URLs are asked for in lots, just before they are used: they live for
minutes.
"""

from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from itertools import count
from threading import Lock, Thread

from chalicelib.dicomweb.sessions import PartUrl
from chalicelib.useragent.body_view import BodySlice, BodyView
from chalicelib.useragent.errors import DestinationError, TransportError
from chalicelib.useragent.open_session import Ledger, OpenSession
from chalicelib.useragent.retry import RETRIED_STATUSES
from chalicelib.useragent.sessions import SessionGone, SessionRequests
from chalicelib.useragent.transport import Response

_URLS_AT_ONCE = 16
_BYTES_AHEAD = 64 * 1024 * 1024
"""Hashed before the first of a lot is sent: still in the system's cache, and its URL still good."""


class PartUploads:
    """Uploads parts of one session.

    Parameters
    ----------
    requests : SessionRequests
    session : OpenSession
    view : BodyView
        The body.
    ledger : Ledger
        Told of each part that has arrived.
    connections : int
        Threads.
    """

    def __init__(
        self,
        requests: SessionRequests,
        session: OpenSession,
        view: BodyView,
        ledger: Ledger,
        connections: int,
    ) -> None:
        self._requests = requests
        self._session = session
        self._view = view
        self._ledger = ledger
        self._connections = connections
        self._lock = Lock()
        self._left: deque[int] = deque()
        self._error: BaseException | None = None

    def run(self, numbers: Iterable[int]) -> None:
        """Upload these parts; all have arrived when it returns.

        Raises
        ------
        SourceError, SessionGone, DestinationError, Stopped
            Of the first part that failed. No thread is left.
        """
        self._left = deque(numbers)
        threads = [
            Thread(target=self._work, name=f"part-{number}", daemon=True)
            for number in range(min(self._connections, len(self._left)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while (lot := self._take()) and self._error is None:
                self._upload(lot)
        except Exception as error:  # noqa: BLE001 - a thread's error is raised by ``run``
            self._error = self._error or error

    def _take(self) -> list[int]:
        """Return the next parts of one thread: fewer towards the end, so that all end together."""
        with self._lock:
            share = -(-len(self._left) // (2 * self._connections))
            cached = max(1, _BYTES_AHEAD // self._session.plan.part_bytes)
            size = min(_URLS_AT_ONCE, share, cached)
            return [self._left.popleft() for _ in range(size)]

    def _upload(self, numbers: list[int]) -> None:
        digests = {number: self._digest(number) for number in numbers}
        urls = self._requests.urls(self._session.url, digests)
        for number in numbers:
            if self._error is not None:
                return
            self._requests.clock.sleep(0.0)  # raises when the user wants no more
            self._put(number, digests[number], urls[number])

    def _put(self, number: int, digest: bytes, url: PartUrl) -> None:
        """Send a part until it has arrived, with a new URL where the old one is refused."""
        requests = self._requests
        for attempt in count(1):
            response = None
            try:
                response = requests.put(url, self._slice(number))
            except TransportError as error:
                if error.is_permanent:
                    raise DestinationError(error.detail) from None
                why = error.detail
            else:
                if 200 <= response.status < 300:
                    break
                why = _why(response)
            requests.wait(attempt, response, why)
            if response is not None and response.status in (400, 403):
                digest = self._digest(number)
                url = requests.urls(self._session.url, {number: digest})[number]
        requests.gate.accepted()
        self._session.digests[number] = digest
        self._ledger.uploaded(self._session, number)

    def _digest(self, number: int) -> bytes:
        digest = sha256()
        for chunk in self._slice(number):
            digest.update(chunk)
        return digest.digest()

    def _slice(self, number: int) -> BodySlice:
        plan = self._session.plan
        return self._view.slice(plan.offset_of(number), plan.size_of(number))


def _why(response: Response) -> str:
    """Return why a part was not taken, in words.

    403: the URL has expired. 400: other bytes arrived, or they came too slowly. Both may pass.

    Raises
    ------
    SessionGone
        It is another status: the upload that the URL belongs to is no more.
    """
    if response.status not in (400, 403) and response.status not in RETRIED_STATUSES:
        raise SessionGone(f"Parts are no longer taken (status {response.status}).")
    return f"A part of a store session is not taken (status {response.status})."
