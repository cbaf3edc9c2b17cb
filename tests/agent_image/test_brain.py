import json
from typing import Any

from pipecat.frames.frames import (
    Frame,
    FunctionCallsStartedFrame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import LLMUsageMetricsData, ProcessingMetricsData, TTFBMetricsData
from pipecat.pipeline.worker import PipelineParams
from pipecat.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat.services.llm_service import FunctionCallParams
from pipecat.tests.utils import run_test

from brain import ScriptedBrain
from echo import EchoBrain
from tests.agent_image.tool_call import ORDER, tool_call

SAMPLE_RATE = 16_000


async def reply_to(*messages: LLMContextMessage) -> list[Frame]:
    params = PipelineParams(enable_metrics=True, enable_usage_metrics=True)
    frames, _ = await run_test(
        ScriptedBrain(), frames_to_send=[LLMContextFrame(LLMContext([*messages]))], pipeline_params=params
    )
    return [*frames]


async def test_a_reply_has_the_frames_and_the_metrics_of_a_language_models() -> None:
    frames = await reply_to({"role": "user", "content": "Say hello."})

    spoken = [LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame]
    assert [type(frame) for frame in frames if type(frame) in spoken] == spoken
    assert [frame.text for frame in frames if isinstance(frame, LLMTextFrame)] == ["Hello."]
    metrics = [each for frame in frames if isinstance(frame, MetricsFrame) for each in frame.data]
    assert {type(each) for each in metrics} >= {TTFBMetricsData, ProcessingMetricsData, LLMUsageMetricsData}


async def test_a_voice_without_words_is_answered_too() -> None:
    frames = await reply_to({"role": "developer", "content": "The user's turn was empty."})

    assert [frame.text for frame in frames if isinstance(frame, LLMTextFrame)] == ["Sorry, I did not hear you."]


async def test_a_tool_is_called_and_its_answer_spoken_from_the_context() -> None:
    called: list[Any] = []

    async def find_order(params: FunctionCallParams, order_number: str) -> None:
        """Find an order."""
        called.append((params.function_name, order_number))
        await params.result_callback({"order_number": order_number, "item": "a hat", "status": "lost"})

    async with tool_call(find_order) as call:
        await call.say(ORDER)
        answer = await call.answer()
        await call.ears.hears(FunctionCallsStartedFrame)

    assert called == [("find_order", "2")]
    assert json.loads(call.tool_results()[0])["item"] == "a hat"
    assert answer == "Order 2, a hat, is lost."


def audio(value: int, *, seconds: float) -> InputAudioRawFrame:
    return InputAudioRawFrame(bytes([value]) * 2 * int(seconds * SAMPLE_RATE), SAMPLE_RATE, 1)


async def echo_of(*frames: InputAudioRawFrame, after: list[InputAudioRawFrame]) -> bytes:
    """What comes back for the audio before and after the moment at which a voice was noticed."""
    sent = [*frames, VADUserStartedSpeakingFrame(), *after, VADUserStoppedSpeakingFrame()]
    received, _ = await run_test(EchoBrain(), frames_to_send=sent)
    kinds = [type(frame) for frame in received]
    assert kinds[-3:] == [TTSStartedFrame, TTSAudioRawFrame, TTSStoppedFrame]
    (echo,) = [frame for frame in received if isinstance(frame, TTSAudioRawFrame)]
    assert echo.sample_rate == SAMPLE_RATE
    return echo.audio


async def test_the_echo_starts_with_the_voice_and_not_with_the_silence_before_it() -> None:
    echo = await echo_of(audio(0, seconds=3), audio(1, seconds=0.2), after=[audio(2, seconds=0.5)])

    assert echo == audio(1, seconds=0.2).audio + audio(2, seconds=0.5).audio


async def test_of_a_long_speech_only_the_end_comes_back() -> None:
    echo = await echo_of(after=[audio(number, seconds=1) for number in range(20)])

    assert len(echo) == 15 * SAMPLE_RATE * 2
    assert (echo[0], echo[-1]) == (5, 19)
