"""A stand-in for Amazon Transcribe's streaming over WebSocket.

It verifies the pre-signed query, takes and sends event stream messages, answers a pause with a partial result with
stable items and with a final one, and ends streams that get no audio. It proves nothing about how well or how fast
Transcribe hears, nor where it really cuts segments.
Source: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-websocket
"""

import asyncio
import contextlib
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from offline_speech import transcribe
from tests.models.event_stream import decode, encode_event, encode_exception
from tests.models.hearing import Ear, Heard, Hearing
from tests.models.stand_in import AwsStandIn

_LANGUAGES = ("en-US", "en-GB", "de-DE")
_RATES = range(8_000, 48_001)
_ALLOWED = {
    "media-encoding": ("pcm",),
    "language-code": _LANGUAGES,
    "enable-partial-results-stabilization": ("true", "false"),
    "partial-results-stability": ("low", "medium", "high"),
}
_AUDIO_EVENT = {
    ":message-type": "event",
    ":event-type": "AudioEvent",
    ":content-type": "application/octet-stream",
}


class BadRequestError(Exception):
    """The message goes into a BadRequestException."""


@dataclass(kw_only=True)
class TranscribeStandIn(AwsStandIn):
    """`finals` are the results that ended segments, `finals_sent` the moments at which those were sent; `ends` is how
    each stream ended.

    A segment ends after `pause_seconds` of silence, a stream after `idle_seconds` without audio and at the latest after
    `stream_seconds`. One stream that is `broken` loses its connection with the next audio.
    """

    service: str = "transcribe"
    pause_seconds: float = 0.5
    idle_seconds: float = 15.0
    stream_seconds: float = 4 * 3600.0
    ear: Ear = transcribe
    finals: list[Heard] = field(default_factory=list)
    finals_sent: list[float] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/stream-transcription-websocket", self._stream)]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        await self.verified(request)
        socket = web.WebSocketResponse(protocols=("mqtt",), compress=False, autoping=True)
        await socket.prepare(request)
        sending: asyncio.Task[None] | None = None
        try:
            rate = _sample_rate(request.query, protocol=socket.ws_protocol)
            hearing = Hearing(sample_rate=rate, pause_seconds=self.pause_seconds, ear=lambda *a, **k: self.ear(*a, **k))
            sending = asyncio.create_task(self._send_results(socket, hearing, stability=_stability(request.query)))
            async with asyncio.timeout(self.stream_seconds):
                await self._receive(socket, hearing, request)
        except BadRequestError as error:
            await self._end(socket, "BadRequestException", str(error))
        except TimeoutError:
            await self._end(socket, "LimitExceededException", "The stream has reached its longest duration.")
        finally:
            if sending:
                sending.cancel()
        return socket

    async def _receive(self, socket: web.WebSocketResponse, hearing: Hearing, request: web.Request) -> None:
        while True:
            try:
                message = await socket.receive(timeout=self.idle_seconds)
            except TimeoutError as error:
                raise BadRequestError("Your request timed out because no new audio was received.") from error
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                self.ends.append("closed")
                return
            if self.failing == "broken":
                self.failing = None
                assert request.transport is not None
                request.transport.abort()
                return
            audio = _audio(message, sample_rate=hearing.sample_rate)
            if not audio:  # the end frame
                self.ends.append("ended")
                return
            hearing.listen(audio)

    async def _send_results(self, socket: web.WebSocketResponse, hearing: Hearing, *, stability: bool) -> None:
        result_id = str(uuid.uuid4())
        while True:
            heard = await hearing.news.get()
            if heard.text:
                with contextlib.suppress(ConnectionError):
                    await socket.send_bytes(_transcript(heard, result_id=result_id, stable=stability))
                if heard.final:
                    self.finals.append(heard)
                    self.finals_sent.append(time.monotonic())
            if heard.final:
                result_id = str(uuid.uuid4())

    async def _end(self, socket: web.WebSocketResponse, kind: str, message: str) -> None:
        self.ends.append(kind)
        with contextlib.suppress(ConnectionError):
            await socket.send_bytes(encode_exception(kind, message))
            await socket.close()


def _sample_rate(query: Any, *, protocol: str | None) -> int:
    if protocol != "mqtt":
        raise BadRequestError("the subprotocol must be mqtt")
    given = {name: value for name, value in query.items() if not name.startswith("X-Amz-")}
    if unknown := given.keys() - _ALLOWED.keys() - {"sample-rate"}:
        raise BadRequestError(f"unknown parameters: {sorted(unknown)}")
    for name in ("media-encoding", "language-code", "sample-rate"):
        if name not in given:
            raise BadRequestError(f"{name} is missing")
    for name, allowed in _ALLOWED.items():
        if name in given and given[name] not in allowed:
            raise BadRequestError(f"{name}: got {given[name]}, allowed are {', '.join(allowed)}")
    rate = given["sample-rate"]
    if not rate.isdigit() or int(rate) not in _RATES:
        raise BadRequestError(f"sample-rate: got {rate}, allowed are 8000 to 48000")
    return int(rate)


def _stability(query: Any) -> bool:
    return bool(query.get("enable-partial-results-stabilization") == "true")


def _audio(message: Any, *, sample_rate: int) -> bytes:
    """At most 1 s of whole samples: https://docs.aws.amazon.com/transcribe/latest/APIReference/API_streaming_AudioEvent.html"""
    if message.type != WSMsgType.BINARY:
        raise BadRequestError("a message must be binary, in event stream encoding")
    headers, payload = decode(message.data)
    if headers != _AUDIO_EVENT:
        raise BadRequestError(f"the headers of an AudioEvent must be {_AUDIO_EVENT}, got {headers}")
    if len(payload) % 2 or len(payload) > sample_rate * 2:
        raise BadRequestError(f"an AudioEvent must hold at most 1 s of whole samples, got {len(payload)} bytes")
    return payload


def _transcript(heard: Heard, *, result_id: str, stable: bool) -> bytes:
    words = heard.text.split()
    items = [
        {
            "Content": word,
            "StartTime": heard.start,
            "EndTime": heard.end,
            "Type": "pronunciation",
            "VocabularyFilterMatch": False,
            # The last words of a partial result may still change.
            **({"Stable": heard.final or position < len(words) - 2} if stable else {}),
        }
        for position, word in enumerate(words)
    ]
    result = {
        "ResultId": result_id,
        "StartTime": heard.start,
        "EndTime": heard.end,
        "IsPartial": not heard.final,
        "Alternatives": [{"Transcript": heard.text, "Items": items}],
    }
    return encode_event("TranscriptEvent", {"Transcript": {"Results": [result]}})
