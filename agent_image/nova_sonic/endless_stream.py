"""A stream to the model that doesn't end with Bedrock's: it goes on in another one, and no turn is lost.

Pipecat uses it as it uses a stream of Bedrock. What it sends is kept, as far as another stream needs it: the begin of
the session, the dialogue, and the audio that the model hasn't put into words. It changes streams before the model's
limit, in a pause, and at once when a stream breaks. Events: https://docs.aws.amazon.com/nova/latest/nova2-userguide/
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Self

from aws_sdk_bedrock_runtime.models import (
    BidirectionalOutputPayloadPart,
    InvokeModelWithBidirectionalStreamInput,
    InvokeModelWithBidirectionalStreamOutputChunk,
)

from nova_sonic.bedrock import BedrockStream, ModelUnavailableError, category_of
from nova_sonic.caller_audio import CallerAudio
from nova_sonic.dialogue import Dialogue, Role
from nova_sonic.patience import Patience
from nova_sonic.session import Session
from telemetry.metrics import record

# Of the time that the model keeps a stream: from here on a pause is used to change, at the latest from there on it
# is changed anyway. Of 480 s these are the 360 s and 440 s that AWS's example and Pipecat have.
_CHANGE_FROM, _CHANGE_BY = 0.75, 11 / 12
# How long the other stream may wait for a pause, as a part of the same time.
_WAIT_FOR_PAUSE = 1 / 60
_ACCEPTED_SECONDS = 2
_POLL_SECONDS = 0.05

# Who has served for so long was no failed attempt, though the model had nothing to say.
_SERVED_SECONDS = 20.0

_BYTES_PER_SECOND = 32_000
_INTERRUPTED: tuple[dict[str, Any], ...] = (
    {"contentStart": {"type": "AUDIO", "role": "ASSISTANT"}},
    {"contentEnd": {"type": "AUDIO", "stopReason": "INTERRUPTED"}},
)

_logger = logging.getLogger("switchboard.agent")


class EndlessStream:
    """Plays the parts of a duplex stream that Pipecat uses. `session_seconds` is how long the model keeps a stream."""

    def __init__(self, open_stream: Callable[[], Awaitable[BedrockStream]], *, session_seconds: float) -> None:
        self.audio = CallerAudio()
        self._open_stream = open_stream
        self._session_seconds = session_seconds
        self._setup: list[str] = []
        self._audio_start = ""
        self._prompt_name = self._audio_name = ""
        self._dialogue = Dialogue()
        self._blocks: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._received: dict[str, Any] = {}
        self._tools: dict[str, str] = {}
        self._own_tools: set[str] = set()
        self._waiting_for_tools = False
        self._output: asyncio.Queue[dict[str, Any] | Exception] = asyncio.Queue()
        self._patience = Patience()
        self._session: Session | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # what Pipecat calls

    @property
    def input_stream(self) -> Self:
        """Where events go."""
        return self

    async def send(self, event: InvokeModelWithBidirectionalStreamInput) -> None:
        """Take an event for the model. It never waits for the network."""
        raw = (event.value.bytes_ or b"").decode()
        body: dict[str, Any] = json.loads(raw)["event"]
        ((kind, content),) = body.items()
        match kind:
            case "sessionStart" | "promptStart":
                self._prompt_name = content.get("promptName", "")
                self._setup.append(raw)
            case "audioInput":
                self._hear(raw, content)
            case "contentStart" if content["type"] == "AUDIO":
                self._audio_name = content["contentName"]
                self._audio_start = raw
                self._keeping = asyncio.create_task(self._keep())
            case "contentStart" | "textInput" | "toolResult" | "contentEnd":
                self._collect(raw, kind, content)
            # promptEnd and sessionEnd come with close(), which ends the stream in the order that the model wants.

    async def await_output(self) -> tuple[None, Self]:
        """What the model sends, as a pair, of which Pipecat uses the second."""
        return None, self

    async def receive(self) -> InvokeModelWithBidirectionalStreamOutputChunk:
        """The model's next event. Raises `ModelUnavailableError` when no stream can be had any more."""
        event = await self._output.get()
        if isinstance(event, Exception):
            raise event
        payload = json.dumps({"event": event}).encode()
        return InvokeModelWithBidirectionalStreamOutputChunk(value=BidirectionalOutputPayloadPart(bytes_=payload))

    async def close(self) -> None:
        """End the conversation with the model."""
        if self._keeping:
            self._keeping.cancel()
        session, self._session = self._session, None
        if session:
            await session.close(*self._farewell())
        if self._closing:
            await asyncio.wait(self._closing)

    # from the caller to the model

    def _hear(self, raw: str, content: dict[str, Any]) -> None:
        seconds = len(content["content"]) * 3 / 4 / _BYTES_PER_SECOND
        self.audio.add(raw, seconds=seconds)
        self._send(raw)

    def _collect(self, raw: str, kind: str, content: dict[str, Any]) -> None:
        block = self._blocks.setdefault(content["contentName"], [])
        block.append((raw, content))
        if kind == "contentEnd":
            del self._blocks[content["contentName"]]
            (_, start), (_, body), _ = block
            self._take(start, body["content"], [raw for raw, _ in block])

    def _take(self, start: dict[str, Any], text: str, raws: list[str]) -> None:
        match start:
            case {"type": "TOOL"}:
                self._take_result(start["toolResultInputConfiguration"]["toolUseId"], text, raws)
            case {"role": "SYSTEM"}:
                self._setup += raws
            case {"interactive": True}:
                self._dialogue.ask(text)
                self._send(*raws)
            case {"role": role}:  # the history, and what the model is only to know
                self._dialogue.tell(role, text)
                self._send(*raws)

    def _take_result(self, tool_use_id: str, result: str, raws: list[str]) -> None:
        """Pass on a tool's result; to a stream that didn't call the tool, as text."""
        text = f"Result of the tool {self._tools.get(tool_use_id, 'that was called')}: {result}"
        self._waiting_for_tools = False
        self._dialogue.ask(text)
        if tool_use_id in self._own_tools:
            self._send(*raws)
        else:
            self._send(*self._text("USER", text, interactive=True))

    def _send(self, *events: str) -> None:
        if self._session:
            self._session.send(*events)

    # from the model to the caller

    def _on_event(self, session: Session, event: dict[str, Any]) -> None:
        if session is not self._session:  # what an older stream still had to say
            return
        self._patience.served()
        ((kind, content),) = event.items()
        match kind:
            case "contentStart":
                self._received = content
            case "textOutput":
                self._received["text"] = content["content"]
            case "toolUse":
                self._tools[content["toolUseId"]] = content["toolName"]
                self._own_tools.add(content["toolUseId"])
                self._waiting_for_tools = True
            case "contentEnd":
                self._content_ended(self._received, content.get("stopReason"))
        self._output.put_nowait(event)

    def _content_ended(self, content: dict[str, Any], stop_reason: str | None) -> None:
        stage = json.loads(content.get("additionalModelFields", "{}")).get("generationStage")
        text = content.get("text", "")
        match content.get("role"), content.get("type"), stage:
            case "USER", "TEXT", _:
                self._waiting_for_tools = False
                self.audio.heard()
                self._dialogue.ask(text)
            case "ASSISTANT", "TEXT", _ if stop_reason == "INTERRUPTED":
                self._dialogue.answer_ended(interrupted=True)
            case "ASSISTANT", "TEXT", "SPECULATIVE":
                self._dialogue.plan(text)
            case "ASSISTANT", "TEXT", "FINAL":
                self._dialogue.say(text)
            case "ASSISTANT", "AUDIO", _ if stop_reason in ("END_TURN", "INTERRUPTED"):
                self._waiting_for_tools = False
                self._dialogue.answer_ended(interrupted=stop_reason == "INTERRUPTED")

    # from one stream to the next

    @property
    def _paused(self) -> bool:
        return self._dialogue.answered and not self.audio.unheard

    def _on_end(self, session: Session, error: BaseException) -> None:
        if session is not self._session:
            return
        self._session = None
        self._retire(session)
        if time.monotonic() - session.began > _SERVED_SECONDS:
            self._patience.served()
        _logger.warning("a stream of the speech model ended early: %s", category_of(error).value)
        record("ModelStreamsBroken", 1, unit="Count", category=category_of(error).value)
        if self._keeping:
            self._keeping.cancel()
        self._keeping = asyncio.create_task(self._keep(error))

    async def _keep(self, error: BaseException | None = None) -> None:
        """Begin a stream where there is none, and change it before the model's limit."""
        while True:
            delay = self._patience.delay(error) if error else None
            if error and delay is None:
                self._output.put_nowait(ModelUnavailableError(error))
                return
            try:
                await asyncio.sleep(delay or 0)
                self._switch_to(await self._open())
                break
            except Exception as failure:  # noqa: BLE001 - whatever the SDK or the chain of credentials raises
                error = failure
        while True:
            await self._change_before_the_limit(began=time.monotonic())

    async def _change_before_the_limit(self, *, began: float) -> None:
        """Open the other stream while this one still serves: for that moment the call has two."""
        limit = self._session_seconds
        await asyncio.sleep(_CHANGE_FROM * limit)
        while True:
            await self._pause(until=began + _CHANGE_BY * limit)
            try:
                session = await self._open()
            except Exception as error:  # noqa: BLE001 - the stream that serves goes on, and is followed when it ends
                self._no_other_stream(error)
                await asyncio.sleep(_WAIT_FOR_PAUSE * limit)
                continue
            try:
                await session.accepted(within=_ACCEPTED_SECONDS)
                await self._pause(until=time.monotonic() + _WAIT_FOR_PAUSE * limit)
                return self._switch_to(session)
            except Exception as error:  # noqa: BLE001 - likewise
                self._no_other_stream(error)
                await asyncio.sleep(_WAIT_FOR_PAUSE * limit)
            finally:
                if session is not self._session:
                    self._retire(session)

    def _no_other_stream(self, error: BaseException) -> None:
        _logger.warning("no other stream of the speech model yet: %s", category_of(error).value)

    async def _pause(self, *, until: float) -> None:
        while not self._paused and time.monotonic() < until:  # noqa: ASYNC110 - an event would have five setters
            await asyncio.sleep(_POLL_SECONDS)

    async def _open(self) -> Session:
        session = Session(await self._open_stream(), on_event=self._on_event, on_end=self._on_end)
        session.send(*self._setup)
        return session

    def _switch_to(self, session: Session) -> None:
        """Tell another stream all that was said, and let it answer what isn't answered."""
        if session.ended:
            raise session.ended
        if self._dialogue.answering:  # the other stream answers anew
            self._dialogue.abandon_answer()
            for event in _INTERRUPTED:
                self._output.put_nowait(event)
        if self._dialogue.answered or self._waiting_for_tools or self.audio.unheard:
            self._dialogue.settle()
        old, self._session = self._session, session
        self._own_tools = set()
        for message in self._dialogue.history():
            session.send(*self._text(message.role, message.text, interactive=False))
        session.send(self._audio_start, *self.audio.replay())
        if self._dialogue.asked:
            session.send(*self._text("USER", "\n".join(self._dialogue.asked), interactive=True))
        if old:
            self._retire(old, *self._farewell())

    def _retire(self, session: Session, *farewell: str) -> None:
        task = asyncio.create_task(session.close(*farewell))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # events

    def _text(self, role: Role, text: str, *, interactive: bool) -> Iterator[str]:
        names = {"promptName": self._prompt_name, "contentName": str(uuid.uuid4())}
        form = {"type": "TEXT", "role": role, "interactive": interactive}
        yield _event("contentStart", **names, **form, textInputConfiguration={"mediaType": "text/plain"})
        yield _event("textInput", **names, content=text)
        yield _event("contentEnd", **names)

    def _farewell(self) -> Iterator[str]:
        yield _event("contentEnd", promptName=self._prompt_name, contentName=self._audio_name)
        yield _event("promptEnd", promptName=self._prompt_name)
        yield _event("sessionEnd")


def _event(kind: str, **content: Any) -> str:
    return json.dumps({"event": {kind: content}})
