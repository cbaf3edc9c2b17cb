"""Chooses the STUN and the TURN server of a peer connection: aioice uses one of each, and is silent when they fail."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from aioice.stun import TransactionError
from aiortc.rtcicetransport import parse_stun_turn_uri

from switchboard.session import connection_failure
from switchboard.signaling import IceServer
from switchboard.turn_allocation import create_turn_endpoint

_HEAD_START_SECONDS = 0.4
_PATIENCE_SECONDS = 3.4


class IcePolicy(StrEnum):
    """Which candidates are gathered: `all` as browsers do, the others to see what a network lets through."""

    ALL = "all"
    RELAY = "relay"
    HOST = "host"
    STUN = "stun"


class TurnProtocol(StrEnum):
    """How packets travel to a TURN server, the best first."""

    UDP = "udp"
    TLS = "tls"
    TCP = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServer:
    """One TURN URI (RFC 7065), with its credentials."""

    uri: str
    host: str
    port: int
    protocol: TurnProtocol
    username: str
    credential: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IceChoice:
    """What a peer connection is given: relay candidates only or all, a STUN URI, a TURN server."""

    relay_only: bool = False
    stun_uri: str | None = None
    turn: TurnServer | None = None
    turn_failed: bool = False
    """There are TURN URIs, and none can be used from here."""


async def choose_ice_servers(servers: Sequence[IceServer], *, policy: IcePolicy) -> IceChoice:
    """The choice that the policy allows: the first TURN server that allocates, and a STUN server where UDP gets out."""
    turn_servers = _turn_servers(servers)
    stun_uri = _stun_uri(servers, turn_servers)
    if policy is IcePolicy.HOST:
        return IceChoice()
    if policy is IcePolicy.STUN:
        return IceChoice(stun_uri=stun_uri)
    turn = await _first_to_allocate(turn_servers)
    # Where UDP doesn't get to TURN it won't get to STUN, and aioice would wait 5 s for it.
    udp = turn.protocol is TurnProtocol.UDP if turn else not turn_servers
    return IceChoice(
        relay_only=policy is IcePolicy.RELAY,
        stun_uri=stun_uri if udp else None,
        turn=turn,
        turn_failed=turn is None and bool(turn_servers),
    )


def _turn_servers(servers: Sequence[IceServer]) -> list[TurnServer]:
    """All that aioice can use, the best protocol first. Raises OperatorError (CONNECTING) for what is no TURN URI."""
    uris = [(uri, server) for server in servers for uri in server.urls if uri.startswith("turn")]
    try:
        found = [_turn_server(uri, server) for uri, server in uris]
    except ValueError:
        cause = "the source of ICE servers gives others than RFC 7065 allows"
        raise connection_failure("the list of ICE servers has a malformed TURN URI", cause) from None
    order = list(TurnProtocol)
    return sorted((server for server in found if server), key=lambda server: order.index(server.protocol))


def _turn_server(uri: str, server: IceServer) -> TurnServer | None:
    parsed = parse_stun_turn_uri(uri)
    if (parsed["scheme"], parsed["transport"]) == ("turns", "udp"):
        return None  # aioice has no DTLS.
    return TurnServer(
        uri=uri,
        host=parsed["host"],
        port=parsed["port"],
        protocol=TurnProtocol.TLS if parsed["scheme"] == "turns" else TurnProtocol(parsed["transport"]),
        username=server.username,
        credential=server.credential,
    )


def _stun_uri(servers: Sequence[IceServer], turn_servers: Sequence[TurnServer]) -> str | None:
    """The first STUN URI; else the first TURN server, which answers STUN too (browsers ask it as well)."""
    given = [uri for server in servers for uri in server.urls if uri.startswith("stun:")]
    derived = [f"stun:{server.host}:{server.port}" for server in turn_servers if server.protocol is TurnProtocol.UDP]
    return next(iter(given + derived), None)


async def _first_to_allocate(servers: Sequence[TurnServer]) -> TurnServer | None:
    """Each protocol gets a head start before the next one. None: all failed, or took too long."""
    protocols = [protocol for protocol in TurnProtocol if any(server.protocol is protocol for server in servers)]
    attempts = [
        asyncio.create_task(_allocate(server, delay_seconds=protocols.index(server.protocol) * _HEAD_START_SECONDS))
        for server in servers
    ]
    try:
        for attempt in asyncio.as_completed(attempts, timeout=_PATIENCE_SECONDS):
            with suppress(OSError, TransactionError):  # TimeoutError is an OSError.
                return await attempt
    finally:
        for task in attempts:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
    return None


async def _allocate(server: TurnServer, *, delay_seconds: float) -> TurnServer:
    """An allocation shows what a connection doesn't: that the credentials are accepted, and that there is room."""
    await asyncio.sleep(delay_seconds)
    allocation, _ = await create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(server.host, server.port),
        username=server.username,
        password=server.credential,
        ssl=server.protocol is TurnProtocol.TLS,
        transport="udp" if server.protocol is TurnProtocol.UDP else "tcp",
    )
    allocation.close()
    return server
