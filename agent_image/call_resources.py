"""What a tool may use of the call that it serves: Pipecat hands it over as `params.app_resources`."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    FunctionCallResultProperties,
    InterruptionFrame,
    LLMMessagesAppendFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContextMessage
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame
from pipecat.services.llm_service import FunctionCallParams

from calls import INTERNAL_ERROR, NORMAL, Connection
from phone import PhoneCall

# Where the model itself speaks, nothing says that a sentence is over: it begins within this time, if at all,
_BEGINS_WITHIN_SECONDS = 6.0
# and is over after a silence of this length.
_SILENCE_SECONDS = 1.0


@dataclass(kw_only=True)
class CallResources:
    """One call. `model_speaks` where the model itself speaks: without text to speech, only it can say a sentence.

    `phone` is what is known of a phone call, and None for any other.
    """

    connection: Connection
    goodbye: str
    model_speaks: bool
    phone: PhoneCall | None = None
    _started: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: asyncio.Task[None] | None = None

    @property
    def failed(self) -> bool:
        """Whether the call ends because a service of it failed."""
        return self.connection.end.startswith(str(INTERNAL_ERROR))

    def watch(self, worker: PipelineWorker) -> None:
        """Notice when the bot speaks."""
        self._stopped.set()
        worker.add_reached_upstream_filter((BotStartedSpeakingFrame, BotStoppedSpeakingFrame))
        worker.add_event_handler("on_frame_reached_upstream", self._notice)

    async def answer_and_end(self, params: FunctionCallParams, *, sentence: str, reason: str) -> None:
        """Answer the model's call of a tool, say a last sentence, and end the call with 1000 and this reason.

        The model has no word after it: only where the model itself speaks it gets a turn, to say the sentence.
        """
        self.connection.end_with(code=NORMAL, reason=reason)
        worker = params.pipeline_worker
        if self.model_speaks:
            await params.result_callback({"say_only_this": sentence})
            self._end_after_speech(worker)
        else:
            await params.result_callback({"said": sentence}, properties=FunctionCallResultProperties(run_llm=False))
            await self.say_and_end(worker, sentence=sentence)

    async def say_and_end(self, worker: PipelineWorker, *, sentence: str) -> None:
        """Say a last sentence, and end the call when the caller has heard it."""
        last = TTSSpeakFrame(sentence)
        last.interruptible = False  # the call ends in any case, also for who talks at this very moment
        await worker.queue_frame(last)
        if self.model_speaks:
            self._end_after_speech(worker)
        else:
            await worker.queue_frame(EndFrame())

    async def instruct(self, worker: PipelineWorker, *, instruction: str) -> None:
        """Interrupt the bot, and let the model follow an instruction that is no word of the caller's."""
        await worker.queue_frame(InterruptionFrame())
        message: LLMContextMessage = {"role": "developer", "content": instruction}
        await worker.queue_frame(LLMMessagesAppendFrame([message], run_llm=not self.model_speaks))
        if self.model_speaks:  # it reads no context, but takes what is written to it
            await worker.queue_frame(RTVISendTextFrame(msg_id="instruction", text=instruction))

    def close(self) -> None:
        """The call is over."""
        if self._ending:
            self._ending.cancel()

    async def _notice(self, _worker: PipelineWorker, frame: Frame) -> None:
        now, before = (self._started, self._stopped)[:: 1 if isinstance(frame, BotStartedSpeakingFrame) else -1]
        now.set()
        before.clear()

    def _end_after_speech(self, worker: PipelineWorker) -> None:
        self._ending = self._ending or asyncio.create_task(self._hear_out(worker))

    async def _hear_out(self, worker: PipelineWorker) -> None:
        patience = _BEGINS_WITHIN_SECONDS
        with suppress(TimeoutError):
            while True:
                await self._stopped.wait()
                async with asyncio.timeout(patience):
                    await self._started.wait()
                patience = _SILENCE_SECONDS
        await worker.queue_frame(EndFrame())
