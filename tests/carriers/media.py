"""A carrier's end of a call's audio: μ-law, a line that plays in real time, and the client of a media stream."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from switchboard.audio import FRAME_SECONDS, BotAudio

type Resolver = Callable[[str], tuple[str, int]]
"""The host and port behind a WebSocket URL; the URL's own name stays in TLS and in the Host header."""

_BIAS = 33
_CLIP = 8158
OPEN_SECONDS = 30.0
"""How long a handshake may take. Carriers don't document theirs; a bot that starts cold needs some of it."""


class MisuseError(Exception):
    """What a carrier would write into its customer's error log."""


def _ulaw_levels() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """The 256 levels of G.711 μ-law, as 16-bit samples by code."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    level = ((((code & 0x0F) << 1) + _BIAS) << ((code & 0x70) >> 4)) - _BIAS
    return (np.where(code & 0x80, -level, level) << 2).astype(np.int16)


def _ulaw_codes() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The μ-law code of every 16-bit sample, by the sample as an unsigned number."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    negative = sample < 0
    level = np.minimum(np.abs(sample), _CLIP) + _BIAS
    segment = np.floor(np.log2(level)).astype(np.int32) - 5
    code = (segment << 4) | ((level >> (segment + 1)) & 0x0F)
    return (~np.where(negative, code | 0x80, code) & 0xFF).astype(np.uint8)


_LEVELS = _ulaw_levels()
_CODES = _ulaw_codes()


def ulaw_encode(pcm: bytes) -> bytes:
    """PCM16 as μ-law (ITU-T G.711)."""
    return _CODES[np.frombuffer(pcm, dtype=np.uint16)].tobytes()


def ulaw_decode(ulaw: bytes) -> bytes:
    """μ-law as PCM16 (ITU-T G.711)."""
    return _LEVELS[np.frombuffer(ulaw, dtype=np.uint8)].tobytes()


class Playout:
    """Plays to the caller what a bot has sent ahead: in order, in real time, until it is cleared.

    `hear` gets each 20 ms as they begin to sound; `passed` the name of each mark once all before it has sounded.
    """

    def __init__(
        self, *, sample_rate: int, hear: Callable[[BotAudio], None], passed: Callable[[str], Awaitable[None]]
    ) -> None:
        self._sample_rate = sample_rate
        self._frame_bytes = int(sample_rate * FRAME_SECONDS) * 2
        self._hear = hear
        self._passed = passed
        self._queue: deque[bytes | str] = deque()
        self._filled = asyncio.Event()

    def add(self, piece: bytes | str) -> None:
        """Queue PCM16, or the name of a mark."""
        self._queue.append(piece)
        self._filled.set()

    def clear(self) -> list[str]:
        """Drop what does not sound yet; returns the names of the marks in it."""
        marks = [piece for piece in self._queue if isinstance(piece, str)]
        self._queue.clear()
        return marks

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            await self._filled.wait()
            due = monotonic()
            while frame := await self._next_frame():
                self._hear(BotAudio(pcm=frame, sample_rate=self._sample_rate))
                due += len(frame) / 2 / self._sample_rate
                await asyncio.sleep(due - monotonic())
            self._filled.clear()

    async def _next_frame(self) -> bytes:
        """At most 20 ms; marks at the front are passed. Empty where nothing is left."""
        frame = b""
        while self._queue and len(frame) < self._frame_bytes:
            if isinstance(piece := self._queue.popleft(), str):
                if frame:
                    self._queue.appendleft(piece)
                    break
                await self._passed(piece)
                continue
            frame += piece
        if len(frame) > self._frame_bytes:
            self._queue.appendleft(frame[self._frame_bytes :])
        return frame[: self._frame_bytes]


class MediaStream(ABC):
    """One stream of a call: the WebSocket client that a carrier's documentation describes.

    A carrier's class says what is sent, and what that means which comes. `opened` is set while the bot listens;
    `failure` says why no stream came about; `cleared` counts how often the bot took back what it had sent.
    """

    def __init__(
        self,
        *,
        url: str,
        resolver: Resolver,
        trust: ssl.SSLContext | None,
        sample_rate: int,
        hear: Callable[[BotAudio], None],
    ) -> None:
        self.url = url
        self.sample_rate = sample_rate
        self.opened = asyncio.Event()
        self.failure: str | None = None
        self.cleared = 0
        self.playout = Playout(sample_rate=sample_rate, hear=hear, passed=self.mark_passed)
        self._resolver = resolver
        self._trust = trust
        self._socket: ClientConnection | None = None

    async def run(self) -> None:
        """Stream until the bot closes the socket. Cancelled, which is a hang-up, it says so first and then closes."""
        host, port = self._resolver(self.url)
        try:
            socket = await connect(
                self.url,
                host=host,
                port=port,
                compression=None,
                ping_interval=None,
                open_timeout=OPEN_SECONDS,
                proxy=None,
                additional_headers=self.headers(),
                ssl=(self._trust or True) if self.url.startswith("wss:") else None,
            )
        except InvalidStatus as error:
            self.failure = f"HTTP {error.response.status_code}"
            return
        except (InvalidHandshake, OSError, TimeoutError) as error:
            self.failure = type(error).__name__
            return
        try:
            await self._talk(socket)
        finally:
            await socket.close()

    async def _talk(self, socket: ClientConnection) -> None:
        self._socket = socket
        playing = asyncio.create_task(self.playout.run())
        try:
            await self.begin()
            self.opened.set()
            async for message in socket:
                await self.receive(message)
        except ConnectionClosed:
            pass  # without a closing handshake: ended as well
        except asyncio.CancelledError:
            await self.finish()
            raise
        finally:
            self.opened.clear()
            playing.cancel()

    async def send(self, message: str | bytes) -> None:
        """Send one message; one that finds the socket closed is lost, as on any line."""
        try:
            assert self._socket is not None
            await self._socket.send(message)
        except ConnectionClosed:
            pass

    def headers(self) -> Mapping[str, str]:
        """What the handshake carries besides what every handshake does."""
        return {}

    @abstractmethod
    async def begin(self) -> None:
        """Send what comes before any audio."""

    @abstractmethod
    async def receive(self, message: str | bytes) -> None:
        """Do what the bot's message says; raises `MisuseError`."""

    @abstractmethod
    async def send_audio(self, pcm: bytes) -> None:
        """Send the caller's PCM16."""

    @abstractmethod
    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""

    @abstractmethod
    async def mark_passed(self, name: str) -> None:
        """Say that all has sounded that the bot had sent before this mark."""

    @abstractmethod
    async def finish(self) -> None:
        """Say that the call has ended, where the carrier does."""
