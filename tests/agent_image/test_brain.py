from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat.tests.utils import run_test

from brain import ScriptedBrain
from echo import EchoBrain

SAMPLE_RATE = 16_000


async def reply_to(*messages: LLMContextMessage) -> list[Frame]:
    context = LLMContext([*messages])
    frames, _ = await run_test(ScriptedBrain(goodbye="So long."), frames_to_send=[LLMContextFrame(context)])
    return [*frames]


async def test_a_reply_has_the_frames_of_a_language_models() -> None:
    start, text, end = await reply_to({"role": "user", "content": "Say hello."})

    assert isinstance(start, LLMFullResponseStartFrame)
    assert isinstance(text, LLMTextFrame)
    assert text.text == "Hello."
    assert isinstance(end, LLMFullResponseEndFrame)


async def test_after_a_goodbye_the_call_ends() -> None:
    frames = await reply_to({"role": "user", "content": "Bye bye."})

    assert [type(frame) for frame in frames[2:]] == [LLMFullResponseEndFrame, EndWorkerFrame]


async def test_a_voice_without_words_is_answered_too() -> None:
    _, text, _ = await reply_to({"role": "developer", "content": "The user's turn was empty."})

    assert isinstance(text, LLMTextFrame)
    assert text.text == "Sorry, I did not hear you."


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
