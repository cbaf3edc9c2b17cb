"""The WebSocket of a call, which outlives the connections that it is made of.

AgentCore ends a WebSocket after 60 minutes, and a network may end one at any time; a session lasts up to 8 hours.
https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from calls import NORMAL, POLICY_VIOLATION

if TYPE_CHECKING:
    from phone import PhoneCall

# A client that hangs up sends a Close frame: Pipecat's Python and mobile clients with 1000, its JavaScript client with
# no code, which reads as 1005 (RFC 6455, 7.1.5). 1001 is no such word: a closed tab sends it, and so does any proxy
# or server whose connection ends for reasons of its own.
_HUNG_UP = (NORMAL, 1005)
# Nor is a Close frame at the age at which AgentCore closes: with which code is not documented.
_LIMIT_SECONDS = 3_600 - 30
_MAX_REASON_BYTES = 123
_CLOSE_SECONDS = 1.0
_TEXT = "this call takes no text messages; a carrier's stream needs a URL that is signed for a phone call"
_DISCONNECT: Message = {"type": "websocket.disconnect", "code": NORMAL, "reason": ""}

_logger = logging.getLogger("switchboard.agent")


@dataclass(kw_only=True, eq=False)
class _Connection:
    """One WebSocket that was accepted; `released` when nothing more is to go through it."""

    websocket: WebSocket
    since: float = field(default_factory=time.monotonic)
    released: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def release(self) -> None:
        if not self.released.done():
            self.released.set_result(None)

    def says_goodbye(self, message: Message) -> bool:
        """Whether this end of the connection is its caller's wish. Uvicorn gives a reason only with a Close frame."""
        at_the_limit = time.monotonic() - self.since >= _LIMIT_SECONDS
        return message.get("reason") is not None and message["code"] in _HUNG_UP and not at_the_limit


class CallSocket(WebSocket):
    """What the pipeline takes for one WebSocket: a caller who is lost has some seconds to come back on another.

    Meanwhile nothing is received, messages go to nobody, and `connected` lets audio wait. Once the agent has decided to
    end the call, a lost caller is not waited for. A call that is `binary_only` ends with the first text message.
    """

    def __init__(
        self,
        websocket: WebSocket,
        *,
        grace_seconds: float,
        binary_only: bool = False,
        phone: "PhoneCall | None" = None,
    ) -> None:
        super().__init__(websocket.scope, receive=self._take, send=self._hand_on)
        self.client_state = self.application_state = WebSocketState.CONNECTED  # `carry` takes what was accepted
        self.caller = ""
        self.phone = phone
        self.abandoned = False
        self.on_session_end: Callable[[], Awaitable[None]] | None = None
        self._grace_seconds = grace_seconds
        self._binary_only = binary_only
        self._end_code, self._end_reason = NORMAL, ""
        self._connection: _Connection | None = None
        self._connected = asyncio.Event()
        self._ending = asyncio.Event()
        self.left = asyncio.Event()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(maxsize=1)

    @property
    def alive(self) -> bool:
        """Whether another WebSocket can still take the place of the one in use."""
        return not self.left.is_set() and WebSocketState.DISCONNECTED not in (self.client_state, self.application_state)

    @property
    def ending(self) -> bool:
        """Whether it is decided how the call ends; `abandoned` when its caller left before the agent had decided."""
        return self._ending.is_set()

    async def connected(self) -> None:
        """Wait until there is a caller again, or will be none."""
        await self._connected.wait()

    def end_with(self, *, code: int, reason: str) -> None:
        """Decide how `close` will explain itself (RFC 6455, 7.4; at most 123 bytes of reason)."""
        self._end_code = code
        self._end_reason = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        self._ending.set()

    @property
    def end(self) -> str:
        """How the call ended."""
        return f"{self._end_code} {self._end_reason}".strip()

    async def close(self, code: int = NORMAL, reason: str | None = None) -> None:
        """Close the connection, unless it is closed."""
        if WebSocketState.DISCONNECTED not in (self.client_state, self.application_state):
            await super().close(self._end_code, self._end_reason)
        self._connected.set()
        if self._connection:
            self._connection.release()

    async def carry(self, websocket: WebSocket) -> None:
        """Be connected through this WebSocket, in any other's place, until another takes it or the call is over."""
        connection, before = _Connection(websocket=websocket), self._connection
        self._connection = connection
        self._connected.set()
        if before:
            _logger.info("the caller is connected anew")
            before.release()
        serving = asyncio.create_task(self._serve(connection))
        try:
            await asyncio.wait([serving, connection.released], return_when=asyncio.FIRST_COMPLETED)
        finally:
            serving.cancel()
        if self._connection is not connection:
            await _close(websocket, code=NORMAL, reason="another connection took this call over")

    async def _serve(self, connection: _Connection) -> None:
        while (message := await connection.websocket.receive())["type"] != "websocket.disconnect":
            if self._binary_only and message.get("text") is not None:
                await self._refuse(connection, reason=_TEXT)
                return
            await self._inbox.put(message)
        if not self.alive:  # this agent closed it
            return
        if connection.says_goodbye(message):
            self._leave("the caller hung up")
        else:
            await self._wait_for_return(code=message["code"])
            self._leave("the caller was lost")
        await self._inbox.put(_DISCONNECT)

    async def _refuse(self, connection: _Connection, *, reason: str) -> None:
        self.end_with(code=POLICY_VIOLATION, reason=reason)
        await _close(connection.websocket, code=POLICY_VIOLATION, reason=reason)
        self._leave(reason)
        await self._inbox.put(_DISCONNECT)

    async def _wait_for_return(self, *, code: int) -> None:
        """Sleep through the grace time; a return, or the agent's own end of the call, cuts it short."""
        if self._ending.is_set() or not self._grace_seconds:
            return
        self._connected.clear()
        _logger.info("the caller is lost (code %s): waiting %s s for a return", code, self._grace_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_seconds):
                await self._ending.wait()

    def _leave(self, reason: str) -> None:
        self.left.set()
        self._connected.set()
        if not self._ending.is_set():
            self.abandoned = True
            self.end_with(code=NORMAL, reason=reason)

    async def _take(self) -> Message:
        return await self._inbox.get()

    async def _hand_on(self, message: Message) -> None:
        connection = self._connection
        if connection is None or not self._connected.is_set() or self.left.is_set():
            return
        if message["type"] == "websocket.close":
            await _close(connection.websocket, code=message["code"], reason=message["reason"])
            return
        sending = asyncio.create_task(_send(connection.websocket, message))
        try:  # a network that is gone may block it for long
            await asyncio.wait([sending, connection.released], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()


async def _send(websocket: WebSocket, message: Message) -> None:
    try:
        await websocket.send(message)
    except (WebSocketDisconnect, RuntimeError) as error:  # Uvicorn has either for a connection that is closed
        _logger.debug("nobody was there to be sent to: %s", type(error).__name__)


async def _close(websocket: WebSocket, *, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await websocket.close(code, reason)
    except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
        _logger.debug("nobody was there to be told of the end: %s", type(error).__name__)
