"""IPv4 literals in a network that has only IPv6 and NAT64: they must be mapped here, as DNS64 maps names only."""

import asyncio
import errno
import ipaddress
import socket

# RFC 7050: a name whose only addresses are these two, so that an IPv6 address for it shows the network's prefix.
_WELL_KNOWN_NAME = "ipv4only.arpa"
_WELL_KNOWN_ADDRESSES = {ipaddress.IPv4Address("192.0.0.170").packed, ipaddress.IPv4Address("192.0.0.171").packed}
# RFC 6052, 2.2: which octets hold the IPv4 address, for each length of the prefix. Octet 8 is always 0.
_OCTETS = ((12, 13, 14, 15), (9, 10, 11, 12), (7, 9, 10, 11), (6, 7, 9, 10), (5, 6, 7, 9), (4, 5, 6, 7))


async def reachable_host(host: str) -> str:
    """The host itself, or for an IPv4 literal without a route to it, the IPv6 address that NAT64 maps it to.

    Raises `OSError` when this network has no NAT64 either.
    """
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return host
    return host if _has_route(address) else str(await _mapped(address))


def _has_route(address: ipaddress.IPv4Address) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))  # of a UDP socket: asks the routing table, and sends nothing
        except OSError:
            return False
    return True


async def _mapped(address: ipaddress.IPv4Address) -> ipaddress.IPv6Address:
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(_WELL_KNOWN_NAME, None, family=socket.AF_INET6, type=socket.SOCK_DGRAM)
    for *_, (answer, *_) in answers:
        mapped = map_like(ipaddress.IPv6Address(answer), address)
        if mapped:
            return mapped
    raise OSError(errno.ENETUNREACH, "no route to IPv4, and no NAT64 prefix")


def map_like(well_known: ipaddress.IPv6Address, address: ipaddress.IPv4Address) -> ipaddress.IPv6Address | None:
    """The address, mapped with the prefix of an IPv6 address of `ipv4only.arpa`; None if that shows no prefix."""
    for octets in _OCTETS:
        if bytes(well_known.packed[octet] for octet in octets) in _WELL_KNOWN_ADDRESSES:
            mapped = bytearray(well_known.packed)
            for octet, value in zip(octets, address.packed, strict=True):
                mapped[octet] = value
            return ipaddress.IPv6Address(bytes(mapped))
    return None
