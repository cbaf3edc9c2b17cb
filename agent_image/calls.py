"""The calls of this process, each a caller's connection and the task that talks on it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from starlette.websockets import WebSocket, WebSocketState

NORMAL, GOING_AWAY, POLICY_VIOLATION, INTERNAL_ERROR = 1000, 1001, 1008, 1011

# AgentCore gives a process 15 seconds from SIGTERM to its end; the server's own shutdown needs 2 of them.
_GOODBYE_SECONDS = 9.0
_CANCEL_SECONDS = 3.0
_MAX_REASON_BYTES = 123


class CallSocket(WebSocket):
    """A caller's connection whose end the server explains; the transport alone would always close it with 1000."""

    def __init__(self, websocket: WebSocket) -> None:
        super().__init__(websocket.scope, receive=websocket.receive, send=websocket.send)
        self.on_session_end: Callable[[], Awaitable[None]] | None = None
        self._end_code, self._end_reason = NORMAL, ""

    def end_with(self, *, code: int, reason: str) -> None:
        """Decide how `close` will explain itself (RFC 6455, 7.4; at most 123 bytes of reason)."""
        self._end_code = code
        self._end_reason = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")

    @property
    def end(self) -> str:
        """How the agent ended the call, or would have, had the caller not left first."""
        return f"{self._end_code} {self._end_reason}".strip()

    async def close(self, code: int = NORMAL, reason: str | None = None) -> None:
        """Close the connection, unless it is closed."""
        if WebSocketState.DISCONNECTED not in (self.client_state, self.application_state):
            await super().close(self._end_code, self._end_reason)


class Calls:
    """Runs calls, and ends them all when the process is to stop."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[None], CallSocket] = {}
        self._stopping = False

    async def run(self, conversation: Coroutine[None, None, None], *, socket: CallSocket) -> None:
        """Run a conversation on an accepted socket to its end; raises what it raises."""
        task = asyncio.create_task(conversation)
        self._running[task] = socket
        try:
            if self._stopping:
                await self._end(task)
            await asyncio.wait([task])
        finally:
            del self._running[task]
        if not task.cancelled():
            task.result()

    async def end_all(self) -> None:
        """Give every bot some seconds for a last word, then cancel what still runs."""
        self._stopping = True
        tasks = set(self._running)
        for task in tasks:
            await self._end(task)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_GOODBYE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    async def _end(self, task: asyncio.Task[None]) -> None:
        socket = self._running[task]
        socket.end_with(code=GOING_AWAY, reason="the agent is stopping; start a new session")
        if socket.on_session_end:
            await socket.on_session_end()
        else:
            task.cancel()
