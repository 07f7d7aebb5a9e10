"""Hostile HTTP: two lengths, other framings, floods. One answer at most, nothing behind it read."""

import re
import socket

import pytest

from tests.hostile.canary import PATIENT, TEXT, find_canary
from tests.hostile.cases import MULTIPART, good_file, join_parts
from tests.hostile.door import Door

PARTITION = "smuggled"
BODY = join_parts(good_file("smuggled"))
SMUGGLED = (
    f"POST /partitions/{PARTITION}/studies HTTP/1.1\r\nHost: pacs.example\r\n"
    f"Content-Type: {MULTIPART}\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY
HEAD = (
    f"POST /partitions/{PARTITION}/studies HTTP/1.1\r\nHost: pacs.example\r\n"
    f"Content-Type: {MULTIPART}\r\nX-Patient: {TEXT}\r\n"
).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)


def talk(door: Door, sent: bytes) -> bytes:
    """Send octets as they are; return all that comes back until the server closes."""
    with socket.create_connection((door.address.hostname, door.address.port), timeout=10) as peer:
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := peer.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (LENGTH + b"Content-Length: 0\r\n", 400),
        (b"Content-Length: 0\r\n" + LENGTH, 400),
        (b"Content-Length: 0, %d\r\n" % len(BODY), 400),
        (LENGTH + b"Transfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n" + LENGTH, 400),
        (b"Transfer-Encoding: chunked, identity\r\n", 501),
        (b"Transfer-Encoding: \x0bchunked\r\n", 400),
        (b"Transfer-Encoding:\r\n chunked\r\n" + LENGTH, 400),
        (b"Content-Length: +%d\r\n" % len(BODY), 400),
        (b"Content-Length: %d \x00\r\n" % len(BODY), 400),
        (b"Content-Length: -1\r\n", 400),
        (b"X-Patient: " + PATIENT.name + b"\0\r\n" + LENGTH, 400),
        (b"X-Patient: a\rContent-Length: 0\r\n" + LENGTH, 400),
        (b"X Patient: a\r\n" + LENGTH, 400),
        (b"X-Flood: " + PATIENT.name * 4_000 + b"\r\n" + LENGTH, 431),
        (b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + LENGTH, 431),
    ],
    ids=[
        "two lengths",
        "two lengths, the shorter first",
        "two lengths in one field",
        "length and chunked",
        "chunked and length",
        "chunked inside identity",
        "control character before chunked",
        "folded chunked and length",
        "signed length",
        "NUL behind the length",
        "negative length",
        "NUL in a field",
        "bare carriage return in a field",
        "space in a name",
        "field of 80 kB",
        "500 fields",
    ],
)
def test_an_ambiguous_head_is_refused_and_nothing_behind_it_is_read(
    fields: bytes, status: int, door: Door
) -> None:
    before = door.output_size()

    received = talk(door, HEAD + fields + b"\r\n" + BODY + SMUGGLED)

    assert statuses(received) == [status]
    assert find_canary(received) is None
    assert find_canary(door.output()[before:]) is None
    assert door.count(f"{PARTITION}/") == 0


@pytest.mark.parametrize(
    "chunks",
    [
        b"ZZ\r\n" + PATIENT.name,
        b"-5\r\n12345\r\n0\r\n\r\n",
        b"0x5\r\n12345\r\n0\r\n\r\n",
        b"5\n12345\n0\n\n",
        b"5\r\n1234567\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFFFFFF\r\n1\r\n",
        b"5;" + b"x" * 70_000 + b"\r\n12345\r\n0\r\n\r\n",
        b"5\r\n123",
    ],
    ids=[
        "no number",
        "negative",
        "prefixed",
        "line feeds",
        "longer than it says",
        "a size of 21 digits",
        "a flood of extensions",
        "cut short",
    ],
)
def test_broken_chunks_are_refused(chunks: bytes, door: Door) -> None:
    received = talk(door, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)

    assert [status // 100 for status in statuses(received)] == [4]
    assert door.count(f"{PARTITION}/") == 0


@pytest.mark.parametrize(
    "target",
    [
        b"/partitions/..%2F..%2Fx/studies",
        b"/partitions/%2e%2e/studies",
        b"/partitions/a%00b/studies",
        b"/partitions/a%0d%0aX-Injected:%201/studies",
        b"/partitions/" + b"a" * 65 + b"/studies",
        b"/partitions/%ce%a9/studies",
        b"/partitions/-a/studies",
        b"/partitions/a.b/studies",
        b"/partitions/" + PATIENT.name.replace(b"^", b"%5E") + b"/studies",
        b"/partitions/smuggled%2Fstudies%2F1.2/studies",
    ],
)
def test_a_partition_that_is_no_name_is_refused(target: bytes, door: Door) -> None:
    before, objects = door.output_size(), door.count()

    received = talk(door, SMUGGLED.replace(f"/partitions/{PARTITION}/studies".encode(), target))

    assert statuses(received)[0] in (400, 404)
    assert b"X-Injected" not in received
    assert find_canary(received) is None
    assert find_canary(door.output()[before:]) is None
    assert door.count() == objects
