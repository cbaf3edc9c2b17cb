"""The stream that doesn't end: what another stream of the model is told, when it begins, and when it is given up."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aws_sdk_bedrock_runtime.models import (
    AccessDeniedException,
    BidirectionalInputPayloadPart,
    BidirectionalOutputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOutputChunk,
    ThrottlingException,
)
from pipecat.utils.errors import ErrorCategory

from nova_sonic.bedrock import ModelUnavailableError
from nova_sonic.endless_stream import EndlessStream
from tests.agent_image.agent_process import until

_NAMES = {"promptName": "prompt"}
_AUDIO = "A" * 32_000  # 0.75 s of PCM16 at 16 kHz, in base64


class FakeStream:
    """One stream of Bedrock: what came, and what the test lets the model say."""

    def __init__(self) -> None:
        self.input_stream = self
        self.events: list[dict[str, Any]] = []
        self.closed = False
        self._output: asyncio.Queue[Any] = asyncio.Queue()

    async def send(self, chunk: InvokeModelWithBidirectionalStreamInputChunk) -> None:
        self.events.append(json.loads(chunk.value.bytes_)["event"])

    async def close(self) -> None:
        self.closed = True
        self._output.put_nowait(None)

    async def await_output(self) -> tuple[None, "FakeStream"]:
        return None, self

    async def receive(self) -> Any:
        result = await self._output.get()
        if isinstance(result, Exception):
            raise result
        return result

    def say(self, kind: str, **content: Any) -> None:
        payload = json.dumps({"event": {kind: content}}).encode()
        part = BidirectionalOutputPayloadPart(bytes_=payload)
        self._output.put_nowait(InvokeModelWithBidirectionalStreamOutputChunk(value=part))

    def say_text(self, role: str, text: str, *, stage: str = "FINAL") -> None:
        fields = json.dumps({"generationStage": stage})
        self.say("contentStart", type="TEXT", role=role, additionalModelFields=fields)
        self.say("textOutput", content=text)
        self.say("contentEnd", type="TEXT", stopReason="PARTIAL_TURN")

    def answer(self, text: str) -> None:
        self.say_text("ASSISTANT", text, stage="SPECULATIVE")
        self.say("contentStart", type="AUDIO", role="ASSISTANT")
        self.say("contentEnd", type="AUDIO", stopReason="END_TURN")

    def end(self, error: Exception | None = None) -> None:
        self._output.put_nowait(error)

    def texts(self) -> list[tuple[str, bool, str]]:
        """The texts that were told: the role, whether an answer is wanted, and the words."""
        starts = [e["contentStart"] for e in self.events if e.get("contentStart", {}).get("type") == "TEXT"]
        words = [e["textInput"]["content"] for e in self.events if "textInput" in e]
        return [(start["role"], start["interactive"], text) for start, text in zip(starts, words, strict=True)]

    def kinds(self) -> list[str]:
        return [next(iter(event)) for event in self.events]


class Bedrock:
    """Opens `FakeStream`s, unless it has an error to raise."""

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.error: Exception | None = None
        self.asked = 0

    async def open(self) -> Any:
        self.asked += 1
        if self.error:
            raise self.error
        self.streams.append(FakeStream())
        return self.streams[-1]

    async def stream(self, number: int) -> FakeStream:
        await holds(lambda: len(self.streams) >= number and "contentStart" in self.streams[number - 1].kinds())
        return self.streams[number - 1]


async def holds(condition: Callable[[], bool]) -> None:
    async def held() -> bool:
        return condition()

    await until(held)


@asynccontextmanager
async def conversation(bedrock: Bedrock, *, session_seconds: float = 480) -> AsyncIterator[EndlessStream]:
    """A stream whose session, prompt and audio have begun."""
    endless = EndlessStream(bedrock.open, session_seconds=session_seconds)
    await send(endless, "sessionStart", inferenceConfiguration={})
    await send(endless, "promptStart", **_NAMES)
    await send_text(endless, "SYSTEM", "Be brief.", interactive=False)
    await send(endless, "contentStart", **_NAMES, contentName="audio", type="AUDIO", role="USER", interactive=True)
    try:
        yield endless
    finally:
        await endless.close()


async def send(endless: EndlessStream, kind: str, **content: Any) -> None:
    payload = json.dumps({"event": {kind: content}}).encode()
    part = BidirectionalInputPayloadPart(bytes_=payload)
    await endless.send(InvokeModelWithBidirectionalStreamInputChunk(value=part))


async def send_text(endless: EndlessStream, role: str, text: str, *, interactive: bool) -> None:
    names = {**_NAMES, "contentName": text}
    await send(endless, "contentStart", **names, type="TEXT", role=role, interactive=interactive)
    await send(endless, "textInput", **names, content=text)
    await send(endless, "contentEnd", **names)


async def send_result(endless: EndlessStream, tool_use_id: str, result: str) -> None:
    names = {**_NAMES, "contentName": f"result of {tool_use_id}"}
    configuration = {"toolUseId": tool_use_id}
    await send(endless, "contentStart", **names, type="TOOL", role="TOOL", toolResultInputConfiguration=configuration)
    await send(endless, "toolResult", **names, content=result)
    await send(endless, "contentEnd", **names)


async def received(endless: EndlessStream, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            event: dict[str, Any] = json.loads((await endless.receive()).value.bytes_)["event"]
            if kind in event:
                content: dict[str, Any] = event[kind]
                return content


async def test_another_stream_is_told_what_is_over_and_asked_what_is_not() -> None:
    bedrock = Bedrock()
    async with conversation(bedrock) as endless:
        first = await bedrock.stream(1)
        await send_text(endless, "USER", "Say welcome.", interactive=True)
        first.answer("Welcome.")
        first.say_text("USER", "What is")
        first.say_text("USER", "the time?")
        first.end()
        second = await bedrock.stream(2)
        await holds(lambda: len(second.texts()) == 4)

    assert second.kinds()[:2] == ["sessionStart", "promptStart"]
    assert second.texts() == [
        ("SYSTEM", False, "Be brief."),
        ("USER", False, "Say welcome."),
        ("ASSISTANT", False, "Welcome."),
        ("USER", True, "What is\nthe time?"),
    ]
    assert second.kinds()[-3:] == ["contentEnd", "promptEnd", "sessionEnd"]
    assert second.closed


async def test_an_answer_that_breaks_off_is_interrupted_and_asked_for_again() -> None:
    bedrock = Bedrock()
    async with conversation(bedrock) as endless:
        first = await bedrock.stream(1)
        first.say_text("USER", "Count.")
        first.say_text("ASSISTANT", "One, two", stage="SPECULATIVE")
        first.say("contentStart", type="AUDIO", role="ASSISTANT")
        first.end(OSError("the network broke"))
        second = await bedrock.stream(2)
        await holds(lambda: len(second.texts()) == 2)
        ends = [await received(endless, "contentEnd") for _ in range(3)]

    assert second.texts()[1] == ("USER", True, "Count.")
    assert ends[-1] == {"type": "AUDIO", "stopReason": "INTERRUPTED"}


async def test_what_the_caller_is_saying_is_heard_by_the_other_stream() -> None:
    bedrock = Bedrock()
    async with conversation(bedrock) as endless:
        first = await bedrock.stream(1)
        for number in range(5):
            await send(endless, "audioInput", **_NAMES, contentName="audio", content=_AUDIO, number=number)
        endless.audio.speech_started()
        for number in range(5, 8):
            await send(endless, "audioInput", **_NAMES, contentName="audio", content=_AUDIO, number=number)
        endless.audio.speech_stopped()
        first.end()
        second = await bedrock.stream(2)
        await holds(lambda: second.kinds().count("audioInput") == 4)

    replayed = [event["audioInput"]["number"] for event in second.events if "audioInput" in event]
    assert replayed == [4, 5, 6, 7], "the speech, and the second before it was noticed"


async def test_a_tool_that_answers_another_stream_answers_in_words() -> None:
    bedrock = Bedrock()
    async with conversation(bedrock) as endless:
        first = await bedrock.stream(1)
        first.say_text("USER", "Where is order two?")
        first.say("toolUse", toolName="find_order", toolUseId="id-1", content="{}")
        await received(endless, "toolUse")
        first.end()
        second = await bedrock.stream(2)
        await holds(lambda: len(second.texts()) == 2)
        await send_result(endless, "id-1", '{"item": "a coat"}')
        await holds(lambda: len(second.texts()) == 3)
        second.say("toolUse", toolName="find_order", toolUseId="id-2", content="{}")
        await received(endless, "toolUse")
        await send_result(endless, "id-2", "{}")
        await holds(lambda: "toolResult" in second.kinds())

    assert second.texts()[1:] == [
        ("USER", False, "Where is order two?"),
        ("USER", True, 'Result of the tool find_order: {"item": "a coat"}'),
    ]


async def test_it_changes_before_the_limit_in_a_pause_or_without() -> None:
    bedrock = Bedrock()
    async with conversation(bedrock, session_seconds=1.2) as endless:
        await bedrock.stream(2)  # in a pause
        endless.audio.speech_started()  # there is no pause any more
        third = await bedrock.stream(3)
        await holds(lambda: bedrock.streams[1].closed)

    assert bedrock.streams[0].kinds()[-3:] == ["contentEnd", "promptEnd", "sessionEnd"]
    assert third.kinds()[:2] == ["sessionStart", "promptStart"]


async def test_a_stream_goes_on_while_no_other_can_be_had() -> None:
    bedrock = Bedrock()
    async with conversation(bedrock, session_seconds=0.6) as endless:
        first = await bedrock.stream(1)
        bedrock.error = ThrottlingException(message="too many streams")
        await holds(lambda: bedrock.asked >= 4)
        first.answer("Still here.")
        await received(endless, "textOutput")
        bedrock.error = None
        await bedrock.stream(2)

    assert first.closed


@pytest.mark.parametrize(
    ("error", "attempts", "category"),
    [
        (ThrottlingException(message="too many"), 4, ErrorCategory.RATE_LIMIT),
        (AccessDeniedException(message="not you"), 1, ErrorCategory.AUTHORIZATION),
        (OSError("no network"), 4, ErrorCategory.CONNECTIVITY),
    ],
)
async def test_it_gives_up_with_a_reason(error: Exception, attempts: int, category: ErrorCategory) -> None:
    bedrock = Bedrock()
    bedrock.error = error
    async with conversation(bedrock) as endless:
        with pytest.raises(ModelUnavailableError) as raised:
            await asyncio.wait_for(endless.receive(), 30)

    assert raised.value.category is category
    assert raised.value.__cause__ is error
    assert bedrock.asked == attempts
