"""Lets the model know which keys of the telephone its caller pressed."""

from pipecat.frames.frames import Frame, LLMMessagesAppendFrame, TranscriptionFrame
from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat.processors.frame_processor import FrameDirection
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame

PRESSED = "I pressed on my keypad: "


class Keypad(DTMFAggregator):
    """Makes the caller's words of keys, after # or a pause of 2 s: "I pressed on my keypad: 12#".

    A model that hears for itself (`model_hears`) gets to read no transcripts: to it the words go as if they were typed.
    """

    def __init__(self, *, model_hears: bool) -> None:
        super().__init__(prefix=PRESSED)
        self._model_hears = model_hears

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass a frame on; keys as words that reach the model."""
        if self._model_hears and isinstance(frame, TranscriptionFrame) and direction is FrameDirection.DOWNSTREAM:
            await super().push_frame(LLMMessagesAppendFrame([{"role": "user", "content": frame.text}], run_llm=False))
            await super().push_frame(RTVISendTextFrame(msg_id="keypad", text=frame.text))
        else:
            await super().push_frame(frame, direction)
