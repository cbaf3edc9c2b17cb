"""Callers for the tests: they speak as Pipecat's client SDKs do, and note what comes back, with its time."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import websockets
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.serializers.protobuf import ProtobufFrameSerializer

from offline_speech import synthesize

SAMPLE_RATE = 16_000
FRAME_SECONDS = 0.02
_FRAME_BYTES = int(SAMPLE_RATE * FRAME_SECONDS) * 2
LOUD = 500
CLIENT_READY = {"version": "1.2.0", "about": {"library": "tests"}}


@dataclass(frozen=True, kw_only=True)
class Message:
    """An RTVI message and the moment (monotonic seconds) it came."""

    time: float
    type: str
    data: Any

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        return cls(time=time.monotonic(), type=message["type"], data=message.get("data"))


def rtvi(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": "1", "label": "rtvi-ai", "type": kind, "data": data}


@dataclass(kw_only=True)
class Caller:
    """One call, whatever carries it. Times are monotonic seconds."""

    connected_at: float = field(default_factory=time.monotonic)
    messages: list[Message] = field(default_factory=list)
    audio: list[tuple[float, bytes]] = field(default_factory=list)
    _speech: asyncio.Queue[tuple[bytes, asyncio.Future[float]]] = field(default_factory=asyncio.Queue)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def say(self, text: str) -> float:
        """Speak, and return the moment at which the last of the voice was sent."""
        samples = np.frombuffer(synthesize(text, sample_rate=SAMPLE_RATE), np.int16)
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > LOUD)
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        await self._speech.put((samples[loud[0] : loud[-1]].tobytes(), done))
        return await done

    async def message(self, kind: str, *, after: float = 0.0, within: float = 10.0) -> Message:
        """The first message of this type that came after a moment; waits for it."""

        def found() -> Message | None:
            return next((m for m in self.messages if m.type == kind and m.time > after), None)

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(found)
        message = found()
        assert message is not None
        return message

    async def bot_audio(self, *, after: float, within: float = 10.0) -> float:
        """The moment at which the first audio of the bot came after a moment; waits for it."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: self.audio and self.audio[-1][0] > after)
        return next(moment for moment, _ in self.audio if moment > after)

    def heard(self, *, after: float) -> str:
        """What the bot understood since a moment."""
        return " ".join(m.data["text"] for m in self.messages if m.type == "user-transcription" and m.time > after)

    def said(self, *, after: float) -> str:
        """What the bot has spoken since a moment."""
        return " ".join(m.data["text"] for m in self.messages if m.type == "bot-tts-text" and m.time > after)

    async def microphone(self) -> AsyncIterator[bytes]:
        """A frame of 20 ms whenever one is due: speech when there is some, else silence."""
        speech, done = b"", None
        due = time.monotonic()
        while True:
            if not speech and not self._speech.empty():
                speech, done = self._speech.get_nowait()
            yield speech[:_FRAME_BYTES].ljust(_FRAME_BYTES, b"\0")
            speech = speech[_FRAME_BYTES:]
            if not speech and done:
                done.set_result(time.monotonic())
                done = None
            due += FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def note(self, news: Message | bytes) -> None:
        """Keep a message, or audio of the bot, and tell who waits for it."""
        async with self._news:
            if isinstance(news, bytes):
                self.audio.append((time.monotonic(), news))
            else:
                self.messages.append(news)
            self._news.notify_all()


@dataclass(kw_only=True)
class SocketCaller(Caller):
    """A call on /ws."""

    socket: websockets.ClientConnection
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _serializer: ProtobufFrameSerializer = field(default_factory=ProtobufFrameSerializer)

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[Self]:
        caller = cls(socket=await _connect(url, headers))
        try:
            await caller._begin()
            caller._tasks.append(asyncio.create_task(caller._stream()))
            yield caller
        finally:
            for task in caller._tasks:
                task.cancel()
            await asyncio.gather(*caller._tasks, return_exceptions=True)
            await caller.socket.close()

    def drop(self) -> None:
        """Lose the connection: the agent gets no Close frame."""
        self.socket.transport.abort()

    async def reconnect(self, url: str, *, headers: Mapping[str, str] | None = None) -> float:
        """Come back on another WebSocket, as a client does that was lost; the moment of its client-ready."""
        self.socket = await _connect(url, headers)
        reconnected = time.monotonic()
        await self._begin()
        return reconnected

    async def _begin(self) -> None:
        await self.send_message("client-ready", CLIENT_READY)
        self._tasks.append(asyncio.create_task(self._listen()))

    async def send_message(self, kind: str, data: Mapping[str, Any]) -> None:
        await self._send(OutputTransportMessageUrgentFrame(rtvi(kind, data)))

    async def closed(self, *, within: float = 10.0) -> tuple[int | None, str | None]:
        """The code and the reason with which the agent ended the call; waits for it."""
        async with asyncio.timeout(within):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason

    async def _listen(self) -> None:
        with suppress(websockets.ConnectionClosed):
            async for data in self.socket:
                frame = await self._serializer.deserialize(data)
                if isinstance(frame, InputAudioRawFrame):
                    assert frame.sample_rate == SAMPLE_RATE
                    await self.note(frame.audio)
                elif isinstance(frame, InputTransportMessageFrame):
                    await self.note(Message.read(frame.message))

    async def _stream(self) -> None:
        async for pcm in self.microphone():
            await self._send(OutputAudioRawFrame(pcm, SAMPLE_RATE, 1))

    async def _send(self, frame: Frame) -> None:
        data = await self._serializer.serialize(frame)
        assert data is not None
        with suppress(websockets.ConnectionClosed):
            await self.socket.send(data)


async def _connect(url: str, headers: Mapping[str, str] | None) -> websockets.ClientConnection:
    return await websockets.connect(url, additional_headers=headers, compression=None, proxy=None)
