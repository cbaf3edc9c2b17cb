"""A stand-in for Cartesia's speech over WebSocket, with espeak-ng's voice. It proves nothing about Cartesia's voices.

It checks the key, the version and each message, sends audio in chunks with the times of the words, and drops what is
cancelled. Source: https://docs.cartesia.ai/api-reference/tts/websocket
"""

import asyncio
import base64
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from offline_speech import synthesize
from tests.models.secrets import CARTESIA_KEY
from tests.models.stand_in import StandIn

_CHUNK_SECONDS = 0.1
_TIMES_FASTER = 2  # than the speech lasts
_SAMPLE_RATE = 16_000
_FORMAT = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": _SAMPLE_RATE}
_REQUIRED = {"transcript", "continue", "context_id", "model_id", "voice", "output_format"}
_OPTIONAL = {"add_timestamps", "use_normalized_timestamps", "max_buffer_delay_ms", "language", "generation_config"}


@dataclass(kw_only=True)
class CartesiaStandIn(StandIn):
    """`texts` are what was to be spoken, `voices` with which voice, `cancelled` the contexts that were given up."""

    texts: list[str] = field(default_factory=list)
    voices: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """For SWITCHBOARD_CARTESIA_URL."""
        return f"wss://127.0.0.1:{self.port}"

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/tts/websocket", self._speak)]

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-API-Key") != CARTESIA_KEY or self.failing == "refused":
            raise web.HTTPUnauthorized(text="Invalid API key")
        if not request.headers.get("Cartesia-Version"):
            raise web.HTTPBadRequest(text="the header Cartesia-Version is missing")
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        one_at_a_time = asyncio.Lock()
        async with asyncio.TaskGroup() as speaking:
            async for message in socket:
                assert message.type == WSMsgType.TEXT
                body = json.loads(message.data)
                if body.get("cancel"):
                    self.cancelled.add(body["context_id"])
                else:
                    speaking.create_task(self._answer(socket, body, one_at_a_time))
        return socket

    async def _answer(self, socket: web.WebSocketResponse, body: dict[str, Any], turn: asyncio.Lock) -> None:
        context = body.get("context_id")
        async with turn:
            with contextlib.suppress(ConnectionError):
                if problem := _problem(body):
                    await socket.send_json({"type": "error", "context_id": context, "error": problem})
                    return
                if text := body["transcript"].strip():
                    self.texts.append(text)
                    self.voices.add(body["voice"]["id"])
                    await self._send_audio(socket, text, context=str(context))
                if not body["continue"] and context not in self.cancelled:
                    await socket.send_json({"type": "done", "done": True, "context_id": context})

    async def _send_audio(self, socket: web.WebSocketResponse, text: str, *, context: str) -> None:
        pcm = await asyncio.to_thread(synthesize, text, sample_rate=_SAMPLE_RATE)
        words = text.split()
        step = len(pcm) / 2 / _SAMPLE_RATE / len(words)
        starts = [position * step for position in range(len(words))]
        times = {"words": words, "start": starts, "end": [start + step for start in starts]}
        await socket.send_json({"type": "timestamps", "context_id": context, "word_timestamps": times})
        size = int(_CHUNK_SECONDS * _SAMPLE_RATE) * 2
        for start in range(0, len(pcm), size):
            if context in self.cancelled:
                return
            data = base64.b64encode(pcm[start : start + size]).decode()
            await socket.send_json({"type": "chunk", "context_id": context, "data": data, "done": False})
            await asyncio.sleep(_CHUNK_SECONDS / _TIMES_FASTER)


def _problem(body: dict[str, Any]) -> str | None:
    if missing := _REQUIRED - body.keys():
        return f"missing: {sorted(missing)}"
    if unknown := body.keys() - _REQUIRED - _OPTIONAL:
        return f"unknown: {sorted(unknown)}"
    if body["output_format"] != _FORMAT:
        return f"output_format: got {body['output_format']}, allowed here is {_FORMAT}"
    if body["voice"].get("mode") != "id" or not body["voice"].get("id"):
        return "voice must have the mode id, and an id"
    return None
