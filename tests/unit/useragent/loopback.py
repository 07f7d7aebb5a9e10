"""A server on loopback that answers by a script, and can behave as badly as servers do."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Handler = Callable[["Connection"], None]


class Connection:
    """One request on a socket: read as much of it as the script wants, answer, hang up."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = bytearray()
        self.head = self._until(b"\r\n\r\n")
        self.fields = dict(
            line.lower().split(b": ", 1) for line in self.head.split(b"\r\n")[1:] if line
        )

    def body(self) -> bytes:
        """Read the whole body, whichever way its length is told."""
        if self.fields.get(b"transfer-encoding") == b"chunked":
            pieces = []
            while size := int(self._until(b"\r\n"), 16):
                pieces.append(self._exactly(size + 2)[:-2])
            self._until(b"\r\n")
            return b"".join(pieces)
        return self._exactly(int(self.fields.get(b"content-length", b"0")))

    def answer(self, status: int, body: bytes = b"", *fields: str) -> None:
        """Send an answer and keep the connection."""
        lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(body)}", *fields, "", ""]
        self.sock.sendall("\r\n".join(lines).encode() + body)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self._fill()
        end = self.buffer.index(mark)
        found = bytes(self.buffer[:end])
        del self.buffer[: end + len(mark)]
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._fill()
        found = bytes(self.buffer[:size])
        del self.buffer[:size]
        return found

    def _fill(self) -> None:
        data = self.sock.recv(1 << 20)
        if not data:
            raise ConnectionError
        self.buffer += data


@contextmanager
def serving(*script: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve one request for each connection step of the script; the last step goes on for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    steps = list(script)
    lock = threading.Lock()

    def serve(sock: socket.socket) -> None:
        with sock:
            try:
                sock = tls.wrap_socket(sock, server_side=True) if tls else sock
                while True:
                    connection = Connection(sock)
                    with lock:
                        step = steps.pop(0) if len(steps) > 1 else steps[0]
                    step(connection)
            except (OSError, ConnectionError):
                pass
            finally:
                sock.close()

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}/dicom-web"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def hang_up(connection: Connection) -> None:
    """Reset the connection without an answer."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.sock.close()
    raise ConnectionError


def make_certificate() -> bytes:
    """Make a self-signed certificate of 127.0.0.1 with its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def server_context(certificate: str, *, wants_client: bool = False) -> ssl.SSLContext:
    """Return what a server under TLS needs; ``certificate`` is a file, and whom it believes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate)
    return context
