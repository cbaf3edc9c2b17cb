"""Chooses a call's one TURN URI by asking for allocations: aiortc takes the first, and is silent when it fails."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aioice.stun import TransactionFailed

from ice_servers import RelayTransport, TurnServer
from nat64 import reachable_host
from turn_allocation import create_turn_endpoint

# How long each way is tried alone, in the order of preference: UDP loses least, and TLS on 443 passes most firewalls.
_HEAD_STARTS: dict[RelayTransport, float] = {"udp": 0.4, "tls": 0.1, "tcp": 2.7}


class NoRelayError(Exception):
    """No TURN server gives this agent a relay; the message says why, for each way of reaching one."""


@dataclass(frozen=True, kw_only=True)
class Relay:
    """The server that was chosen, and how many seconds that took."""

    server: TurnServer
    probe_seconds: float


async def choose_relay(servers: Sequence[TurnServer]) -> Relay:
    """The first server that allocates a relay; raises `NoRelayError` after at most 3.2 seconds.

    A way is tried as soon as the one before it has had its head start, or all of its servers have refused.
    """
    started = time.monotonic()
    attempts: dict[asyncio.Task[TurnServer], RelayTransport] = {}
    try:
        for transport, head_start in _HEAD_STARTS.items():
            for server in servers:
                if server.transport == transport:
                    attempts[asyncio.create_task(_allocate(server))] = transport
            if chosen := await _first(attempts, within=head_start):
                return Relay(server=chosen, probe_seconds=round(time.monotonic() - started, 3))
        raise NoRelayError(_reasons(attempts))
    finally:
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)


async def _allocate(server: TurnServer) -> TurnServer:
    """Make an allocation and give it back, which proves address, transport, certificate and credentials."""
    server = replace(server, host=await reachable_host(server.host))
    allocation, _ = await create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(server.host, server.port),
        username=server.username,
        password=server.credential,
        ssl=server.transport == "tls",
        transport="udp" if server.transport == "udp" else "tcp",
    )
    allocation.close()
    return server


async def _first(attempts: Iterable[asyncio.Task[TurnServer]], *, within: float) -> TurnServer | None:
    """The result of the first attempt that succeeds; None when all have failed or the time is over."""
    deadline = time.monotonic() + within
    pending = set(attempts)
    while pending:
        left = max(0.0, deadline - time.monotonic())
        done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        for attempt in done:
            if attempt.exception() is None:
                return attempt.result()
    return None


def _reasons(attempts: dict[asyncio.Task[TurnServer], RelayTransport]) -> str:
    if not attempts:
        return "no TURN server was given that can be reached over UDP, TLS or TCP"
    reasons = (
        f"{transport}: {_reason(attempt.exception() if attempt.done() else None)}"
        for attempt, transport in attempts.items()
    )
    return "no TURN server gives a relay; " + "; ".join(dict.fromkeys(reasons))


def _reason(error: BaseException | None) -> str:
    """Why an attempt failed, without the address that an exception's own text would name."""
    match error:
        case None:
            return "no answer"
        case TransactionFailed(response=response) if "ERROR-CODE" in response.attributes:
            code, phrase = response.attributes["ERROR-CODE"]
            return f"refused with {code} {phrase}" + (", so check the credentials" if code == 401 else "")
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted, {error.verify_message}"
        case socket.gaierror():
            return "its name has no address"
        case OSError(errno=int(number)):
            return os.strerror(number)
    return type(error).__name__
