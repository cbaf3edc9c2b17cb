"""What a test's participant and a test's phone have in common: a WebSocket, events to wait for, audio both ways."""

import asyncio
import json
import struct
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

EVENT_SECONDS: Final = 30.0
PACKET_SECONDS: Final = 0.02

_RATE: Final = struct.Struct("<I")


class MediaClient:
    """A connection to the stand-in; `events` are all that came, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.events: list[dict[str, Any]] = []
        self._socket = socket
        self._news = asyncio.Condition()
        self._taken: dict[str, int] = {}
        self._heard: dict[str, tuple[int, bytearray]] = {}
        self._reader = asyncio.create_task(self._read())
        self.is_over = False

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, first: Mapping[str, object]) -> AsyncIterator[Self]:
        """Connect, say the first message, and close at the block's end."""
        async with connect(f"ws{url.removeprefix('http')}", proxy=None, compression=None) as socket:
            await socket.send(json.dumps(first))
            client = cls(socket)
            try:
                yield client
            finally:
                await client.close()

    async def speak(self, pcm: bytes, *, sample_rate: int) -> None:
        """Say 16-bit mono samples, at the speed of speech; return when all is said."""
        size = 2 * int(sample_rate * PACKET_SECONDS)
        loop = asyncio.get_running_loop()
        due = loop.time()
        for start in range(0, len(pcm), size):
            await self._socket.send(_RATE.pack(sample_rate) + pcm[start : start + size])
            due += PACKET_SECONDS
            await asyncio.sleep(due - loop.time())

    def heard(self, participant_id: str | None = None) -> tuple[bytes, int]:
        """Return what was heard of one participant, or of whoever spoke most, and its sample rate; silence left out."""
        if participant_id is None:
            participant_id = max(self._heard, key=lambda each: len(self._heard[each][1]), default="")
        rate, pcm = self._heard.get(participant_id, (16_000, bytearray()))
        return bytes(pcm), rate

    async def event(self, kind: str, *, within: float = EVENT_SECONDS) -> dict[str, Any]:
        """Return the next event of a type that wasn't returned yet; TimeoutError when it doesn't come."""
        async with asyncio.timeout(within), self._news:
            while True:
                for index in range(self._taken.get(kind, 0), len(self.events)):
                    if self.events[index]["type"] == kind:
                        self._taken[kind] = index + 1
                        return self.events[index]
                if self.is_over:
                    raise TimeoutError(f"the connection has ended, and no {kind} came")
                await self._news.wait()

    async def audio(self, *, within: float = EVENT_SECONDS, seconds: float = 0.1) -> None:
        """Return when so much of anybody was heard."""
        async with asyncio.timeout(within), self._news:
            while not any(len(pcm) >= 2 * rate * seconds for rate, pcm in self._heard.values()):
                await self._news.wait()

    async def close(self) -> None:
        """Go, and return when that is through."""
        await self._socket.close()
        with suppress(ConnectionClosed):
            await self._reader

    async def drop(self) -> None:
        """Be gone without a goodbye, as whoever is killed."""
        self._socket.transport.abort()
        await self._reader

    async def _tell(self, message: Mapping[str, object]) -> None:
        await self._socket.send(json.dumps(message))

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self._socket:
                async with self._news:
                    self._take(message)
                    self._news.notify_all()
        async with self._news:
            self.is_over = True
            self._news.notify_all()

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            speaker, rate = str(uuid.UUID(bytes=message[:16])), _RATE.unpack_from(message, 16)[0]
            self._heard.setdefault(speaker, (rate, bytearray()))[1].extend(message[16 + _RATE.size :])
        else:
            self.events.append(json.loads(message))
