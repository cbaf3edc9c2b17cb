"""A small scripted brain, standing where a language model stands: no account, no network, the same frames."""

from datetime import UTC, datetime
from typing import Literal

from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from custom_body import BodyError
from replies import Reply, reply_to


def brain_name(body: object) -> Literal["scripted", "echo"]:
    """The brain that the caller's body asks for. Raises `BodyError` for one that this bot doesn't have."""
    match body:
        case {"brain": "echo"}:
            return "echo"
        case {"brain": name} if name != "scripted":
            raise BodyError(f"brain: got {name!r}; allowed are scripted, echo")
    return "scripted"


class ScriptedBrain(FrameProcessor):
    """Answers each turn of the caller, whose words stand last in the context."""

    def __init__(self, *, goodbye: str) -> None:
        super().__init__()
        self._goodbye = goodbye

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn a context into the frames of a reply; all else passes."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._say(self._reply(frame))
        else:
            await self.push_frame(frame, direction)

    def _reply(self, frame: LLMContextFrame) -> Reply:
        last = frame.context.get_messages()[-1]
        # Pipecat's aggregator asks for a reply in the developer's name when it heard a voice, but no words.
        if not isinstance(last, dict) or last.get("role") != "user":
            return Reply(text="Sorry, I did not hear you.")
        return reply_to(str(last.get("content")), goodbye=self._goodbye, now=datetime.now(UTC))

    async def _say(self, reply: Reply) -> None:
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(reply.text))
        await self.push_frame(LLMFullResponseEndFrame())
        if reply.ends_call:
            await self.push_frame(EndWorkerFrame())
