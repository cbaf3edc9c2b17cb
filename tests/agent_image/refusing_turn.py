"""A front for coturn that grants short allocations and refuses to prolong them, as a server with strict credentials.

coturn itself grants 10 minutes at least, and looks at the credentials of an allocation only when it is made.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aioice import stun
from aioice.turn import is_channel_data, make_integrity_key

from tests.agent_image.turn_server import TurnServer

LIFETIME_SECONDS = 6


class RefusingTurn(asyncio.DatagramProtocol):
    """What clients take for the TURN server."""

    def __init__(self, *, coturn: tuple[str, int], key: bytes, error: tuple[int, str]) -> None:
        self.refused = asyncio.Event()
        self.front: asyncio.DatagramTransport
        self.coturn, self.key, self.error = coturn, key, error
        self.clients: dict[tuple[str, int], asyncio.Task[Client]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self.front = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr not in self.clients:
            self.clients[addr] = asyncio.create_task(self._connect(addr))
        self.clients[addr].add_done_callback(lambda client: client.result().request(data))

    async def _connect(self, addr: tuple[str, int]) -> "Client":
        loop = asyncio.get_running_loop()
        return (await loop.create_datagram_endpoint(lambda: Client(self, addr), remote_addr=self.coturn))[1]


class Client(asyncio.DatagramProtocol):
    """One client's way to coturn, and back."""

    def __init__(self, turn: RefusingTurn, addr: tuple[str, int]) -> None:
        self.coturn: asyncio.DatagramTransport
        self._turn, self._addr = turn, addr

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self.coturn = transport

    def request(self, data: bytes) -> None:
        """What the client asks goes to coturn, unless it asks to keep an allocation."""
        message = None if is_channel_data(data) else stun.parse_message(data)
        if message and message.message_method == stun.Method.REFRESH and message.attributes["LIFETIME"]:
            self._turn.refused.set()
            answer = stun.Message(message.message_method, stun.Class.ERROR, message.transaction_id)
            answer.attributes["ERROR-CODE"] = self._turn.error
            self._answer(answer)
        else:
            self.coturn.sendto(data)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Of what coturn answers, only the granted lifetime is changed."""
        message = None if is_channel_data(data) else stun.parse_message(data)
        if message and message.message_method == stun.Method.ALLOCATE and "LIFETIME" in message.attributes:
            message.attributes["LIFETIME"] = LIFETIME_SECONDS
            del message.attributes["MESSAGE-INTEGRITY"], message.attributes["FINGERPRINT"]
            self._answer(message)
        else:
            self._turn.front.sendto(data, self._addr)

    def _answer(self, message: stun.Message) -> None:
        message.add_message_integrity(self._turn.key)
        self._turn.front.sendto(bytes(message), self._addr)


@asynccontextmanager
async def run_refusing_turn(
    turn: TurnServer, *, error: tuple[int, str]
) -> AsyncIterator[tuple[RefusingTurn, dict[str, Any]]]:
    """The front, and the ICE server with which clients come to it."""
    ice_server = turn.ice_server("udp")
    key = make_integrity_key(ice_server["username"], "tests", ice_server["credential"])
    transport, front = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: RefusingTurn(coturn=(turn.address, turn.port), key=key, error=error), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    try:
        yield front, {**ice_server, "urls": [f"turn:127.0.0.1:{port}?transport=udp"]}
    finally:
        transport.close()
        for client in await asyncio.gather(*front.clients.values()):
            client.coturn.close()
