"""The calls of this process, each a caller's connection and the conversation on it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol

from telemetry.metrics import record_end

# The codes of RFC 6455, 7.4.1; a peer connection has none of its own, so its end is logged with these.
NORMAL, GOING_AWAY, POLICY_VIOLATION, INTERNAL_ERROR = 1000, 1001, 1008, 1011

# AgentCore gives a process 15 seconds from SIGTERM to its end; the server's own shutdown needs 2 of them.
_GOODBYE_SECONDS = 9.0
_CANCEL_SECONDS = 3.0

# How long a bot may go on after its caller left: one that hangs would keep the session alive, and its bill.
_LEAVE_SECONDS = 5.0

_logger = logging.getLogger("switchboard.agent")


class RefusalError(ValueError):
    """A connection can't become a call; the message is short enough for the reason of a WebSocket's close."""


class Connection(Protocol):
    """How a caller is connected: by a WebSocket, or by a WebRTC peer connection.

    `caller` is the pseudonym of who is signed in, or of who is on the telephone, and empty where that isn't known.
    """

    caller: str
    on_session_end: Callable[[], Awaitable[None]] | None

    def end_with(self, *, code: int, reason: str) -> None:
        """Decide how the end of the call is explained."""

    @property
    def end(self) -> str:
        """How the agent ended the call, or would have, had the caller not left first."""

    async def close(self) -> None:
        """Close the connection, unless it is closed."""


class Calls:
    """Runs calls, and ends them all when the process is to stop."""

    def __init__(self) -> None:
        self.stopping = False
        self._running: dict[asyncio.Task[None], Connection] = {}

    async def run(self, conversation: Coroutine[None, None, None], *, connection: Connection) -> None:
        """Run a conversation to its end, close the connection and say in the log how it ended."""
        started = time.monotonic()
        try:
            await self._run(conversation, connection=connection)
        except RefusalError as error:
            connection.end_with(code=POLICY_VIOLATION, reason=str(error))
        except Exception:
            _logger.exception("the bot failed")
            connection.end_with(code=INTERNAL_ERROR, reason="the bot failed; the agent's log says why")
        await connection.close()
        seconds = time.monotonic() - started
        _logger.info("call ended after %.1f s: %s", seconds, connection.end)
        record_end(connection.end, seconds=seconds)

    async def _run(self, conversation: Coroutine[None, None, None], *, connection: Connection) -> None:
        task = asyncio.create_task(conversation)
        self._running[task] = connection
        try:
            if self.stopping:
                await self._end(task)
            await asyncio.wait([task])
        finally:
            del self._running[task]
        if not task.cancelled():
            task.result()

    async def end_all(self) -> None:
        """Give every bot some seconds for a last word, then cancel what still runs."""
        self.stopping = True
        tasks = set(self._running)
        for task in tasks:
            await self._end(task)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_GOODBYE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    async def _end(self, task: asyncio.Task[None]) -> None:
        connection = self._running[task]
        connection.end_with(code=GOING_AWAY, reason="the agent is stopping; start a new session")
        if connection.on_session_end:
            await connection.on_session_end()
        else:
            task.cancel()


async def converse(conversation: Awaitable[None], *, left: asyncio.Event) -> None:
    """Let the bot talk. Raises `TimeoutError` when it goes on long after its caller left, and was cancelled."""
    async with asyncio.timeout(None) as limit:
        limiting = asyncio.create_task(_limit(limit, left=left))
        try:
            await conversation
        finally:
            limiting.cancel()


async def _limit(limit: asyncio.Timeout, *, left: asyncio.Event) -> None:
    await left.wait()
    limit.reschedule(asyncio.get_running_loop().time() + _LEAVE_SECONDS)
