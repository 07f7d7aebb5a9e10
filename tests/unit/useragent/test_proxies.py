"""Through an HTTP proxy: in the clear, through a tunnel, and through TLS to the proxy itself."""

import os
from base64 import b64encode
from pathlib import Path

import pytest

from chalicelib.dicomweb.multipart_writer import MultipartBody, OutgoingPart
from chalicelib.useragent.errors import TransportError
from chalicelib.useragent.sources import FileSource, SourceContent
from chalicelib.useragent.transport import HttpTransport, OutgoingRequest, Response, Timeouts, Tls
from tests.unit.useragent.loopback import Connection, make_certificate, server_context, serving
from tests.unit.useragent.proxy import proxying

SIZE = 3 << 20
CONTENT = os.urandom(1 << 10) * (SIZE >> 10)


def send(url: str, proxy: str, certificate: str, folder: Path) -> Response:
    """Send a file, as the system sends those in the clear."""
    path = folder / "file"
    path.write_bytes(CONTENT)
    source = FileSource(bytes(path), SIZE, path.stat().st_mtime_ns)
    body = MultipartBody([OutgoingPart((("Content-Type", "a/b"),), SourceContent(source))], "b")
    tls = Tls(authorities=certificate)
    transport = HttpTransport(url, tls=tls, proxy=proxy, timeouts=Timeouts(5, 5))
    try:
        return transport.send(OutgoingRequest("POST", url, (), body))
    finally:
        transport.close()


@pytest.mark.parametrize("is_proxy_under_tls", [False, True])
@pytest.mark.parametrize("is_origin_under_tls", [False, True])
def test_a_body_arrives_whole_by_every_way(
    tmp_path: Path, certificate: str, is_origin_under_tls: bool, is_proxy_under_tls: bool
) -> None:
    bodies = []

    def takes(connection: Connection) -> None:
        bodies.append(connection.body())
        connection.answer(200, b"taken")

    context = server_context(certificate)
    with (
        serving(takes, tls=context if is_origin_under_tls else None) as url,
        proxying(tls=context if is_proxy_under_tls else None) as proxy,
    ):
        response = send(url, proxy.url, certificate, tmp_path)
    assert (response.status, response.body) == (200, b"taken")
    [body] = bodies
    assert CONTENT in body
    [head] = proxy.heads
    assert head.startswith("CONNECT " if is_origin_under_tls else f"POST {url} ")


@pytest.mark.parametrize("is_origin_under_tls", [False, True])
def test_a_proxy_gets_its_credentials_and_the_destination_does_not(
    tmp_path: Path, certificate: str, is_origin_under_tls: bool
) -> None:
    heads = []

    def takes(connection: Connection) -> None:
        heads.append(connection.head.decode())
        connection.body()
        connection.answer(200)

    tls = server_context(certificate) if is_origin_under_tls else None
    with serving(takes, tls=tls) as url, proxying() as proxy:
        named = proxy.url.replace("//", "//me:p%40\u0142@")
        assert send(url, named, certificate, tmp_path).status == 200
    pair = b64encode("me:p@\u0142".encode()).decode()
    assert f"proxy-authorization: basic {pair}".lower() in proxy.heads[0].lower()
    if is_origin_under_tls:  # in the clear it is for the proxy to take the field off
        assert "proxy-authorization" not in heads[0].lower()


@pytest.mark.parametrize(("refusal", "is_permanent"), [(407, True), (403, True), (502, False)])
def test_what_a_proxy_does_not_let_through_has_not_arrived(
    tmp_path: Path, certificate: str, refusal: int, is_permanent: bool
) -> None:
    with (
        proxying(refusal=refusal) as proxy,
        pytest.raises(TransportError, match=f"proxy answers with status {refusal}") as caught,
    ):
        send("https://pacs.example/dicom-web", proxy.url, certificate, tmp_path)
    assert caught.value.is_permanent is is_permanent
    assert not caught.value.may_have_arrived


def test_a_proxy_that_is_not_there_is_said_to_be_the_proxy(
    tmp_path: Path, certificate: str
) -> None:
    with proxying() as proxy:
        pass
    with pytest.raises(TransportError, match="By the proxy: The server refuses") as caught:
        send("https://pacs.example/dicom-web", proxy.url, certificate, tmp_path)
    assert not caught.value.may_have_arrived
    assert not caught.value.is_permanent


def test_a_proxy_whose_certificate_does_not_verify_gets_nothing(
    tmp_path: Path, certificate: str
) -> None:
    (tmp_path / "other.pem").write_bytes(make_certificate())
    with (
        proxying(tls=server_context(str(tmp_path / "other.pem"))) as proxy,
        pytest.raises(TransportError, match=r"By the proxy: .*certificate") as caught,
    ):
        send("https://pacs.example/dicom-web", proxy.url, certificate, tmp_path)
    assert caught.value.is_permanent
    assert not proxy.heads


@pytest.mark.parametrize("proxy", ["nonsense", "ftp://x", "http://127.0.0.1:99999", "http://a b:1"])
@pytest.mark.parametrize("url", ["https://pacs.example", "http://pacs.example"])
def test_what_is_no_proxy_is_said_at_once(
    tmp_path: Path, certificate: str, url: str, proxy: str
) -> None:
    with pytest.raises(TransportError, match="not usable") as caught:
        send(url, proxy, certificate, tmp_path)
    assert caught.value.is_permanent
