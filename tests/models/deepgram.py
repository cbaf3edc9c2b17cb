"""A stand-in for Deepgram's live transcription. It proves nothing about how well or how fast Deepgram hears.

It checks the key and the parameters, sends interim and final results, answers Finalize with `from_finalize`, and closes
a connection that gets neither audio nor KeepAlive for 10 s.
Sources: https://developers.deepgram.com/reference/speech-to-text/listen-streaming,
https://developers.deepgram.com/docs/finalize, https://developers.deepgram.com/docs/audio-keep-alive
"""

import asyncio
import contextlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.models.hearing import Heard, Hearing
from tests.models.secrets import DEEPGRAM_KEY
from tests.models.stand_in import StandIn

_IDLE_SECONDS = 10.0
_ENDPOINTING_SECONDS = 0.01
_EXPECTED = {"encoding": "linear16", "sample_rate": "16000", "channels": "1", "model": "nova-3-general"}


@dataclass(kw_only=True)
class DeepgramStandIn(StandIn):
    """`finals` are the transcripts that were sent as final."""

    finals: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For SWITCHBOARD_DEEPGRAM_URL."""
        return f"wss://127.0.0.1:{self.port}"

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/listen", self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Token {DEEPGRAM_KEY}" or self.failing == "refused":
            raise web.HTTPUnauthorized(text=json.dumps({"err_code": "INVALID_AUTH"}))
        wrong = {name: request.query.get(name) for name, value in _EXPECTED.items() if request.query.get(name) != value}
        if wrong:
            raise web.HTTPBadRequest(text=json.dumps({"err_code": "Bad Request", "err_msg": f"unexpected {wrong}"}))
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        pause_seconds = math.inf if request.query.get("endpointing") == "false" else _ENDPOINTING_SECONDS
        hearing = Hearing(sample_rate=int(request.query["sample_rate"]), pause_seconds=pause_seconds)
        flushes: asyncio.Queue[bool] = asyncio.Queue()
        sending = asyncio.create_task(self._send(socket, hearing, flushes))
        try:
            await self._receive(socket, hearing, flushes)
        except TimeoutError:
            await socket.close(code=1011, message=b"NET-0001")
        finally:
            sending.cancel()
        return socket

    async def _receive(self, socket: web.WebSocketResponse, hearing: Hearing, flushes: asyncio.Queue[bool]) -> None:
        while True:
            message = await socket.receive(timeout=_IDLE_SECONDS)
            if message.type == WSMsgType.BINARY:
                hearing.listen(message.data)
                continue
            if message.type != WSMsgType.TEXT:
                return
            kind = json.loads(message.data)["type"]
            if kind == "Finalize":
                await flushes.put(True)
                if not hearing.finalize():
                    await hearing.news.put(Heard(text="", start=hearing.clock, end=hearing.clock, final=True))
            elif kind == "CloseStream":
                await socket.close()
                return
            else:
                assert kind == "KeepAlive", kind

    async def _send(self, socket: web.WebSocketResponse, hearing: Hearing, flushes: asyncio.Queue[bool]) -> None:
        while True:
            heard = await hearing.news.get()
            flushed = heard.final and not flushes.empty() and flushes.get_nowait()
            if heard.final and heard.text:
                self.finals.append(heard.text)
            with contextlib.suppress(ConnectionError):
                await socket.send_json(_results(heard, from_finalize=flushed))


def _results(heard: Heard, *, from_finalize: bool) -> dict[str, Any]:
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": heard.start,
        "duration": heard.end - heard.start,
        "is_final": heard.final,
        "speech_final": heard.final,
        "from_finalize": from_finalize,
        "channel": {"alternatives": [{"transcript": heard.text, "confidence": 0.99, "words": []}]},
        "metadata": {
            "request_id": "00000000-0000-0000-0000-000000000000",
            "model_info": {"name": "general-nova-3", "version": "2025-01-09.0", "arch": "nova-3"},
            "model_uuid": "00000000-0000-0000-0000-000000000001",
        },
    }
