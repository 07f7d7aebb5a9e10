"""The real transport against servers that behave as badly as servers do."""

import contextlib
import gzip
import json
import os
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from chalicelib.dicomweb.multipart import split_parts
from chalicelib.dicomweb.multipart_writer import (
    Buffer,
    BytesContent,
    Content,
    MultipartBody,
    OutgoingPart,
)
from chalicelib.useragent import streaming
from chalicelib.useragent.client import ClientOptions, Destination, StoreClient
from chalicelib.useragent.errors import DestinationError, SourceError, TransportError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.payloads import DicomEncoder, WireOptions
from chalicelib.useragent.sources import FileSource, SourceContent
from chalicelib.useragent.streaming import HttpConnection, WatchedBody
from chalicelib.useragent.transport import (
    MAX_RESPONSE_BYTES,
    HttpTransport,
    OutgoingRequest,
    Response,
    Timeouts,
    Tls,
    product,
)
from tests.unit.useragent.fakes import FakeClock, make_instances, module
from tests.unit.useragent.loopback import (
    Connection,
    Handler,
    hang_up,
    server_context,
    serving,
)

UIDS = [one.sop_instance for one in make_instances(3)]
LISTED = json.dumps(module(UIDS)).encode()


def stores(connection: Connection) -> None:
    connection.body()
    connection.answer(200, LISTED, "Content-Type: application/dicom+json")


def post(url: str, body: bytes = b"body", **options: bool) -> Response:
    transport = HttpTransport(url, timeouts=Timeouts(2, 2))
    try:
        return transport.send(OutgoingRequest("POST", url, (), BytesContent(body), **options))
    finally:
        transport.close()


def stored_through(
    *script: Handler, wire: WireOptions | None = None, options: ClientOptions | None = None
) -> list[str]:
    with serving(*script) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 1))
        client = StoreClient(
            Destination(url),
            Exchange(transport),
            encoder=DicomEncoder(wire or WireOptions()),
            options=options,
            clock=FakeClock(),
        )
        outcomes = client.store(make_instances(3))
        transport.close()
        return [one.state.value for one in outcomes]


def drops_mid_body(connection: Connection) -> None:
    hang_up(connection)


def drops_after_body(connection: Connection) -> None:
    connection.body()
    hang_up(connection)


def answers_half(connection: Connection) -> None:
    connection.body()
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    hang_up(connection)


def answers_nonsense(connection: Connection) -> None:
    connection.body()
    connection.sock.sendall(b"SSH-2.0-OpenSSH\r\n")
    hang_up(connection)


def is_slow(connection: Connection) -> None:
    connection.body()
    time.sleep(1.3)
    hang_up(connection)


def throttles(connection: Connection) -> None:
    connection.body()
    connection.answer(429, b"", "Retry-After: 1")


def is_unavailable(connection: Connection) -> None:
    connection.body()
    connection.answer(503)


@pytest.mark.parametrize(
    "fault",
    [
        drops_mid_body,
        drops_after_body,
        answers_half,
        answers_nonsense,
        is_slow,
        throttles,
        is_unavailable,
    ],
)
def test_whatever_passes_ends_stored(fault: Handler) -> None:
    assert stored_through(fault, stores) == ["referenced"] * 3


@pytest.mark.parametrize("is_gzipped", [False, True])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_codings_arrive(is_gzipped: bool, is_chunked: bool) -> None:
    bodies = []

    def look(connection: Connection) -> None:
        assert (b"content-length" in connection.fields) is not is_chunked
        body = connection.body()
        boundary = connection.fields[b"content-type"].decode().rpartition("boundary=")[2]
        bodies.append(split_parts(gzip.decompress(body) if is_gzipped else body, boundary))
        connection.answer(200, LISTED)

    wire = WireOptions(is_gzipped=is_gzipped, is_chunked=is_chunked)
    assert stored_through(look, wire=wire) == ["referenced"] * 3
    assert len(bodies[0]) == 3


def test_an_answer_before_the_end_of_the_body_is_heard() -> None:
    received = []

    def refuses_early(connection: Connection) -> None:
        connection.answer(413, b"too large")
        received.append(len(connection.sock.recv(1 << 16)))
        time.sleep(0.2)
        hang_up(connection)

    class Endless:
        length = 10**9

        def __iter__(self) -> Iterator[Buffer]:
            while True:
                yield bytes(1 << 16)
                time.sleep(0.01)

    with serving(refuses_early) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        response = transport.send(OutgoingRequest("POST", url, (), Endless()))
        transport.close()
    assert (response.status, response.body) == (413, b"too large")


def test_an_answer_is_heard_while_a_file_finds_no_room(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as out:
        out.truncate(64 << 20)
    facts = file.stat()
    source = FileSource(bytes(file), facts.st_size, facts.st_mtime_ns)
    is_heard = threading.Event()

    def refuses_and_reads_no_more(connection: Connection) -> None:
        time.sleep(0.2)  # until there is no room
        connection.answer(413, b"too large")
        is_heard.wait(5)
        hang_up(connection)

    with serving(refuses_and_reads_no_more) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        response = transport.send(OutgoingRequest("POST", url, (), SourceContent(source)))
        is_heard.set()
        transport.close()
    assert (response.status, response.body) == (413, b"too large")


@pytest.mark.parametrize("sizes", [(1,), (100, 0, 3), (5 << 20, 1 << 20, 7)])
def test_files_arrive_as_they_lie_on_disk(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    bodies = []
    contents = [bytes([number]) * size for number, size in enumerate(sizes, 65)]
    sources = []
    for number, content in enumerate(contents):
        file = tmp_path / str(number)
        file.write_bytes(content)
        sources.append(FileSource(bytes(file), len(content), file.stat().st_mtime_ns))
    head = (("Content-Type", "application/dicom"),)
    body = MultipartBody([OutgoingPart(head, SourceContent(one)) for one in sources], "b")

    def takes(connection: Connection) -> None:
        bodies.append(connection.body())
        connection.answer(200)

    with serving(takes) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        for _ in range(2):
            assert transport.send(OutgoingRequest("POST", url, (), body)).status == 200
        transport.close()
    assert bodies == [b"".join(body)] * 2
    assert [bytes(part.body) for part in split_parts(bodies[0], "b")] == contents


@pytest.mark.parametrize("status", [100, 401])
def test_leave_is_asked_for_when_it_is_wanted(status: int) -> None:
    bodies = []

    def decides(connection: Connection) -> None:
        assert connection.fields[b"expect"] == b"100-continue"
        if status == 100:
            connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            bodies.append(connection.body())
            connection.answer(200)
        else:
            connection.answer(401)
            hang_up(connection)

    with serving(decides) as url:
        response = post(url, expects_continue=True)
    assert (response.status, bodies) == ((200, [b"body"]) if status == 100 else (401, []))


def test_a_connection_is_used_again_and_not_after_a_cut_body() -> None:
    peers = set()

    def look(connection: Connection) -> None:
        peers.add(connection.sock.getpeername())
        stores(connection)

    with serving(look) as url:
        transport = HttpTransport(url)
        for _ in range(3):
            transport.send(OutgoingRequest("POST", url, (), BytesContent(b"x")))
        transport.close()
    assert len(peers) == 1


def files_body(folder: Path, size: int) -> MultipartBody:
    file = folder / "file"
    with file.open("wb") as out:
        out.truncate(size)
    source = FileSource(bytes(file), size, file.stat().st_mtime_ns)
    return MultipartBody([OutgoingPart((), SourceContent(source))], "b")


def test_what_is_done_meanwhile_is_done_once_while_the_server_is_waited_for(
    tmp_path: Path,
) -> None:
    has_body, is_done = threading.Event(), threading.Event()
    seen = []

    def answers_when_it_is_done(connection: Connection) -> None:
        connection.body()
        has_body.set()
        is_done.wait(5)
        connection.answer(200)

    def meanwhile() -> None:
        seen.append(has_body.wait(5))
        is_done.set()

    with serving(answers_when_it_is_done) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 6))
        body = files_body(tmp_path, 1000)
        request = OutgoingRequest("POST", url, (), body, meanwhile=meanwhile)
        assert transport.send(request).status == 200
        transport.close()
    assert seen == [True]


def test_a_server_that_reads_slowly_is_time_enough(tmp_path: Path) -> None:
    """Not only when all is out: on a slow line that is much later."""
    is_done = threading.Event()

    def reads_when_it_is_done(connection: Connection) -> None:
        assert is_done.wait(5)
        connection.body()
        connection.answer(200)

    with serving(reads_when_it_is_done) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 6))
        body = files_body(tmp_path, 64 << 20)
        request = OutgoingRequest("POST", url, (), body, meanwhile=is_done.set)
        assert transport.send(request).status == 200
        transport.close()


class Late:
    """A body that goes on after its first part's head and 4 MiB once an answer is there."""

    def __init__(self, body: MultipartBody, *, is_of_files: bool) -> None:
        self.has_answer = threading.Event()
        self.length = body.length
        self._body = body
        if is_of_files:
            self.segments = lambda: self._late(body.segments())

    def __iter__(self) -> Iterator[Buffer]:
        return self._late(self._body)

    def _late(self, pieces: Iterable[Any]) -> Iterator[Any]:
        size = 0
        for piece in pieces:
            if size > 4 << 20:
                assert self.has_answer.wait(5)
            size += getattr(piece, "length", 0) or len(piece)
            yield piece


@pytest.mark.parametrize("is_of_files", [True, False])
def test_what_is_done_meanwhile_is_done_once_though_an_answer_cuts_the_body(
    tmp_path: Path, is_of_files: bool
) -> None:
    size = 16 << 20
    received, seen = [], []
    is_closed = threading.Event()
    body = Late(files_body(tmp_path, size), is_of_files=is_of_files)

    def refuses_early_and_reads_on(connection: Connection) -> None:
        connection.answer(413, b"too large")
        body.has_answer.set()
        received.append(len(connection.buffer))
        with contextlib.suppress(OSError):
            while data := connection.sock.recv(1 << 20):
                received.append(len(data))
        is_closed.set()

    with serving(refuses_early_and_reads_on) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 6))
        request = OutgoingRequest("POST", url, (), body, meanwhile=lambda: seen.append("done"))
        assert transport.send(request).status == 413
        transport.close()
        assert is_closed.wait(5)
    assert sum(received) < size
    assert seen == ["done"]


def test_a_connection_is_not_used_again_after_a_cut_body() -> None:
    """The next request on it would be taken for the rest of the body."""
    is_closed = threading.Event()

    def refuses_early_and_reads_on(connection: Connection) -> None:
        connection.answer(413, b"too large")
        with contextlib.suppress(OSError):
            while connection.sock.recv(1 << 20):
                pass
        is_closed.set()

    with serving(refuses_early_and_reads_on) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        assert transport.send(OutgoingRequest("POST", url, (), Slow())).status == 413
        was_closed = is_closed.wait(0.5)
        transport.close()
    assert was_closed


class Slow:
    """A body of 6.5 MB that takes a second."""

    length = 100 << 16

    def __iter__(self) -> Iterator[Buffer]:
        for _ in range(100):
            yield bytes(1 << 16)
            time.sleep(0.01)


@pytest.mark.parametrize("size", [9, 100_000])
def test_an_answer_before_the_end_of_a_body_is_heard_under_tls(certificate: str, size: int) -> None:
    said = os.urandom(size)
    received = []
    is_closed = threading.Event()

    def refuses_early_and_reads_on(connection: Connection) -> None:
        connection.answer(413, said)
        with contextlib.suppress(OSError):
            while data := connection.sock.recv(1 << 20):
                received.append(len(data))
        is_closed.set()

    with serving(refuses_early_and_reads_on, tls=server_context(certificate)) as url:
        transport = HttpTransport(url, tls=Tls(authorities=certificate), timeouts=Timeouts(2, 2))
        response = transport.send(OutgoingRequest("POST", url, (), Slow()))
        assert is_closed.wait(2), "nothing else may go on this connection"
        transport.close()
    assert (response.status, response.body) == (413, said)
    assert sum(received) < Slow.length / 2


def test_what_tls_says_for_itself_is_no_answer(certificate: str) -> None:
    """Session tickets come while the body is on its way."""
    bodies = []

    def takes(connection: Connection) -> None:
        bodies.append(len(connection.body()))
        connection.answer(200, b"taken")

    with serving(takes, tls=server_context(certificate)) as url:
        transport = HttpTransport(url, tls=Tls(authorities=certificate), timeouts=Timeouts(2, 2))
        for _ in range(2):
            assert transport.send(OutgoingRequest("POST", url, (), Slow())).body == b"taken"
        transport.close()
    assert bodies == [Slow.length] * 2


def test_a_server_that_hangs_up_under_tls_has_not_answered(certificate: str) -> None:
    with serving(hang_up, tls=server_context(certificate)) as url:
        transport = HttpTransport(url, tls=Tls(authorities=certificate), timeouts=Timeouts(2, 2))
        with pytest.raises(TransportError, match="connection broke") as caught:
            transport.send(OutgoingRequest("POST", url, (), Slow()))
        transport.close()
    assert caught.value.may_have_arrived


def test_what_fails_before_a_body_begins_has_not_arrived(certificate: str) -> None:
    """A server without TLS, and one that never says hello."""

    def is_silent(connection: Connection) -> None:
        raise AssertionError("no request can be read")

    with serving(is_silent) as url, socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for target in (url.replace("http:", "https:"), f"https://127.0.0.1:{port}/dicom-web"):
            tls = Tls(authorities=certificate)
            transport = HttpTransport(target, tls=tls, timeouts=Timeouts(0.3, 0.3))
            with pytest.raises(TransportError) as caught:
                transport.send(OutgoingRequest("POST", target, (), BytesContent(b"body")))
            transport.close()
            assert not caught.value.may_have_arrived


def test_what_is_done_meanwhile_is_done_once_where_leave_is_refused() -> None:
    seen = []

    def refuses(connection: Connection) -> None:
        connection.answer(401)
        hang_up(connection)

    with serving(refuses) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        request = OutgoingRequest(
            "POST", url, (), BytesContent(b"body"), True, lambda: seen.append("done")
        )
        assert transport.send(request).status == 401
        transport.close()
    assert seen == ["done"]


def test_what_is_done_meanwhile_is_done_once_where_waiting_cannot_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    monkeypatch.setattr(streaming, "select", object())
    with serving(stores) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        request = OutgoingRequest(
            "POST", url, (), BytesContent(b"body"), meanwhile=lambda: seen.append("done")
        )
        assert transport.send(request).status == 200
        transport.close()
    assert seen == ["done"]


class Told(socket.socket):
    """Remembers whether more was said to follow what it sent."""

    def __init__(self) -> None:
        one, self.other = socket.socketpair()
        super().__init__(fileno=one.detach())
        self.is_more: list[bool] = []

    def sendall(self, data: Any, flags: int = 0) -> None:  # type: ignore[override]
        self.is_more.append(bool(flags & socket.MSG_MORE))
        super().sendall(data, flags)

    def close(self) -> None:
        self.other.close()
        super().close()


@pytest.mark.skipif(not hasattr(socket, "MSG_MORE"), reason="the system cannot be told")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("files", [True, True, False]),
        ("bytes", [True, False]),
        ("expects", [False, True, False]),
        ("nothing", [False]),
    ],
)
def test_heads_leave_with_what_follows_them_and_the_last_at_once(
    tmp_path: Path, kind: str, expected: list[bool]
) -> None:
    """Heads of the request and of parts; what is held back at the end is held for 200 ms."""
    connection = HttpConnection("127.0.0.1")
    with Told() as told:
        connection.sock = told
        content: Content = files_body(tmp_path, 1000)
        if kind in ("bytes", "nothing"):
            content = BytesContent(b"body" if kind == "bytes" else b"")
        if kind == "expects":
            told.other.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = WatchedBody(content, expects_continue=kind == "expects")
        length = {"Content-Length": str(content.length)}
        connection.request("POST", "/", body=body, headers=length)
        assert told.is_more == expected
    connection.sock = None


def test_under_tls_what_is_done_meanwhile_comes_before_the_body(certificate: str) -> None:
    seen: list[str] = []

    class Body:
        length = 4

        def __iter__(self) -> Iterator[Buffer]:
            seen.append("body")
            yield b"body"

    with serving(stores, tls=server_context(certificate)) as url:
        transport = HttpTransport(url, tls=Tls(authorities=certificate), timeouts=Timeouts(2, 2))
        request = OutgoingRequest("POST", url, (), Body(), meanwhile=lambda: seen.append("done"))
        assert transport.send(request).status == 200
        transport.close()
    assert seen == ["done", "body"]


def test_header_fields_arrive_once_each_whatever_their_case() -> None:
    heads = []

    def takes(connection: Connection) -> None:
        heads.append(connection.head.decode().lower().split("\r\n")[1:])
        connection.body()
        connection.answer(200)

    given = (
        ("X-Two", "a"),
        ("X-Two", "b"),
        ("accept-encoding", "identity"),
        ("user-agent", "router/7"),
        ("content-length", "7"),
    )
    with serving(takes) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        transport.send(OutgoingRequest("POST", url, given, BytesContent(b"body")))
        transport.close()
    [head] = heads
    assert "x-two: a, b" in head
    assert [line for line in head if line.startswith("accept-encoding")] == [
        "accept-encoding: identity"
    ]
    assert [line for line in head if line.startswith("user-agent")] == ["user-agent: router/7"]
    assert [line for line in head if line.startswith("content-length")] == ["content-length: 4"]


@pytest.mark.parametrize(("version", "said"), [("1.2.3", "stowage/1.2.3"), (None, "stowage")])
def test_a_request_says_who_sends_it(
    monkeypatch: pytest.MonkeyPatch, version: str | None, said: str
) -> None:
    def version_of(name: str) -> str:
        if version is None:
            raise PackageNotFoundError(name)
        return version

    monkeypatch.setattr("importlib.metadata.version", version_of)
    product.cache_clear()
    heads = []

    def takes(connection: Connection) -> None:
        heads.append(connection.head.decode().split("\r\n")[1:])
        connection.answer(200)

    try:
        with serving(takes) as url:
            transport = HttpTransport(url, timeouts=Timeouts(2, 2))
            transport.send(OutgoingRequest("OPTIONS", url))
            transport.close()
    finally:
        product.cache_clear()
    assert f"User-Agent: {said}" in heads[0]


def test_how_a_body_travels_is_not_for_the_caller_to_say() -> None:
    heads, bodies = [], []

    def takes(connection: Connection) -> None:
        heads.append(connection.head.decode().lower().split("\r\n")[1:])
        connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        bodies.append(connection.body())
        connection.answer(200)

    class Unmeasured:
        length = None

        def __iter__(self) -> Iterator[Buffer]:
            yield b"bo"
            yield b"dy"

    given = (("transfer-encoding", "identity"), ("expect", "a miracle"))
    with serving(takes) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 2))
        transport.send(OutgoingRequest("POST", url, given, Unmeasured(), expects_continue=True))
        transport.close()
    [head] = heads
    said = [line for line in head if line.startswith(("transfer-", "expect", "content-length"))]
    assert sorted(said) == ["expect: 100-continue", "transfer-encoding: chunked"]
    assert "accept-encoding: gzip" in head
    assert bodies == [b"body"]


@pytest.mark.parametrize("coding", ["", "Content-Encoding: gzip\r\n"])
@pytest.mark.parametrize(
    "sent", [b"", b"{", gzip.compress(LISTED)[:-1]], ids=["nothing", "a brace", "packed"]
)
def test_an_answer_that_is_cut_short_is_none(coding: str, sent: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\n{coding}Content-Length: {len(gzip.compress(LISTED))}\r\n\r\n"

    def breaks_off(connection: Connection) -> None:
        connection.body()
        connection.sock.sendall(head.encode() + sent)
        connection.sock.shutdown(socket.SHUT_RDWR)

    with serving(breaks_off) as url, pytest.raises(TransportError) as caught:
        post(url)
    assert caught.value.may_have_arrived
    assert not caught.value.is_permanent


@pytest.mark.parametrize("is_counted", [True, False])
def test_answers_with_a_coding_are_decoded(is_counted: bool) -> None:
    packed = gzip.compress(LISTED)

    def takes(connection: Connection) -> None:
        connection.body()
        if is_counted:
            connection.answer(200, packed, "Content-Encoding: gzip")
        else:
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            connection.sock.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed))

    with serving(takes) as url:
        assert post(url).body == LISTED


@pytest.mark.parametrize("is_counted", [True, False])
def test_an_answer_that_unpacks_to_more_than_any_is_refused(is_counted: bool) -> None:
    packed = gzip.compress(bytes(MAX_RESPONSE_BYTES + 1))

    def floods(connection: Connection) -> None:
        connection.body()
        if is_counted:
            connection.answer(200, packed, "Content-Encoding: gzip")
        else:
            connection.sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed)
            connection.sock.close()

    with serving(floods) as url, pytest.raises(TransportError, match="larger"):
        post(url)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_no_more_of_an_answer_is_unpacked_than_is_taken(coding: str) -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31 if coding == "gzip" else 15)
    zeros = bytes(1 << 20)
    packed = b"".join([packer.compress(zeros) for _ in range(160)]) + packer.flush()

    def floods(connection: Connection) -> None:
        connection.body()
        connection.answer(200, packed, f"Content-Encoding: {coding}")

    with serving(floods) as url:
        tracemalloc.start()
        try:
            with pytest.raises(TransportError, match="larger"):
                post(url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4 * MAX_RESPONSE_BYTES


def test_a_file_that_shrinks_on_the_way_is_told_from_a_bad_connection(tmp_path: Path) -> None:
    body = files_body(tmp_path, 64 << 20)

    def shrinks(connection: Connection) -> None:
        with (tmp_path / "file").open("r+b") as file:
            file.truncate(1000)
        connection.body()

    with serving(shrinks) as url:
        transport = HttpTransport(url, timeouts=Timeouts(2, 6))
        with pytest.raises(SourceError, match="changed"):
            transport.send(OutgoingRequest("POST", url, (), body))
        transport.close()


def test_a_source_that_fails_is_no_fault_of_the_connection() -> None:
    class Broken:
        length = 100

        def __iter__(self) -> Iterator[Buffer]:
            yield b"x"
            raise SourceError("a file", "gone")

    with serving(stores) as url:
        transport = HttpTransport(url)
        with pytest.raises(SourceError):
            transport.send(OutgoingRequest("POST", url, (), Broken()))
        transport.close()


def test_nobody_there_is_certain_not_to_have_stored() -> None:
    with serving(stores) as url:
        pass
    with pytest.raises(TransportError) as caught:
        post(url)
    assert not caught.value.may_have_arrived


def test_a_certificate_that_does_not_verify_ends_it(certificate: str) -> None:
    with (
        serving(stores, tls=server_context(certificate)) as url,
        pytest.raises(TransportError, match="certificate") as caught,
    ):
        post(url)
    assert caught.value.is_permanent


def test_mutual_tls_shows_the_certificate_to_the_destination_alone(certificate: str) -> None:
    tls = Tls(authorities=certificate, certificate=certificate)
    with serving(stores, tls=server_context(certificate, wants_client=True)) as url:
        request = OutgoingRequest("POST", url, (), BytesContent(b"x"))
        home = HttpTransport(url, tls=tls, timeouts=Timeouts(2, 2))
        assert home.send(request).status == 200
        home.close()
        stranger = HttpTransport("https://pacs.example", tls=tls, timeouts=Timeouts(2, 2))
        with pytest.raises(TransportError):
            stranger.send(request)
        stranger.close()


def test_307_is_followed_with_a_whole_body() -> None:
    bodies = []

    def takes(connection: Connection) -> None:
        bodies.append(connection.body())
        connection.answer(200)

    with serving(takes) as other:

        def redirects(connection: Connection) -> None:
            bodies.append(connection.body())
            connection.answer(307, b"", f"Location: {other}/there")

        with serving(redirects) as url:
            transport = HttpTransport(url)
            response = Exchange(transport).send(
                OutgoingRequest("POST", url, (), BytesContent(b"whole"))
            )
            transport.close()
    assert (response.status, bodies) == (200, [b"whole", b"whole"])


def test_a_server_that_lies_is_not_believed() -> None:
    def lies(connection: Connection) -> None:
        connection.body()
        connection.answer(200, json.dumps(module(UIDS[:2])).encode())

    def has_no_search(connection: Connection) -> None:
        connection.answer(404)

    assert stored_through(lies, lies, has_no_search) == ["referenced"] * 2 + ["unverified"]


def test_a_wrong_url_is_said_to_be_one() -> None:
    def is_a_web_page(connection: Connection) -> None:
        connection.body()
        connection.answer(404, b"<html>", "Content-Type: text/html")

    with pytest.raises(DestinationError, match="No STOW-RS service"):
        stored_through(is_a_web_page)
