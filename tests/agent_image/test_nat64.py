import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

import nat64
from nat64 import map_like, reachable_host


@pytest.mark.parametrize(
    ("well_known", "mapped"),
    [  # the prefixes of RFC 6052, 2.4, with 192.0.0.170 and the result for 192.0.2.33
        ("2001:db8:c000:aa::", "2001:db8:c000:221::"),
        ("2001:db8:1c0:0:aa::", "2001:db8:1c0:2:21::"),
        ("2001:db8:122:c000:0:aa00::", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:3c0:0:aa::", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344:c0:0:aa00::", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::192.0.0.170", "2001:db8:122:344::192.0.2.33"),
        ("64:ff9b::192.0.0.171", "64:ff9b::192.0.2.33"),
        ("2001:db8::1", None),
    ],
)
def test_an_address_is_mapped_with_the_networks_prefix(well_known: str, mapped: str | None) -> None:
    assert map_like(IPv6Address(well_known), IPv4Address("192.0.2.33")) == (mapped and IPv6Address(mapped))


async def test_a_name_is_left_to_dns64() -> None:
    assert await reachable_host("turn.example") == "turn.example"
    assert await reachable_host("2001:db8::1") == "2001:db8::1"


async def test_a_literal_with_a_route_stays() -> None:
    assert await reachable_host("127.0.0.1") == "127.0.0.1"


async def test_a_literal_without_a_route_is_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers(name: str, *_: object, **__: object) -> list[Any]:
        assert name == "ipv4only.arpa"
        return [(socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("64:ff9b::c000:aa", 0, 0, 0))]

    monkeypatch.setattr(nat64, "_has_route", lambda _: False)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answers)

    assert await reachable_host("192.0.2.33") == "64:ff9b::c000:221"


async def test_a_literal_without_a_route_or_nat64_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("2001:db8::1", 0, 0, 0))]

    monkeypatch.setattr(nat64, "_has_route", lambda _: False)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answers)

    with pytest.raises(OSError, match="no NAT64 prefix"):
        await reachable_host("192.0.2.33")
