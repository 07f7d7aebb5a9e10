"""Addresses that nothing may be sent to, in every form in which they come."""

import pytest

from chalicelib.forwarding.addresses import forbidden, is_loopback

REFUSED = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",  # Teredo, whose client is 169.254.169.254
    "::ffff:0.0.0.0",
    "not an address",
    "",
]
LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
ALLOWED = [
    "192.0.2.10",
    "8.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "2001:db8::1",
    "2606:4700::1111",
    "fd12:3456::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", REFUSED)
def test_refused_always(address: str) -> None:
    assert forbidden(address)
    assert forbidden(address, allows_loopback=True)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_refused_unless_local(address: str) -> None:
    assert forbidden(address)
    assert not forbidden(address, allows_loopback=True)
    assert is_loopback(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_allowed(address: str) -> None:
    assert not forbidden(address)
    assert not is_loopback(address)
