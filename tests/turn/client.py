"""A TURN client: aioice's, with the requests that a call never makes."""

import asyncio
import base64
import hmac
import itertools
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from aioice import stun, turn

from switchboard.turn_allocation import create_turn_endpoint

SHARED_SECRET: Final = "a-shared-secret-that-no-log-may-have"
OK: Final = 0
# coturn counts an allocation for some seconds after its end: tests that need no quota don't share a user.
_USERS: Final = itertools.count()

type Made = tuple[turn.TurnTransport, Inbox]


@dataclass(frozen=True, kw_only=True)
class Credentials:
    username: str
    credential: str


def credentials(*, valid_for: float = 300, secret: str = SHARED_SECRET, user: str = "caller") -> Credentials:
    """https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00"""
    username = f"{int(time.time() + valid_for)}:{user}"
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return Credentials(username=username, credential=base64.b64encode(digest).decode())


class Inbox(asyncio.DatagramProtocol):
    """What came to a relayed address, with its sender."""

    def __init__(self) -> None:
        self.packets: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.packets.put_nowait((data, address))


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """A relayed address, and its requests."""

    transport: turn.TurnTransport
    inbox: Inbox

    @property
    def address(self) -> tuple[str, int]:
        return cast("tuple[str, int]", self.transport.get_extra_info("sockname"))

    async def permit(self, address: str) -> int:
        """The code that the server answers to CreatePermission, RFC 8656 §9; 0 for success."""
        request = stun.Message(message_method=stun.Method.CREATE_PERMISSION, message_class=stun.Class.REQUEST)
        return await self._code(request, address, 5000)

    async def bind(self, address: str) -> int:
        """The code that the server answers to ChannelBind, RFC 8656 §12; 0 for success."""
        request = stun.Message(message_method=stun.Method.CHANNEL_BIND, message_class=stun.Class.REQUEST)
        request.attributes["CHANNEL-NUMBER"] = 0x4FFF
        return await self._code(request, address, 5000)

    async def refresh(self) -> int:
        request = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
        request.attributes["LIFETIME"] = 600
        return await self._code(request)

    def indicate(self, data: bytes, peer: tuple[str, int]) -> None:
        """A Send indication, RFC 8656 §11.1: the one way to send that the server never answers."""
        message = stun.Message(message_method=stun.Method.SEND, message_class=stun.Class.INDICATION)
        message.attributes["XOR-PEER-ADDRESS"] = peer
        message.attributes["DATA"] = data
        self._client.send_stun(message, peer)

    async def _code(self, request: stun.Message, address: str = "", port: int = 0) -> int:
        if address:
            request.attributes["XOR-PEER-ADDRESS"] = (address, port)
        try:
            await self._client.request_with_retry(request)
        except stun.TransactionFailed as refusal:
            return error_code(refusal)
        return OK

    @property
    def _client(self) -> turn.TurnClientProtocol:
        return cast("turn.TurnClientProtocol", vars(self.transport)["_TurnTransport__inner_protocol"])


def error_code(refusal: stun.TransactionFailed) -> int:
    code, _ = refusal.response.attributes["ERROR-CODE"]
    return int(code)


@asynccontextmanager
async def allocation(
    server: str,
    *,
    given: Credentials | None = None,
    port: int = 3478,
    transport: str = "udp",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Allocation]:
    """An allocation until the end of the block. Raises `stun.TransactionFailed` when the server refuses it."""
    given = given or credentials(user=f"caller-{next(_USERS)}")
    endpoint, inbox = await _on_another_socket(
        lambda: create_turn_endpoint(
            Inbox,
            server_addr=(server, port),
            username=given.username,
            password=given.credential,
            ssl=tls,
            transport=transport,
        )
    )
    try:
        yield Allocation(transport=endpoint, inbox=inbox)
    finally:
        await vars(endpoint)["_TurnTransport__inner_protocol"].delete()


async def _on_another_socket(allocate: Callable[[], Coroutine[Any, Any, Made]]) -> Made:
    """Allocate again where the server keeps silent: once in some thousand allocations coturn does, nobody knows why.

    Another socket gets a second chance, and no third.
    """
    try:
        return await asyncio.wait_for(allocate(), timeout=10)
    except TimeoutError:
        return await asyncio.wait_for(allocate(), timeout=10)


async def refused_with(server: str, *, given: Credentials) -> int:
    """The code with which the server refuses an allocation; 0 if it does not."""
    try:
        async with allocation(server, given=given):
            return OK
    except stun.TransactionFailed as refusal:
        return error_code(refusal)


async def exchange(one: Allocation, other: Allocation) -> None:
    """Send a packet each way, until both have arrived; what is sent before the other side permits it is lost."""
    for sender, receiver in ((one, other), (other, one)):
        sender.transport.sendto(b"permit me", receiver.address)
    async with asyncio.timeout(10):
        for sender, receiver in ((one, other), (other, one)):
            packet = None
            while packet != (b"hello", sender.address):
                sender.transport.sendto(b"hello", receiver.address)
                try:
                    packet = await asyncio.wait_for(receiver.inbox.packets.get(), timeout=0.2)
                except TimeoutError:
                    continue
