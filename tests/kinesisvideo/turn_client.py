"""Allocations at a TURN server, made by aioice as the agent makes them."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aioice.turn import create_turn_endpoint

_URI = re.compile(r"(?P<scheme>turns?):(?P<host>[\d.]+):(?P<port>\d+)\?transport=(?P<transport>udp|tcp)")


class Closing(asyncio.DatagramProtocol):
    """Says when the allocation is gone."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    def connection_lost(self, _: Exception | None) -> None:
        self.closed.set()


@asynccontextmanager
async def allocation(
    server: Mapping[str, Any], uri: str, *, trust: ssl.SSLContext, **credentials: str
) -> AsyncIterator[tuple[str, int]]:
    """Hold an allocation by one URI of an ICE server as KVS answers it; the credentials given replace its own.

    Yields the relayed address.
    """
    parts = _URI.fullmatch(uri)
    assert parts, uri
    known = {"username": server["Username"], "password": server["Password"]} | credentials
    transport, closing = await create_turn_endpoint(
        Closing,
        server_addr=(parts["host"], int(parts["port"])),
        ssl=trust if parts["scheme"] == "turns" else None,
        transport=parts["transport"],
        username=known["username"],
        password=known["password"],
    )
    try:
        yield transport.get_extra_info("sockname")
    finally:
        transport.close()
        await closing.closed.wait()
