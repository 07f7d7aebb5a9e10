"""``python -m bench.sink``: a Store Transaction's far end that keeps nothing and lists everything.

It reads bodies as fast as Python can, finds each part's SOP Instance UID and
answers that it is stored. It prints its port and ends with its standard input.
"""

import json
import re
import socket
import sys
import threading
from io import BufferedReader

_UID = re.compile(rb"2\.25\.7[0-9]+")  # as bench.ct makes them
_HEAD_BYTES = 1024
_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def main() -> None:
    """Serve until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


def _accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    room = bytearray(8 * 1024 * 1024)
    with connection, BufferedReader(connection.makefile("rb", buffering=0), 256 * 1024) as reader:
        while head := _head(reader):
            length = int(head.get(b"content-length", b"0"))
            if head.get(b"transfer-encoding") == b"chunked":
                length = _read_chunks(reader, room)
            else:
                room.extend(bytes(max(length - len(room), 0)))
                _fill(reader, room, 0, length)
            boundary = head[b"content-type"].partition(b"boundary=")[2].strip(b'"')
            connection.sendall(_answer(room, length, b"--" + boundary))


def _head(reader: "BufferedReader[socket.SocketIO]") -> dict[bytes, bytes]:
    """Return the fields of a request, and nothing at the connection's end."""
    lines = list(iter(reader.readline, b"\r\n")) if reader.peek(1) else []
    pairs = (line.strip().split(b": ", 1) for line in lines[1:])
    return {name.lower(): value for name, value in pairs}


def _read_chunks(reader: "BufferedReader[socket.SocketIO]", room: bytearray) -> int:
    length = 0
    while size := int(reader.readline(), 16):
        room.extend(bytes(max(length + size - len(room), 0)))
        _fill(reader, room, length, length + size)
        reader.readline()
        length += size
    reader.readline()
    return length


def _fill(reader: "BufferedReader[socket.SocketIO]", room: bytearray, start: int, end: int) -> None:
    with memoryview(room) as view:
        while start < end:
            count = reader.readinto(view[start:end])
            if not count:
                raise ConnectionError("the body ends early")
            start += count


def _answer(body: bytearray, length: int, boundary: bytes) -> bytes:
    items, start = [], body.find(boundary, 0, length)
    while start >= 0:
        if uid := _UID.search(body, start, min(start + _HEAD_BYTES, length)):
            items.append(_item(uid[0].decode()))
        start = body.find(boundary, start + len(boundary), length)
    module = {"00081199": {"vr": "SQ", "Value": items}}
    text = json.dumps(module).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


def _item(uid: str) -> dict[str, object]:
    return {
        "00081150": {"vr": "UI", "Value": [_CT_IMAGE_STORAGE]},
        "00081155": {"vr": "UI", "Value": [uid]},
    }


if __name__ == "__main__":
    main()
