"""Carries one call between Pipecat's evaluation harness, which speaks JSON, and the agent, as any caller reaches it."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from pipecat.evals.serializer import (
    EVAL_BOT_AUDIO_TYPE,
    EVAL_CANCEL_MESSAGE_TYPE,
    EVAL_CONFIGURE_MESSAGE_TYPE,
    EVAL_CONTEXT_MESSAGE_TYPE,
    EVAL_IMAGE_MESSAGE_TYPE,
    parse_eval_connect,
)
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from switchboard.audio import FRAME_SECONDS, SAMPLE_RATE, BotAudio
from switchboard.protobuf_frames import decode, encode_audio, encode_message
from switchboard.rtvi import RTVI_LABEL

type OpenCall = Callable[[], AbstractAsyncContextManager[ClientConnection]]

_SILENCE = bytes(2 * int(SAMPLE_RATE * FRAME_SECONDS))
_NORMAL, _POLICY_VIOLATION, _INTERNAL_ERROR, _NO_CODE = 1000, 1008, 1011, 1006
_MAX_REASON_BYTES = 123
# These reach into a bot, which only Pipecat's own evaluation transport allows. A caller can't, so neither can we.
_NOT_A_CALLERS = {
    EVAL_CONFIGURE_MESSAGE_TYPE: "the bot tells callers no names of its tools: expect function_call without a name",
    EVAL_CONTEXT_MESSAGE_TYPE: "a caller can't write the bot's context: say it in turns",
    EVAL_IMAGE_MESSAGE_TYPE: "the bot takes no images",
}

_logger = logging.getLogger("switchboard.evals")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False  # the harness looks first whether somebody listens, which websockets would log as an error


class _ScenarioError(Exception):
    """The scenario asks for what no caller can do."""


@asynccontextmanager
async def bridge(open_call: OpenCall) -> AsyncIterator[str]:
    """The URL of a WebSocket on loopback, for the harness; whoever connects is put through to a call of its own."""

    async def put_through(harness: ServerConnection) -> None:
        try:
            async with open_call() as agent:
                await _Line(harness=harness, agent=agent).carry()
                code = agent.close_code or _NORMAL
                await _close(harness, code=_INTERNAL_ERROR if code == _NO_CODE else code, reason=agent.close_reason)
        except _ScenarioError as error:
            await _close(harness, code=_POLICY_VIOLATION, reason=str(error))
        except Exception as error:
            await _close(harness, code=_INTERNAL_ERROR, reason=f"no call: {error}")
            raise

    async with serve(put_through, "127.0.0.1", 0, compression=None, logger=_logger) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class _Line:
    def __init__(self, *, harness: ServerConnection, agent: ClientConnection) -> None:
        self._harness = harness
        self._agent = agent
        self._speaks = False
        self._wants_audio = False

    async def carry(self) -> None:
        """Carry both ways until one side hangs up, then hang up on the agent. Raises `_ScenarioError`."""
        tasks = [asyncio.create_task(work) for work in (self._up(), self._down(), self._keep_microphone_open())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._agent.close()
        for task in done:
            if (error := task.exception()) and not isinstance(error, ConnectionClosed):
                raise error

    async def _up(self) -> None:
        async for text in self._harness:
            message = json.loads(text)
            if flags := parse_eval_connect(message):
                self._wants_audio = flags.capture_bot_audio
            elif _eval_type(message) == EVAL_CANCEL_MESSAGE_TYPE:
                return
            elif reason := _NOT_A_CALLERS.get(_eval_type(message)):
                raise _ScenarioError(reason)
            elif message["type"] == "raw-audio":
                self._speaks = True
                await self._agent.send(encode_audio(_pcm(message["data"])))
            else:
                await self._agent.send(encode_message(json.dumps(message)))

    async def _down(self) -> None:
        async for data in self._agent:
            item = decode(data)
            if isinstance(item, BotAudio):
                if self._wants_audio:
                    audio = base64.b64encode(item.pcm).decode()
                    await self._tell(EVAL_BOT_AUDIO_TYPE, {"audio": audio, "sampleRate": item.sample_rate})
            elif item is not None:
                await self._tell(item.type, item.data)

    async def _keep_microphone_open(self) -> None:
        """Send silence for a harness that types: a caller's microphone is never off, and models hang up on one."""
        while True:
            if not self._speaks:
                await self._agent.send(encode_audio(_SILENCE))
            await asyncio.sleep(FRAME_SECONDS)

    async def _tell(self, kind: str, data: Mapping[str, object]) -> None:
        await self._harness.send(json.dumps({"label": RTVI_LABEL, "type": kind, "data": data}))


def _eval_type(message: Mapping[str, Any]) -> str:
    data = message.get("data")
    return str(data.get("t")) if message.get("type") == "client-message" and isinstance(data, dict) else ""


def _pcm(data: Mapping[str, Any]) -> bytes:
    if (data["sampleRate"], data["numChannels"]) != (SAMPLE_RATE, 1):
        raise _ScenarioError(f"user.speech.sample_rate: got {data['sampleRate']}, allowed is {SAMPLE_RATE}")
    return base64.b64decode(data["base64Audio"])


async def _close(harness: ServerConnection, *, code: int, reason: str | None) -> None:
    await harness.close(code, (reason or "").encode()[:_MAX_REASON_BYTES].decode(errors="ignore"))
