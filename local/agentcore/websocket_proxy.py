"""Carries WebSocket messages between a client and its agent, both ways, within the service's limits.

An ASGI server answers pings itself and shows neither them nor single frames: the limits here are those of whole
messages, and only messages count as traffic, while the service lets pings keep a session alive too.
What the service tells an agent of a client that is lost, and at a limit, is not documented. Here it is a Close frame
with 1001 and 1008: an agent must not take just any for a hang-up.
Close codes, source: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-troubleshooting.html
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.frames import CloseCode

from local.agentcore.errors import AgentCoreCode
from local.agentcore.limits import Limits
from local.agentcore.session import Session
from local.aws_http.asgi import Exchange, encode_headers
from local.aws_http.errors import ServiceError
from local.rate_limit import RateLimit

# Codes that say how a connection was lost; no close frame may carry them (RFC 6455, section 7.4.1).
_UNSENDABLE = {CloseCode.NO_STATUS_RCVD, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE}


@dataclass(frozen=True, kw_only=True)
class Close:
    """Why a connection ends; `client_gone` where there is no client left to tell."""

    code: int
    reason: str = ""
    client_gone: bool = False


class WebSocketProxy:
    """One client's connection to one session's agent."""

    def __init__(self, *, session: Session, exchange: Exchange, limits: Limits) -> None:
        self._session = session
        self._receive = exchange.receive
        self._send = exchange.send
        self._limits = limits
        self._rate = RateLimit(per_second=limits.frames_per_second)

    async def run(self, *, agent_headers: Mapping[str, str], client_headers: Mapping[str, str]) -> Close:
        """Connect to the agent, accept the client, and carry messages until either side, or a limit, ends it.

        Raise `RuntimeClientError`, before the client is accepted, when the agent doesn't take the connection.
        """
        agent = await self._connect(agent_headers)
        try:
            await self._send({"type": "websocket.accept", "headers": encode_headers(client_headers)})
            close = await self._relay(agent)
            await asyncio.gather(agent.close(close.code, close.reason), self._close_client(close))
        finally:
            await agent.close(CloseCode.GOING_AWAY)
        return close

    async def _connect(self, headers: Mapping[str, str]) -> ClientConnection:
        try:
            return await connect(
                f"ws://{self._session.agent.address}/ws",
                additional_headers=headers,
                max_size=self._limits.max_frame_bytes,
                compression=None,
                user_agent_header=None,
                proxy=None,
                ping_interval=None,
                open_timeout=self._limits.handshake_seconds,
                close_timeout=self._limits.handshake_seconds,
            )
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise ServiceError(
                AgentCoreCode.RUNTIME_CLIENT,
                f"the agent didn't accept the WebSocket on /ws: see its log {self._session.agent.log_name}",
            ) from error

    async def _relay(self, agent: ClientConnection) -> Close:
        pumps = [asyncio.create_task(self._from_client(agent)), asyncio.create_task(self._from_agent(agent))]
        seconds = self._limits.websocket_seconds
        try:
            done, _ = await asyncio.wait(pumps, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
        await asyncio.wait(pumps)
        if done:
            return done.pop().result()
        return Close(code=CloseCode.POLICY_VIOLATION, reason=f"a WebSocket may last {seconds:g} s")

    async def _from_client(self, agent: ClientConnection) -> Close:
        while (message := await self._receive())["type"] != "websocket.disconnect":
            data = message["bytes"] if message.get("bytes") is not None else message["text"]
            if close := self._over_limit(data):
                return close
            self._session.touch()
            try:
                await agent.send(data)
            except ConnectionClosed as error:
                return self._agent_close(error)
        reason = message.get("reason")
        if reason is None:  # without a Close frame, as `close_frames` and Uvicorn have it
            return Close(code=CloseCode.GOING_AWAY, client_gone=True)
        code = message["code"]
        return Close(code=CloseCode.NORMAL_CLOSURE if code in _UNSENDABLE else code, reason=reason, client_gone=True)

    async def _from_agent(self, agent: ClientConnection) -> Close:
        try:
            while True:
                data = await agent.recv()
                self._session.touch()
                await self._send({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})
        except ConnectionClosed as error:
            return self._agent_close(error)
        except OSError:
            return Close(code=CloseCode.GOING_AWAY, client_gone=True)

    def _over_limit(self, data: str | bytes) -> Close | None:
        size = len(data.encode() if isinstance(data, str) else data)
        if size > self._limits.max_frame_bytes:
            reason = f"a frame may hold {self._limits.max_frame_bytes} bytes, got {size}"
            return Close(code=CloseCode.MESSAGE_TOO_BIG, reason=reason)
        if not self._rate.admit():
            reason = f"at most {self._limits.frames_per_second} frames a second"
            return Close(code=CloseCode.POLICY_VIOLATION, reason=reason)
        return None

    def _agent_close(self, error: ConnectionClosed) -> Close:
        """Return what the client is told: the agent's own close, or what its disappearance means."""
        frame = error.rcvd or error.sent
        if frame is not None and frame.code not in _UNSENDABLE:
            return Close(code=frame.code, reason=frame.reason)
        if frame is not None:
            return Close(code=CloseCode.NORMAL_CLOSURE)
        if self._session.end_reason is not None:
            return Close(code=CloseCode.GOING_AWAY, reason="the session has ended")
        return Close(code=CloseCode.INTERNAL_ERROR, reason="the agent's process went away")

    async def _close_client(self, close: Close) -> None:
        """Send the close frame and take what the client still sends, until it has closed too."""
        if close.client_gone:
            return
        with suppress(OSError, TimeoutError):
            await self._send({"type": "websocket.close", "code": close.code, "reason": close.reason})
            async with asyncio.timeout(self._limits.handshake_seconds):
                while (await self._receive())["type"] != "websocket.disconnect":
                    pass
