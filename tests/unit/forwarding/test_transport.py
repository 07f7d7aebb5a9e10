"""The transport looks at each address before it connects, also where a redirect leads."""

import pytest

from chalicelib.dicomweb.multipart_writer import BytesContent
from chalicelib.forwarding.transport import GuardedTransport
from chalicelib.useragent.errors import TransportError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.transport import OutgoingRequest, Response, Timeouts
from tests.unit.useragent.loopback import Connection, serving

QUICK = Timeouts(1, 1)


def stores(connection: Connection) -> None:
    connection.body()
    connection.answer(200)


def redirects(location: str) -> "list[str]":
    return [f"Location: {location}"]


def post(url: str, resolve: object = None, *, allows_loopback: bool = True) -> Response:
    known = {} if resolve is None else {"resolve": resolve}
    transport = GuardedTransport(
        url,
        allows_loopback=allows_loopback,
        timeouts=QUICK,
        **known,  # type: ignore[arg-type]
    )
    try:
        return Exchange(transport).send(OutgoingRequest("POST", url, (), BytesContent(b"body")))
    finally:
        transport.close()


def test_a_local_destination_gets_the_request() -> None:
    with serving(stores) as url:
        assert post(url).status == 200


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"]
)
def test_a_name_that_resolves_to_what_is_refused_gets_nothing(address: str) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["8.8.8.8", address]

    with pytest.raises(TransportError, match="nothing is sent") as caught:
        post("https://pacs.example/", resolve, allows_loopback=False)
    assert caught.value.is_permanent
    assert not caught.value.may_have_arrived
    assert asked == [("pacs.example", 443)]


def test_what_is_not_loopback_gets_nothing_without_tls() -> None:
    with pytest.raises(TransportError, match="without TLS"):
        post("http://pacs.example/", lambda host, port: ["192.0.2.1"])


def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A second look-up could tell another address; there is none."""
    with serving(stores) as url:
        port = url.rpartition(":")[2].strip("/")
        answers = [["127.0.0.1"]]
        response = post(f"http://renamed.example:{port}/", lambda host, port: answers.pop())
    assert response.status == 200


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest", "http://metadata.example/latest", "https://meta.example/"],
)
def test_a_redirect_to_what_is_refused_is_not_followed(location: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "127.0.0.1" else ["169.254.169.254"]

    def redirect(connection: Connection) -> None:
        connection.body()
        connection.answer(307, b"", *redirects(location))

    with serving(redirect) as url, pytest.raises(TransportError, match="nothing is sent"):
        post(url, resolve)


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518", "[fe80::1]"])
def test_addresses_in_odd_clothes_are_seen_through(host: str) -> None:
    with pytest.raises(TransportError):
        post(f"http://{host}/")


def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(TransportError, match="not known") as caught:
        post("https://pacs.example/", resolve)
    assert not caught.value.is_permanent


def test_a_port_where_nobody_listens_is_no_answer() -> None:
    with pytest.raises(TransportError, match="refuses"):
        post("http://127.0.0.1:9/")
