"""Daily's ICE servers for a machine without IPv4 of its own: libwebrtc gets to them through relays in this process.

What this process can reach, libwebrtc can't always: it sends only from addresses of the machine's interfaces, asks DNS
itself, and maps no IPv4 address. What was measured is in docs/decisions/0032-udp-relay.md.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import ifaddr

from daily_room.ice_answer import IceConfigError, fetch_ice_servers, ice_url
from daily_room.udp_relay import UdpRelay
from ice_servers import TurnServer, turn_servers
from nat64 import reachable_host
from relay_probe import NoRelayError, choose_relay

__all__ = ["IceConfig", "IceConfigError", "ice_config"]

type IceConfig = dict[str, Any]

_logger = logging.getLogger("switchboard")

# Where Daily's clients ask. Undocumented: see the decision.
_SIGNALING_URL = "https://gs.daily.co"
# Which TURN servers are Daily's is in its documentation:
# https://docs.daily.co/docs/guides/privacy-and-security/corporate-firewalls-nats-allowed-ip-list
# Each is an allocation for each network and each peer connection. Daily gives a handful.
_MOST_SERVERS = 12
_LOOK_UP_SECONDS = 3.0
# Daily asks for new credentials at least once an hour, for reconnections:
# https://docs.daily.co/reference/daily-js/instance-methods/set-ice-config
_RENEW_SECONDS = 1800.0
# RFC 5737: nobody has it. The routing table is asked about it, and nothing is sent.
_SOMEWHERE = ("192.0.2.1", 9)


@asynccontextmanager
async def ice_config(
    *,
    room_url: str,
    renewed: Callable[[IceConfig], object],
    signaling_url: str = _SIGNALING_URL,
    renew_seconds: float = _RENEW_SECONDS,
) -> AsyncIterator[IceConfig | None]:
    """What a call in this room must give to `CallClient.set_ice_config` before it joins, until the end of the block.

    None where libwebrtc has IPv4, or no network at all: then nothing is asked of Daily. Otherwise the relays live as
    long as the block, `renewed` gets the configuration with new credentials now and then, and one of the servers has
    just given an allocation. Raises `IceConfigError` after at most some ten seconds.
    """
    host = _ipv6_without_ipv4()
    if host is None:
        yield None
        return
    url = ice_url(room_url, signaling_url=signaling_url)
    servers = _Servers(host=host, url=url)
    try:
        config = await servers.config()
        renewing = asyncio.create_task(_renew(servers, renewed=renewed, every=renew_seconds))
        try:
            yield config
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
    finally:
        servers.close()


async def _renew(servers: "_Servers", *, renewed: Callable[[IceConfig], object], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            renewed(await servers.config())
        except IceConfigError as error:
            _logger.warning("the ICE servers aren't renewed, so the call may not survive a lost path: %s", error)


def _ipv6_without_ipv4() -> str | None:
    """An IPv6 address of this machine, where libwebrtc can't get at IPv4; None where it can, or has neither.

    A route to IPv4 isn't enough: libwebrtc leaves loopback out, whatever addresses it has. An address that is valid on
    its link alone counts as none, as a relay does no harm where that address would have served.
    """
    adapters = [{ipaddress.ip_address(_text(ip)) for ip in adapter.ips} for adapter in ifaddr.get_adapters()]
    usable = [
        each for ips in adapters if not any(ip.is_loopback for ip in ips) for each in ips if not each.is_link_local
    ]
    if _ipv4_source() in usable:
        return None
    return next((str(each) for each in usable if each.version == 6), None)


def _text(ip: ifaddr.IP) -> str:
    return ip.ip if isinstance(ip.ip, str) else ip.ip[0]


def _ipv4_source() -> ipaddress.IPv4Address | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE)
        except OSError:
            return None
        return ipaddress.IPv4Address(probe.getsockname()[0])


class _Servers:
    """The TURN servers of one room, and the relays before them."""

    def __init__(self, *, host: str, url: str) -> None:
        self._host, self._url = host, url
        self._relays: dict[tuple[str, int], UdpRelay] = {}

    async def config(self) -> IceConfig:
        """Ask Daily for them; a relay that is there already stays, as calls go through it. Raises `IceConfigError`."""
        # Without those of STUN: they would tell of an address at which a relay takes nothing from peers.
        given = turn_servers(await fetch_ice_servers(self._url))[:_MOST_SERVERS]
        usable = [each for servers in await asyncio.gather(*map(self._usable, given)) for each in servers]
        if not given:
            raise IceConfigError("Daily named no TURN server, and without one there is no way to IPv4")
        if not usable:
            raise IceConfigError("Daily's TURN servers have no address here; check the network's DNS, DNS64 and NAT64")
        try:
            relay = await choose_relay(usable)
        except NoRelayError as error:
            raise IceConfigError(
                f"{error}; the agent's network must let UDP 3478 out to turn.cloudflare.com and *.turn.twilio.com"
            ) from None
        _logger.info(
            "libwebrtc has no IPv4: %d UDP relays to TURN servers; %s answered after %.3f s",
            len(self._relays),
            relay.server.transport,
            relay.probe_seconds,
        )
        return {"placement": "replace", "iceServers": [_ice_server(each) for each in usable]}

    def close(self) -> None:
        for relay in self._relays.values():
            relay.close()

    async def _usable(self, server: TurnServer) -> list[TurnServer]:
        """The server, as libwebrtc can use it here: once for each way that leads to it, over UDP through a relay."""
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                hosts = await (_hosts(server) if server.transport == "udp" else _hosts_over_tcp(server))
        except OSError as error:  # no address, no answer in time, or no way to IPv4
            _logger.warning("one of Daily's TURN servers can't be used here over %s: %s", server.transport, error)
            return []
        if server.transport != "udp":
            return [replace(server, host=host) for host in hosts]
        relays = [self._relay(host, server.port) for host in hosts]
        return [replace(server, host=relay.host, port=relay.port) for relay in relays]

    def _relay(self, host: str, port: int) -> UdpRelay:
        if (host, port) not in self._relays:
            try:
                self._relays[host, port] = UdpRelay(host=self._host, server=(host, port))
            except OSError as error:
                raise IceConfigError(
                    f"no relay can be opened at the machine's IPv6 address: {error.strerror}"
                ) from error
        return self._relays[host, port]


async def _hosts(server: TurnServer) -> list[str]:
    """The server's IPv4 address, as this machine reaches it, and its IPv6 address. Raises `OSError` if it has neither.

    Whether IPv4 is translated below the sockets, or by NAT64, can't be seen from here, nor whether IPv6 leads out at
    all. libwebrtc asks all that it is given, and goes where it is answered.
    """
    found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)
    first = {family: str(address[0]) for family, *_, address in reversed(found)}
    ipv4, ipv6 = first.get(socket.AF_INET), first.get(socket.AF_INET6)
    if ipv4 is None:
        return list(first.values())
    try:
        reachable = await reachable_host(ipv4)
    except OSError:
        if ipv6 is None:
            raise
        return [ipv6]  # from DNS64, whose prefix is hidden, or the server's own
    return list(dict.fromkeys([reachable, *([ipv6] if ipv6 else [])]))


async def _hosts_over_tcp(server: TurnServer) -> list[str]:
    """The name, for libwebrtc to look up by DNS64, or the mapped IPv4 address. Raises `OSError`.

    None where TLS is asked of an IPv4 address: no certificate holds for the mapped one.
    """
    host = await reachable_host(server.host)
    return [] if server.transport == "tls" and host != server.host else [host]


def _ice_server(server: TurnServer) -> dict[str, Any]:
    return {"urls": [server.uri], "username": server.username, "credential": server.credential}
