"""A telephone and its carrier, as far as the agent sees them: a media stream, spoken as each carrier documents it.

What is sent to the telephone is played in real time; `clear` drops what is not yet played, and marks come back when
what was sent before them is played. A message that its carrier doesn't document is a violation.
It proves nothing about how the real carriers buffer, pace and lose audio, nor about their codecs' gain.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
https://www.plivo.com/docs/voice/audio-streaming/audio-streaming
https://developer.vonage.com/en/voice/voice-api/guides/websockets
"""

import asyncio
import audioop
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import websockets

from offline_speech import synthesize, transcribe
from phone import Carrier
from tests.agent_image.agent_process import until

_LOUD = 500
_FRAME_SECONDS = 0.02
# So long a silence is the end of what the bot says.
_PAUSE_SECONDS = 0.9
# A word that is cut off at its very end is a word still.
_TOLERANCE_SECONDS = 0.03


@dataclass(frozen=True, kw_only=True)
class Media:
    """Audio of the bot, PCM16 mono."""

    pcm: bytes


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Asks for `echo` when all before it is played."""

    echo: str


class Clear:
    """Drops what isn't played yet."""


type Command = Media | Mark | Clear


class Twilio:
    name: Carrier = "twilio"
    rate = 8_000
    preface: tuple[str, ...] = ('{"event":"connected","protocol":"Call","version":"1.0.0"}',)

    def start(self) -> str:
        start = {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        return json.dumps({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ1"})

    def media(self, pcm: bytes) -> str | bytes:
        payload = base64.b64encode(audioop.lin2ulaw(pcm, 2)).decode()
        media = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": payload}
        return json.dumps({"event": "media", "sequenceNumber": "4", "media": media, "streamSid": "MZ1"})

    def dtmf(self, digit: str) -> str:
        dtmf = {"track": "inbound_track", "digit": digit}
        return json.dumps({"event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "5", "dtmf": dtmf})

    def command(self, message: str | bytes) -> Command | None:
        match json.loads(message):
            case {"event": "media", "streamSid": "MZ1", "media": {"payload": str(payload)}}:
                return Media(pcm=audioop.ulaw2lin(base64.b64decode(payload, validate=True), 2))
            case {"event": "clear", "streamSid": "MZ1"}:
                return Clear()
            case {"event": "mark", "streamSid": "MZ1", "mark": {"name": str(name)}}:
                return Mark(echo=json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}}))
        return None


class Telnyx:
    rate = 8_000
    name: Carrier = "telnyx"
    preface: tuple[str, ...] = ('{"event":"connected","version":"1.0.0"}',)

    def __init__(self, *, encoding: str = "PCMU") -> None:
        self.encoding = encoding

    def start(self) -> str:
        start = {
            "user_id": "3E6F995F",
            "call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
            "from": "+13122010094",
            "to": "+13122123456",
            "media_format": {"encoding": self.encoding, "sample_rate": 8000, "channels": 1},
        }
        return json.dumps({"event": "start", "sequence_number": "1", "start": start, "stream_id": "32DE0DEA"})

    def media(self, pcm: bytes) -> str | bytes:
        encode = audioop.lin2alaw if self.encoding == "PCMA" else audioop.lin2ulaw
        payload = base64.b64encode(encode(pcm, 2)).decode()
        media = {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": payload}
        return json.dumps({"event": "media", "sequence_number": "4", "media": media, "stream_id": "32DE0DEA"})

    def dtmf(self, digit: str) -> str:
        return json.dumps({"event": "dtmf", "stream_id": "32DE0DEA", "sequence_number": "5", "dtmf": {"digit": digit}})

    def command(self, message: str | bytes) -> Command | None:
        match json.loads(message):
            case {"event": "media", "media": {"payload": str(payload)}}:
                return Media(pcm=audioop.ulaw2lin(base64.b64decode(payload, validate=True), 2))
            case {"event": "clear"}:
                return Clear()
            case {"event": "mark", "mark": {"name": str(name)}}:
                return Mark(echo=json.dumps({"event": "mark", "stream_id": "32DE0DEA", "mark": {"name": name}}))
        return None


class Plivo:
    rate = 8_000
    name: Carrier = "plivo"
    preface: tuple[str, ...] = ()

    def start(self) -> str:
        start = {
            "callId": "1f9b3c7e",
            "streamId": "20170ada",
            "accountId": "MA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        }
        return json.dumps({"event": "start", "sequenceNumber": 1, "start": start, "extra_headers": ""})

    def media(self, pcm: bytes) -> str | bytes:
        payload = base64.b64encode(audioop.lin2ulaw(pcm, 2)).decode()
        media = {"track": "inbound", "chunk": 1, "timestamp": "1700000000000", "payload": payload}
        return json.dumps({"event": "media", "sequenceNumber": 2, "streamId": "20170ada", "media": media})

    def dtmf(self, digit: str) -> str:
        dtmf = {"track": "inbound", "digit": digit, "timestamp": "1700000000000"}
        return json.dumps({"event": "dtmf", "sequenceNumber": 3, "streamId": "20170ada", "dtmf": dtmf})

    def command(self, message: str | bytes) -> Command | None:
        match json.loads(message):
            case {
                "event": "playAudio",
                "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": str(payload)},
            }:
                return Media(pcm=audioop.ulaw2lin(base64.b64decode(payload, validate=True), 2))
            case {"event": "clearAudio", "streamId": "20170ada"}:
                return Clear()
            case {"event": "checkpoint", "streamId": "20170ada", "name": str(name)}:
                return Mark(echo=json.dumps({"event": "playedStream", "streamId": "20170ada", "name": name}))
        return None


class Vonage:
    name: Carrier = "vonage"
    preface: tuple[str, ...] = ()

    def __init__(self, *, rate: int = 16_000) -> None:
        self.rate = rate

    def start(self) -> str:
        return json.dumps({"event": "websocket:connected", "content-type": f"audio/l16;rate={self.rate}"})

    def media(self, pcm: bytes) -> str | bytes:
        return pcm

    def dtmf(self, digit: str) -> str:
        return json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    def command(self, message: str | bytes) -> Command | None:
        if isinstance(message, bytes):  # 20 ms, and nothing else
            return Media(pcm=message) if len(message) == self.rate // 50 * 2 else None
        match json.loads(message):
            case {"action": "clear"}:
                return Clear()
            case {"action": "notify", "payload": dict(payload)}:
                return Mark(echo=json.dumps({"event": "websocket:notify", "payload": payload}))
        return None


type CarrierProtocol = Twilio | Telnyx | Plivo | Vonage


def session(name: str) -> dict[str, str]:
    return {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": f"{name}-phone-session-of-the-tests-0123456789"}


def phone_header(carrier: str, **members: Any) -> dict[str, str]:
    """The header that AgentCore makes of a phone call's URL."""
    call = {"carrier": carrier, "direction": "inbound", "caller": "0123456789abcdef", "transfer": True, **members}
    encoded = base64.urlsafe_b64encode(json.dumps(call).encode()).decode().rstrip("=")
    return {"X-Amzn-Bedrock-AgentCore-Runtime-Custom-Phone": encoded}


def seconds(text: str) -> float:
    """How long a sentence of the offline bot is, from its first sound to its last."""
    return _loud_seconds(synthesize(text, sample_rate=16_000), rate=16_000)


def _loud_seconds(pcm: bytes, *, rate: int) -> float:
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) > _LOUD)
    return float(loud[-1] - loud[0]) / rate


@dataclass(kw_only=True)
class PhoneLine:
    """A caller at a telephone. Times are monotonic seconds; `played` are the moments and the audio that is heard."""

    carrier: CarrierProtocol
    socket: websockets.ClientConnection
    echoes: bool = True
    played: list[tuple[float, bytes]] = field(default_factory=list)
    clears: list[float] = field(default_factory=list)
    marked: int = 0
    most_ahead: float = 0.0
    violations: list[str] = field(default_factory=list)
    cut_seconds: float = 0.0
    _speech: asyncio.Queue[tuple[bytes, asyncio.Future[float]]] = field(default_factory=asyncio.Queue)
    _plays_until: float = 0.0
    _echoing: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, *, carrier: CarrierProtocol, headers: Mapping[str, str], echoes: bool = True
    ) -> AsyncIterator[Self]:
        """Open the stream, announce it, and send audio at once behind."""
        socket = await websockets.connect(url, additional_headers=headers, compression=None, proxy=None)
        line = cls(carrier=carrier, socket=socket, echoes=echoes)
        for message in (*carrier.preface, carrier.start()):
            await socket.send(message)
        tasks = [asyncio.create_task(line._stream()), asyncio.create_task(line._listen())]
        try:
            yield line
        finally:
            for task in (*tasks, *line._echoing):
                task.cancel()
            await asyncio.gather(*tasks, *line._echoing, return_exceptions=True)
            await socket.close()
        assert line.violations == []

    async def say(self, text: str) -> float:
        """Speak, and return the moment at which the last of the voice was sent."""
        samples = np.frombuffer(synthesize(text, sample_rate=self.carrier.rate), np.int16)
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _LOUD)
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        await self._speech.put((samples[loud[0] : loud[-1]].tobytes(), done))
        return await done

    async def press(self, *digits: str) -> None:
        for digit in digits:
            await self.socket.send(self.carrier.dtmf(digit))

    async def speaking(self, *, after: float, within: float = 20.0) -> float:
        """Wait until the bot is heard; the moment."""

        async def heard() -> bool:
            return any(moment > after for moment, _ in self.played)

        await until(heard, within=within)
        return next(moment for moment, _ in self.played if moment > after)

    async def hears(self, pattern: str, *, after: float = 0.0, within: float = 30.0) -> str:
        """Wait until the bot has said this (a regular expression) and paused; all it said since, in lower case."""
        heard, listened = "", 0

        async def said() -> bool:
            nonlocal heard, listened
            if not self._paused() or len(self.played) == listened:
                return False
            listened = len(self.played)
            heard = await self.heard(after=after)
            return re.search(pattern, heard) is not None

        try:
            await until(said, within=within)
        except TimeoutError as error:
            error.add_note(f"the bot said {heard!r}, and not {pattern!r}")
            raise
        return heard

    async def heard(self, *, after: float = 0.0) -> str:
        """What the bot said since a moment, as it is understood at the telephone, in lower case."""
        pcm = b"".join(pcm for moment, pcm in self.played if moment > after)
        return (await asyncio.to_thread(transcribe, pcm, sample_rate=self.carrier.rate)).lower() if pcm else ""

    def loud_seconds(self, *, after: float) -> float:
        """How long the bot was heard since a moment, from its first sound to its last."""
        return _loud_seconds(b"".join(pcm for moment, pcm in self.played if moment > after), rate=self.carrier.rate)

    async def closed(self, *, within: float = 20.0) -> tuple[int | None, str | None]:
        """The code and the reason with which the agent ended the stream; waits for it."""
        async with asyncio.timeout(within):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason

    def drop(self) -> None:
        """Lose the stream: the agent gets no Close frame."""
        self.socket.transport.abort()

    def _paused(self) -> bool:
        return bool(self.played) and time.monotonic() > self._plays_until + _PAUSE_SECONDS

    async def _stream(self) -> None:
        frame_bytes = int(self.carrier.rate * _FRAME_SECONDS) * 2
        speech, done = b"", None
        due = time.monotonic()
        with suppress(websockets.ConnectionClosed):
            while True:
                if not speech and not self._speech.empty():
                    speech, done = self._speech.get_nowait()
                await self.socket.send(self.carrier.media(speech[:frame_bytes].ljust(frame_bytes, b"\0")))
                speech = speech[frame_bytes:]
                if not speech and done:
                    done.set_result(time.monotonic())
                    done = None
                due += _FRAME_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self) -> None:
        with suppress(websockets.ConnectionClosed):
            async for message in self.socket:
                self._obey(message)
        self.cut_seconds = max(0.0, self._plays_until - time.monotonic() - _TOLERANCE_SECONDS)

    def _obey(self, message: str | bytes) -> None:
        now = time.monotonic()
        match self.carrier.command(message):
            case Media(pcm=pcm):
                begins = max(now, self._plays_until)
                self._plays_until = begins + len(pcm) / 2 / self.carrier.rate
                self.most_ahead = max(self.most_ahead, self._plays_until - now)
                self.played.append((begins, pcm))
            case Clear():
                self.clears.append(now)
                self.played = [(moment, pcm) for moment, pcm in self.played if moment <= now]
                self._plays_until = now
            case Mark(echo=echo):
                self.marked += 1
                if self.echoes:
                    self._echoing.add(asyncio.create_task(self._echo(echo)))
            case None:
                self.violations.append(repr(message)[:200])

    async def _echo(self, echo: str) -> None:
        await asyncio.sleep(max(0.0, self._plays_until - time.monotonic()))
        with suppress(websockets.ConnectionClosed):
            await self.socket.send(echo)
