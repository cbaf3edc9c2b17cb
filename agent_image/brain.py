"""A small scripted brain, standing where a language model stands: no account, no network, the same frames and tools."""

import uuid
from datetime import UTC, datetime
from typing import Literal

from pipecat.adapters.llm.services.bedrock_adapter import AWSBedrockLLMAdapter
from pipecat.frames.frames import (
    Frame,
    FunctionCallFromLLM,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat.metrics.metrics import LLMTokenUsage
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings

from custom_body import BodyError
from replies import Say, next_step


def brain_name(body: object) -> Literal["scripted", "echo"]:
    """The brain that the caller's body asks for. Raises `BodyError` for one that this bot doesn't have."""
    match body:
        case {"brain": "echo"}:
            return "echo"
        case {"brain": name} if name != "scripted":
            raise BodyError(f"brain: got {name!r}; allowed are scripted, echo")
    return "scripted"


class ScriptedBrain(LLMService):
    """Answers what stands last in the context: the caller's words, or the result of a tool."""

    # Nothing is adapted for a provider here, but Pipecat's default imports OpenAI's SDK: a second, at the first call.
    adapter_class = AWSBedrockLLMAdapter

    def __init__(self) -> None:
        super().__init__(
            settings=LLMSettings(
                model="scripted",
                system_instruction=None,
                temperature=None,
                max_tokens=None,
                top_p=None,
                top_k=None,
                frequency_penalty=None,
                presence_penalty=None,
                seed=None,
                filter_incomplete_user_turns=None,
                user_turn_completion_config=None,
            )
        )

    def can_generate_metrics(self) -> bool:
        """True: how long an answer takes, and how many words it has, are reported."""
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn a context into the frames of an answer; all else passes."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    async def _answer(self, context: LLMContext) -> None:
        await self.push_frame(LLMFullResponseStartFrame())
        await self.start_processing_metrics()
        await self.start_ttfb_metrics()
        try:
            step = next_step(context.get_messages(), now=datetime.now(UTC))
            await self.stop_ttfb_metrics()
            if isinstance(step, Say):
                await self._push_llm_text(step.text)
                await self._count(step.text)
            else:
                call = FunctionCallFromLLM(
                    function_name=step.name,
                    tool_call_id=str(uuid.uuid4()),
                    arguments=step.arguments,
                    context=context,
                )
                await self.run_function_calls([call])
        finally:
            await self.stop_processing_metrics()
            await self.push_frame(LLMFullResponseEndFrame())

    async def _count(self, text: str) -> None:
        words = len(text.split())  # a scripted brain has words for tokens, and reads none
        await self.start_llm_usage_metrics(LLMTokenUsage(prompt_tokens=0, completion_tokens=words, total_tokens=words))
