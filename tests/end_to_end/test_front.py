"""The local front over real sockets: what a client sees of the gateway's limits and grammar.

The function behind it is a small one that tells what it was given.
"""

import base64
import gzip
import http.client
import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.app import Chalice, Response

from infra.local.connection import FrontLimits
from infra.local.front import Front, listen
from infra.local.functions import LocalFunction, make_thread_safe
from infra.local.gateway import (
    MAX_GATEWAY_PAYLOAD,
    MAX_INVOCATION_PAYLOAD,
    Gateway,
    GatewaySettings,
    Gzip,
)
from infra.local.gateway_event import RouteTable

BINARY = frozenset({"application/dicom"})
ROUTES = RouteTable({"/studies": ["POST", "GET", "HEAD"], "/studies/{study}": ["POST"]})
FAST = FrontLimits(idle=0.4, head=0.3, read=0.3, request=2.0, linger=0.5, connections=64)
LARGEST_BINARY = (MAX_INVOCATION_PAYLOAD - 2000) // 4 * 3
"""Bytes of a binary body that just fits in an invocation, with room for the event around it."""


def tell(event: dict[str, Any], context: Any) -> Any:
    """Do what the X-Do field asks, or answer with what arrived."""
    wish = event["headers"].get("X-Do", "")
    if wish == "raise":
        raise RuntimeError("as asked")
    if wish == "malformed":
        return {"body": "no status"}
    if wish == "large":
        return {"statusCode": 200, "body": "x" * MAX_INVOCATION_PAYLOAD}
    if wish == "sleep":
        time.sleep(0.5)
    if wish == "crlf":
        return {"statusCode": 200, "headers": {"X-Bad": "a\r\nX-Injected: 1"}, "body": ""}
    if wish == "204":
        return {"statusCode": 204, "body": ""}
    body = event["body"] or ""
    told = {
        "size": len(base64.b64decode(body)) if event["isBase64Encoded"] else len(body),
        "start": (base64.b64decode(body) if event["isBase64Encoded"] else body.encode())[:20].hex(),
        "headers": event["headers"],
        "path_parameters": event["pathParameters"],
    }
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(told),
    }


MakeFront = Callable[..., Front]


@pytest.fixture
def make_front() -> Iterator[MakeFront]:
    """Start fronts with any settings; all are stopped at the end."""
    fronts = []

    def make(
        function: Callable[..., Any] = tell,
        limits: FrontLimits = FAST,
        timeout: float = 29.0,
        **settings: Any,
    ) -> Front:
        call = LocalFunction(function, "api_handler", timeout_seconds=timeout, threads=8)
        gateway = Gateway(ROUTES, call, GatewaySettings(BINARY, **settings))
        fronts.append(Front(gateway, listen(), limits).start())
        return fronts[-1]

    yield make
    for front in fronts:
        front.stop()


@pytest.fixture(scope="module")
def shared() -> Iterator[Front]:
    """One front with real limits, for tests that leave nothing behind."""
    call = LocalFunction(tell, "api_handler", threads=8)
    limits = FrontLimits(idle=5, head=5, read=5)
    with Front(Gateway(ROUTES, call, GatewaySettings(BINARY)), listen(), limits) as front:
        yield front


def address(front: Front) -> tuple[str, int]:
    host, port = front.url.removeprefix("http://").split(":")
    return host, int(port)


def post(
    front: Front, body: bytes = b"DICM", path: str = "/studies", method: str = "POST", **fields: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    headers = {"Content-Type": "application/dicom"} | {
        name.replace("_", "-"): value for name, value in fields.items()
    }
    connection = http.client.HTTPConnection(*address(front), timeout=10)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def raw(front: Front, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send octets as they are; return all that comes back until the server closes."""
    with socket.create_connection(address(front), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


# ---------------------------------------------------------------- limits


def test_a_body_that_fits_arrives_whole(shared: Front) -> None:
    status, _, body = post(shared, b"x" * LARGEST_BINARY)

    assert status == 200
    assert json.loads(body)["size"] == LARGEST_BINARY


def test_413_of_lambda_when_base64_makes_the_event_too_large(shared: Front) -> None:
    status, _, body = post(shared, b"x" * (LARGEST_BINARY + 3000))

    assert status == 413
    assert str(MAX_INVOCATION_PAYLOAD) in json.loads(body)["message"]


def test_a_text_body_of_that_size_fits(shared: Front) -> None:
    status, _, _ = post(shared, b"x" * (LARGEST_BINARY + 3000), Content_Type="text/plain")

    assert status == 200


def test_413_of_the_gateway_over_10_mb_and_its_sender_can_read_it(shared: Front) -> None:
    status, headers, body = post(shared, b"x" * (MAX_GATEWAY_PAYLOAD + 1))

    assert (status, json.loads(body)) == (413, {"message": "Request Too Long"})
    assert headers["Content-Type"] == "application/json"
    assert headers["Connection"] == "close"


def test_413_as_soon_as_a_chunked_body_is_over_the_limit(make_front: MakeFront) -> None:
    front = make_front(max_payload=1000)
    head = b"POST /studies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    received = raw(front, head, b"400\r\n" + b"x" * 1024 + b"\r\n")

    assert statuses(received) == [413]


def test_502_when_the_response_is_more_than_lambda_returns(shared: Front) -> None:
    status, _, body = post(shared, X_Do="large")

    assert (status, json.loads(body)) == (502, {"message": "Internal server error"})


@pytest.mark.parametrize("wish", ["raise", "malformed", "crlf"])
def test_502_when_the_function_fails(shared: Front, wish: str) -> None:
    status, headers, body = post(shared, X_Do=wish)

    assert (status, json.loads(body)) == (502, {"message": "Internal server error"})
    assert "X-Injected" not in headers


def test_504_when_the_function_takes_too_long(make_front: MakeFront) -> None:
    front = make_front(timeout=0.1)

    status, _, body = post(front, X_Do="sleep")

    assert (status, json.loads(body)) == (504, {"message": "Endpoint request timed out"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/studies"), ("POST", "/"), ("POST", "/studies/1/series"), ("BREW", "/studies")],
)
def test_403_for_what_the_api_does_not_have(shared: Front, method: str, path: str) -> None:
    status, _, body = post(shared, method=method, path=path)

    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})


def test_431_for_many_or_long_fields(shared: Front) -> None:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(200))
    long = b"X-Long: " + b"x" * 20_000 + b"\r\n"

    for fields in (many, long, b"X-Endless: " + b"x" * 300_000):
        received = raw(shared, b"POST /studies HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
        assert statuses(received) == [431]


# ---------------------------------------------------------------- grammar


def test_a_chunked_body_arrives_whole_however_it_is_cut(shared: Front) -> None:
    whole = (
        b"POST /studies HTTP/1.1\r\nHost: x\r\nContent-Type: application/dicom\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
        b"4;ext=1\r\nDICM\r\n6\r\nabcdef\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    octets = [whole[i : i + 1] for i in range(len(whole))]

    for pieces in ([whole], octets):
        received = raw(shared, *pieces)
        told = json.loads(received.partition(b"\r\n\r\n")[2])
        assert told["size"] == 10
        assert "Transfer-Encoding" not in told["headers"]


def test_100_is_sent_to_who_waits_for_it(shared: Front) -> None:
    with socket.create_connection(address(shared), timeout=5) as connection:
        connection.sendall(
            b"POST /studies HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/dicom\r\nContent-Length: 4\r\n\r\n"
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"DICM")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_413_instead_of_100_when_the_announced_length_is_over_the_limit(shared: Front) -> None:
    received = raw(
        shared,
        b"POST /studies HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        b"Content-Length: %d\r\n\r\n" % (MAX_GATEWAY_PAYLOAD + 1),
    )

    assert statuses(received) == [413]


def test_a_connection_is_kept(shared: Front) -> None:
    connection = http.client.HTTPConnection(*address(shared), timeout=5)
    local_ports = set()
    for number in range(5):
        connection.request("POST", f"/studies/{number}", b"x" * number)
        told = json.loads(connection.getresponse().read())
        assert told["path_parameters"] == {"study": str(number)}
        assert told["size"] == number
        local_ports.add(connection.sock.getsockname()[1])
    connection.close()

    assert len(local_ports) == 1


def test_pipelined_requests_are_answered_in_order(shared: Front) -> None:
    requests = [
        b"POST /studies/%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (n, n, b"x" * n)
        for n in range(4)
    ]

    received = raw(shared, b"".join(requests))

    assert statuses(received) == [200] * 4
    positions = [received.index(b'"study": "%d"' % n) for n in range(4)]
    assert positions == sorted(positions)


def test_head_has_the_length_and_no_body(shared: Front) -> None:
    received = raw(shared, b"HEAD /studies HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    head, _, body = received.partition(b"\r\n\r\n")
    assert statuses(received) == [200]
    assert b"Content-Length: " in head
    assert body == b""


def test_head_of_an_unknown_path_has_no_body_either(shared: Front) -> None:
    received = raw(
        shared,
        b"HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        b"HEAD /studies HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )

    assert statuses(received) == [403, 200]


def test_204_has_no_content_length(shared: Front) -> None:
    status, headers, body = post(shared, X_Do="204")

    assert (status, headers["Content-Length"], body) == (204, None, b"")


def test_an_http_1_0_client_is_answered_and_left(shared: Front) -> None:
    received = raw(shared, b"GET /studies HTTP/1.0\r\n\r\n")

    assert statuses(received) == [200]
    assert b"Connection: close" in received


SMUGGLED = b"GET /studies HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Content-Length: 4\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 4, 5\r\n", 400),
        (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"Transfer-Encoding: xchunked\r\n", 501),
        (b"Transfer-Encoding : chunked\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: +4\r\n", 400),
        (b"Content-Length: 0x4\r\n", 400),
        (b"Content-Length: 99999999999999999999999\r\n", 400),
        (b"Host: y\r\n", 400),
        (b"X-Nul: \x00\r\n", 400),
    ],
)
def test_an_ambiguous_head_is_refused_and_nothing_after_it_is_read(
    shared: Front, fields: bytes, status: int
) -> None:
    received = raw(
        shared, b"POST /studies HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n0\r\n\r\n" + SMUGGLED
    )

    assert statuses(received) == [status]
    assert b"Connection: close" in received


@pytest.mark.parametrize(
    "line",
    [
        b"POST\r\n\r\n",
        b"POST /studies\r\n\r\n",
        b"POST /stu dies HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"POST /studies HTTP/1.1\r\n\r\n",
    ],
)
def test_400_for_what_is_no_request(shared: Front, line: bytes) -> None:
    assert statuses(raw(shared, line)) == [400]


def test_505_for_another_version(shared: Front) -> None:
    assert statuses(raw(shared, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == [505]


def test_transfer_encoding_in_http_1_0_is_refused(shared: Front) -> None:
    received = raw(shared, b"POST /studies HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    assert statuses(received) == [400]


def test_400_when_the_connection_ends_within_a_body(shared: Front) -> None:
    received = raw(
        shared,
        b"POST /studies HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    )

    assert statuses(received) == [400]


# ---------------------------------------------------------------- time


def test_an_idle_connection_is_closed_without_a_word(make_front: MakeFront) -> None:
    with socket.create_connection(address(make_front()), timeout=5) as connection:
        assert connection.recv(100) == b""


@pytest.mark.parametrize(
    "beginning",
    [
        b"POST /studies HTTP/1.1\r\nHost:",
        b"POST /studies HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    ],
)
def test_408_for_who_begins_and_does_not_go_on(make_front: MakeFront, beginning: bytes) -> None:
    with socket.create_connection(address(make_front()), timeout=5) as connection:
        connection.sendall(beginning)
        assert statuses(connection.recv(1000)) == [408]


def test_408_for_a_head_that_drips(make_front: MakeFront) -> None:
    with socket.create_connection(address(make_front()), timeout=5) as connection:
        drops = 0
        while not select.select([connection], [], [], 0.02)[0]:
            connection.sendall(b"P")
            drops += 1
        assert statuses(connection.recv(1000)) == [408]

    assert 5 < drops < 50


def test_stop_lets_a_request_in_progress_finish(make_front: MakeFront) -> None:
    front = make_front()
    answers: list[int] = []
    client = threading.Thread(target=lambda: answers.append(post(front, X_Do="sleep")[0]))
    client.start()
    time.sleep(0.2)

    front.stop()
    client.join()

    assert answers == [200]
    with pytest.raises(ConnectionRefusedError):
        post(front)


# ---------------------------------------------------------------- content coding


@pytest.mark.parametrize(
    ("shape", "is_decoded", "keeps_field"),
    [
        (Gzip.PASSTHROUGH, False, True),
        (Gzip.DECODE_KEEP_HEADER, True, True),
        (Gzip.DECODE_DROP_HEADER, True, False),
    ],
)
def test_gzip_reaches_the_function_in_each_shape(
    make_front: MakeFront, shape: Gzip, is_decoded: bool, keeps_field: bool
) -> None:
    status, _, body = post(
        make_front(gzip=shape), gzip.compress(b"DICM" * 100, mtime=0), Content_Encoding="gzip"
    )

    told = json.loads(body)
    assert status == 200
    assert bytes.fromhex(told["start"]).startswith(b"DICM" if is_decoded else b"\x1f\x8b")
    assert ("Content-Encoding" in told["headers"]) is keeps_field


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (b"not gzip", "gzip", 415),
        (gzip.compress(b"DICM" * 100, mtime=0)[:-9], "gzip", 415),
        (b"DICM", "br", 415),
        (b"DICM", "identity", 200),
        (gzip.compress(b"\0" * 2000, mtime=0), "gzip", 413),
    ],
)
def test_a_decoding_gateway_refuses_what_it_cannot_decode(
    make_front: MakeFront, body: bytes, coding: str, status: int
) -> None:
    front = make_front(gzip=Gzip.DECODE_DROP_HEADER, max_payload=1500)

    assert post(front, body, Content_Encoding=coding)[0] == status


# ---------------------------------------------------------------- concurrency


def test_concurrent_requests_of_a_chalice_application_do_not_mix() -> None:
    app = Chalice(app_name="mixing", configure_logs=False)

    @app.route("/studies/{study}", methods=["POST"], content_types=["*/*"])
    def study(study: str) -> Response:
        context = app.lambda_context
        time.sleep(0.01)
        request = app.current_request
        told = {
            "route": study,
            "body": request.raw_body.decode(),
            "same_context": context is app.lambda_context is request.lambda_context,
        }
        return Response(told, headers={"Content-Type": "application/json"})

    make_thread_safe(app)
    call = LocalFunction(app, "api_handler", threads=16)
    failures: list[object] = []

    def client(number: int, front: Front) -> None:
        connection = http.client.HTTPConnection(*address(front), timeout=10)
        for turn in range(10):
            name = f"{number}-{turn}"
            connection.request("POST", f"/studies/{name}", name.encode())
            told = json.loads(connection.getresponse().read())
            if told != {"route": name, "body": name, "same_context": True}:
                failures.append(told)
        connection.close()

    with Front(Gateway(ROUTES, call, GatewaySettings(BINARY)), listen(), FAST) as front:
        clients = [threading.Thread(target=client, args=(n, front)) for n in range(12)]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()

    assert failures == []


def test_more_connections_than_allowed_wait_their_turn(make_front: MakeFront) -> None:
    front = make_front(limits=FrontLimits(idle=0.3, head=0.3, connections=2))
    idle = [socket.create_connection(address(front)) for _ in range(2)]

    assert post(front)[0] == 200

    for connection in idle:
        connection.close()


def test_the_context_tells_the_time_left(make_front: MakeFront) -> None:
    def remaining(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": str(context.get_remaining_time_in_millis())}

    _, _, body = post(make_front(remaining, timeout=7.0))

    assert 6000 < int(body) <= 7000
