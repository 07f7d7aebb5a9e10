"""Which addresses a destination may have: none that reaches what only this machine should.

Private networks are allowed, because an archive behind a VPN has such an address. Refused are
loopback, link-local, the metadata services of clouds and whatever is no single host, in each of
the forms in which an IPv6 address can carry an IPv4 one.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address

_METADATA: tuple[IPv4Network | IPv6Network, ...] = (
    ip_network("169.254.0.0/16"),  # EC2, Azure, Google, ECS and EKS agents
    ip_network("100.100.100.200/32"),  # Alibaba
    ip_network("168.63.129.16/32"),  # Azure's host
    ip_network("192.0.0.192/32"),  # Oracle, older
    ip_network("fd00:ec2::/32"),  # EC2, EKS, ECS
    ip_network("fd20:ce::254/128"),  # Google
)
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_IPV4_COMPATIBLE = ip_network("::/96")


def forbidden(address: str, *, allows_loopback: bool = False) -> str:
    """Return why nothing may be sent to an address, "" when it may.

    Parameters
    ----------
    address : str
        As a resolver gives it, perhaps with a scope (``fe80::1%eth0``).
    allows_loopback : bool
        Whether this machine itself is a destination, as in a local stack.
    """
    try:
        found = _embedded(ip_address(address.partition("%")[0]))
    except ValueError:
        return "is no address"
    if found.is_loopback:
        return "" if allows_loopback else "is this machine's own"
    if any(found in network for network in _METADATA):
        return "is that of a metadata service, or link-local"
    if found.is_link_local or (isinstance(found, IPv6Address) and found.is_site_local):
        return "is link-local"
    if found.is_multicast or found.is_unspecified or found.is_reserved:
        return "is no host's"
    if isinstance(found, IPv4Address) and found in ip_network("0.0.0.0/8"):
        return "is no host's"
    return ""


def first_forbidden(addresses: Iterable[str], *, allows_loopback: bool = False) -> str:
    """Return why one of the addresses is refused, "" when none is."""
    return next(
        filter(None, (forbidden(a, allows_loopback=allows_loopback) for a in addresses)), ""
    )


def is_loopback(address: str) -> bool:
    """Return whether the address is this machine's own."""
    try:
        return _embedded(ip_address(address.partition("%")[0])).is_loopback
    except ValueError:
        return False


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to, if it does."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address.teredo is not None:
        inner = address.teredo[1]
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is None and any(address in network for network in _NAT64):
        inner = low
    if inner is None and address in _IPV4_COMPATIBLE and int(address) > 1:
        inner = low
    return inner or address
