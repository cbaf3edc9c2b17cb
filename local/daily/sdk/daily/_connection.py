"""The WebSocket to the stand-in's hub: it lives on the engine's loop, and tells a call client what comes."""

import asyncio
import itertools
import json
import os
import struct
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

URL_VARIABLE: Final = "DAILY_STAND_IN_URL"
OPEN_SECONDS: Final = 20.0

_RATE: Final = struct.Struct("<I")


class JoinError(Exception):
    """Why nobody was let in."""


class Connection:
    """One client in one room."""

    def __init__(
        self,
        *,
        on_event: Callable[[Mapping[str, Any]], None],
        on_audio: Callable[[str, bytes, int], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._on_event = on_event
        self._on_audio = on_audio
        self._on_lost = on_lost
        self._socket: ClientConnection | None = None
        self._requests = itertools.count()
        self._replies: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None

    async def join(self, **asked: object) -> Mapping[str, Any]:
        """Join a room and return who is there; raise `JoinError` where that may not be."""
        base_url = os.environ.get(URL_VARIABLE)
        if not base_url:
            raise JoinError(f"the stand-in for daily-python is told by {URL_VARIABLE} where its rooms are")
        try:
            self._socket = await connect(
                f"ws{base_url.removeprefix('http')}/hub", proxy=None, open_timeout=OPEN_SECONDS, compression=None
            )
            await self._socket.send(json.dumps({"type": "join", **asked}))
            answer = dict[str, Any](json.loads(await self._socket.recv()))
        except (OSError, TimeoutError, WebSocketException) as error:
            raise JoinError(f"connection-error: {type(error).__name__}") from error
        if answer["type"] != "joined":
            raise JoinError(str(answer.get("error")))
        self._reader = asyncio.create_task(self._read(self._socket))
        self._writer = asyncio.create_task(self._write(self._socket))
        return answer

    async def ask(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request and return its reply."""
        number = next(self._requests)
        reply: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        self._outgoing.put_nowait(json.dumps({**message, "request": number}))
        return await reply

    def send_audio(self, pcm: bytes, sample_rate: int) -> None:
        """Send a packet of mono audio."""
        self._outgoing.put_nowait(_RATE.pack(sample_rate) + pcm)

    async def close(self) -> None:
        """Leave the room."""
        for task in (self._reader, self._writer):
            if task:
                task.cancel()
        if self._socket:
            await self._socket.close()
        self._give_up()

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                await socket.send(await self._outgoing.get())
        except ConnectionClosed:
            return

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                self._take(message)
        except ConnectionClosed:
            pass
        if self._writer:
            self._writer.cancel()
        self._give_up()
        self._on_lost()

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            speaker, packet = str(uuid.UUID(bytes=message[:16])), message[16:]
            self._on_audio(speaker, packet[_RATE.size :], _RATE.unpack_from(packet)[0])
            return
        event = json.loads(message)
        if event["type"] != "reply":
            self._on_event(event)
        elif (reply := self._replies.pop(event["request"], None)) and not reply.done():
            reply.set_result(event)

    def _give_up(self) -> None:
        """Answer what nobody will answer any more."""
        for reply in self._replies.values():
            if not reply.done():
                reply.set_result({"error": "Response canceled"})
        self._replies.clear()
