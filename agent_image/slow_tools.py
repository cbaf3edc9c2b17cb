"""Never leaves the caller in silence: while a tool takes its time, the bot says that it is looking."""

import asyncio

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from guarded_tools import note_failure
from pipelines import SAMPLE_RATE
from recordings import recorded_speech

SILENCE_SECONDS = 1.0
LOOKING = "One moment, I am looking that up."


class SlowTools(FrameProcessor):
    """Stands behind the model. Speaks once a call of a tool, after a second in which neither it nor the bot answered.

    It gives the sentence to the text to speech that follows, and plays a recording where there is none
    (`model_speaks`). The sentence is no part of the context.
    """

    def __init__(self, *, model_speaks: bool) -> None:
        super().__init__()
        self._model_speaks = model_speaks
        self._waiting: set[str] = set()
        self._bot_speaks = False
        self._timer: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow the calls of tools and the bot's voice; all frames pass."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        match frame:
            case FunctionCallInProgressFrame():
                self._waiting.add(frame.tool_call_id)
            case FunctionCallResultFrame() | FunctionCallCancelFrame():
                self._waiting.discard(frame.tool_call_id)
                self._note_timeout(frame)
            case BotStartedSpeakingFrame():
                self._bot_speaks = True
            case BotStoppedSpeakingFrame():
                self._bot_speaks = False
            case _:
                return
        await self._set_timer()

    async def cleanup(self) -> None:
        """Stop the timer."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._stop_timer()

    def _note_timeout(self, frame: Frame) -> None:
        # Pipecat asks for the model's word only on calls that ran into their own `timeout_secs` (see tool_options).
        if isinstance(frame, FunctionCallCancelFrame) and frame.run_llm:
            note_failure(frame.function_name, error="TimeoutError")

    async def _set_timer(self) -> None:
        if not self._waiting or self._bot_speaks:
            await self._stop_timer()
        elif self._timer is None:
            self._timer = self.create_task(self._announce())

    async def _stop_timer(self) -> None:
        if self._timer:
            timer, self._timer = self._timer, None
            await self.cancel_task(timer)

    async def _announce(self) -> None:
        await asyncio.sleep(SILENCE_SECONDS)
        self._timer = None
        self._waiting.clear()
        if self._model_speaks:
            for frame in recorded_speech("looking", sample_rate=SAMPLE_RATE):
                await self.push_frame(frame)
        else:
            await self.push_frame(TTSSpeakFrame(LOOKING, append_to_context=False))
