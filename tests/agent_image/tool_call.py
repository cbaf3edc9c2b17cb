"""A call without audio for the tests of tools: the scripted brain, what stands behind it, and ears for all it sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pipecat.adapters.llm.schemas.direct_function import DirectFunction
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    LLMMessagesAppendFrame,
    LLMTextFrame,
    StartFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from brain import ScriptedBrain
from call_resources import CallResources
from guarded_tools import guarded
from slow_tools import SlowTools

GOODBYE = "So long."
ORDER = "Can you find order number two for me?"


class Ears(FrameProcessor):
    """Stands where text to speech and the transport stand, and keeps what comes there."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self._news = asyncio.Condition()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        async with self._news:
            self.frames.append(frame)
            self._news.notify_all()
        await self.push_frame(frame, direction)

    async def hears[F: Frame](self, kind: type[F], *, count: int = 1) -> list[F]:
        """Wait for as many frames of a kind."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.all(kind)) >= count)
        return self.all(kind)

    def all[F: Frame](self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def bot_speaks(self, speaks: bool) -> None:
        """Report, as a transport does, that the bot's voice began or ended."""
        await self.push_frame(
            BotStartedSpeakingFrame() if speaks else BotStoppedSpeakingFrame(), FrameDirection.UPSTREAM
        )


@dataclass(kw_only=True)
class SilentConnection:
    """How the agent would have ended the call."""

    caller: str = ""
    on_session_end: Any = None
    end: str = ""

    def end_with(self, *, code: int, reason: str) -> None:
        self.end = f"{code} {reason}"

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(kw_only=True)
class ToolCall:
    """One call in progress."""

    worker: PipelineWorker
    context: LLMContext
    ears: Ears = field(default_factory=Ears)
    connection: SilentConnection = field(default_factory=SilentConnection)
    running: asyncio.Task[None] | None = None

    async def say(self, text: str) -> None:
        """The caller's words, as they come out of speech to text."""
        frame = LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=True)
        await self.worker.queue_frame(frame)

    async def answer(self) -> str:
        """Wait for what the brain says; all of it."""
        return " ".join(frame.text for frame in await self.ears.hears(LLMTextFrame))

    def tool_results(self) -> list[str]:
        """What the context holds as the tools' results: JSON, or Pipecat's own words."""
        messages = [message for message in self.context.get_messages() if isinstance(message, dict)]
        return [str(message["content"]) for message in messages if message["role"] == "tool"]

    async def over(self) -> None:
        """Wait for the end of the call."""
        assert self.running
        async with asyncio.timeout(20):
            await asyncio.wait([self.running])


@asynccontextmanager
async def tool_call(*tools: DirectFunction, model_speaks: bool = False) -> AsyncIterator[ToolCall]:
    """A call in which the brain has these tools, and nothing but them."""
    connection, ears = SilentConnection(), Ears()
    context = LLMContext(tools=[guarded(tool) for tool in tools])
    aggregators = LLMContextAggregatorPair(context)
    resources = CallResources(connection=connection, goodbye=GOODBYE, model_speaks=model_speaks)
    steps = [aggregators.user(), ScriptedBrain(), SlowTools(model_speaks=model_speaks), ears, aggregators.assistant()]
    worker = PipelineWorker(Pipeline(steps), app_resources=resources)
    resources.watch(worker)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    call = ToolCall(worker=worker, context=context, ears=ears, connection=connection, running=running)
    await ears.hears(StartFrame)
    try:
        yield call
    finally:
        resources.close()
        await worker.queue_frame(EndFrame())
        await call.over()
