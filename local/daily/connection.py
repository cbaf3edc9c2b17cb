"""One WebSocket of the stand-in: JSON and audio in, and a bounded queue out, as nobody may make a meeting wait."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from local.aws_http.asgi import Receive, Send

# A few seconds of audio: who takes it slower than it is spoken loses the rest of it, and no event.
MAX_QUEUED_AUDIO: Final = 300


class Connection:
    """A WebSocket that has been accepted; `run` sends what is queued until `close`."""

    def __init__(self, *, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None

    async def accept(self) -> None:
        """Accept the handshake."""
        await self._receive()
        await self._send({"type": "websocket.accept"})
        self._sender = asyncio.create_task(self._send_queued())

    async def receive(self) -> Mapping[str, Any] | bytes | None:
        """Return the next message: an object, or bytes; None when the other side has gone or talks nonsense."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        if message.get("bytes") is not None:
            return bytes(message["bytes"])
        try:
            told = json.loads(message["text"])
        except ValueError:
            return None
        return told if isinstance(told, dict) else None

    def tell(self, event: Mapping[str, object]) -> None:
        """Send an object, soon."""
        self._queue.put_nowait({"type": "websocket.send", "text": json.dumps(event)})

    def play(self, packet: bytes) -> None:
        """Send bytes, soon, unless too much waits already."""
        if self._queue.qsize() < MAX_QUEUED_AUDIO:
            self._queue.put_nowait({"type": "websocket.send", "bytes": packet})

    def close(self) -> None:
        """Close the connection once all is sent; further calls do nothing more."""
        self._queue.put_nowait({"type": "websocket.close", "code": 1000})

    async def aclose(self) -> None:
        """Close the connection, and return when that is through."""
        self.close()
        if self._sender:
            await self._sender

    async def _send_queued(self) -> None:
        with suppress(OSError, RuntimeError):  # whoever has gone is seen to have gone by `receive`
            while (message := await self._queue.get())["type"] != "websocket.close":
                await self._send(message)
            await self._send(message)
