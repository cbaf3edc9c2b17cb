"""A TURN server that refuses refreshes with expired credentials: a front for coturn, which checks at creation only.

coturn keeps the key of an allocation, so that not even a rotated secret ends it. But it looks the credentials up again
when a request's integrity is wrong: this makes that of each expired request wrong, and coturn itself refuses it.
"""

import asyncio
import sys
import time

from aioice import stun

Address = tuple[str, int]

_CHANNEL_DATA = 0x40


class Client(asyncio.DatagramProtocol):
    """The way to coturn of one client."""

    def __init__(self, *, front: asyncio.DatagramTransport, client: Address) -> None:
        self._front, self._client = front, client

    def datagram_received(self, data: bytes, _addr: Address) -> None:
        """What coturn sends is for the client."""
        self._front.sendto(data, self._client)


class Front(asyncio.DatagramProtocol):
    """What the clients take for the TURN server."""

    def __init__(self, *, local_address: str, coturn: Address) -> None:
        self._local_address, self._coturn = local_address, coturn
        self._ways: dict[Address, asyncio.Task[asyncio.DatagramTransport]] = {}
        self._front: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """The socket is open."""
        self._front = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """What a client sends is for coturn."""
        data = spoil_if_expired(data, now=time.time())
        if addr not in self._ways:
            self._ways[addr] = asyncio.create_task(self._open(addr))
        self._ways[addr].add_done_callback(lambda way: way.result().sendto(data))

    async def _open(self, client: Address) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Client(front=self._front, client=client),
            local_addr=(self._local_address, 0),
            remote_addr=self._coturn,
        )
        return transport


def spoil_if_expired(data: bytes, *, now: float) -> bytes:
    """The packet; when it is a request with credentials whose time is over, with a wrong integrity."""
    if data[0] >= _CHANNEL_DATA:
        return data
    request = stun.parse_message(data)
    username = request.attributes.get("USERNAME")
    if username is None or float(username.partition(":")[0]) > now:
        return data
    request.add_message_integrity(b"not the key")
    return bytes(request)


async def main() -> None:
    """Serve on the first address of the command line, before coturn on the second; port 3478."""
    local_address, coturn = sys.argv[1:]
    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Front(local_address=local_address, coturn=(coturn, 3478)), local_addr=(local_address, 3478)
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
