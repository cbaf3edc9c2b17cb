"""The cascaded pipeline's services, each by itself, against its stand-in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from cascaded_services.transcribe import TranscribeSTTService
from offline_speech import synthesize
from role_credentials import aws_session
from secrets_manager import SecretError, SpeechKeys
from tests.agent_image.agent_process import until
from tests.models.cascaded import CascadedModels, run_cascaded_models
from tests.models.secrets import CARTESIA_KEY, DEEPGRAM_KEY, SECRET_ARN
from tests.models.stand_in import REGION

RATE = 16_000
FRAME_BYTES = 640
VAD_SECONDS = 0.2


@pytest_asyncio.fixture
async def models(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CascadedModels]:
    async with run_cascaded_models() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        aws_session.cache_clear()
        yield running
        aws_session.cache_clear()


@dataclass
class Hearer:
    """A running service for speech to text, and what came of it."""

    worker: PipelineWorker
    transcripts: list[TranscriptionFrame] = field(default_factory=list)
    errors: list[ErrorFrame] = field(default_factory=list)

    async def hear(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), FRAME_BYTES):
            piece = pcm[start : start + FRAME_BYTES]
            await self.worker.queue_frame(InputAudioRawFrame(audio=piece, sample_rate=RATE, num_channels=1))

    async def say(self, text: str) -> None:
        await self.worker.queue_frame(VADUserStartedSpeakingFrame())
        samples = np.frombuffer(synthesize(text, sample_rate=RATE), np.int16)
        await self.hear(np.trim_zeros(samples).tobytes())

    async def stop(self) -> None:
        """What the voice activity detection says, after so long a silence."""
        await self.hear(silence(VAD_SECONDS))
        await self.worker.queue_frame(VADUserStoppedSpeakingFrame(stop_secs=VAD_SECONDS))

    async def transcribed(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.transcripts) >= count

        await until(enough)


def silence(seconds: float) -> bytes:
    return bytes(int(seconds * RATE) * 2)


@asynccontextmanager
async def hearing(service: TranscribeSTTService) -> AsyncIterator[Hearer]:
    class Notes(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, TranscriptionFrame):
                hearer.transcripts.append(frame)
            await self.push_frame(frame, direction)

    worker = PipelineWorker(Pipeline([service, Notes()]), params=PipelineParams(audio_in_sample_rate=RATE))
    hearer = Hearer(worker)
    service.add_event_handler("on_error", lambda _, error: hearer.errors.append(error))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        yield hearer
    finally:
        await worker.queue_frame(EndFrame())
        await running


async def test_only_a_transcript_that_reaches_the_end_of_the_voice_is_final_for_the_turn(
    models: CascadedModels,
) -> None:
    async with hearing(TranscribeSTTService(region=REGION, language="en-US")) as hearer:
        # Transcribe takes a pause for the end of a segment, in which Pipecat heard none.
        await hearer.say("Please repeat, I like music very much.")
        await hearer.hear(silence(models.transcribe.pause_seconds))
        await hearer.transcribed(1)
        await hearer.say("Please count to twenty.")
        await hearer.stop()
        await hearer.hear(silence(models.transcribe.pause_seconds))
        await hearer.transcribed(2)

    assert [transcript.finalized for transcript in hearer.transcripts] == [False, True]
    assert "music" in hearer.transcripts[0].text
    assert "twenty" in hearer.transcripts[1].text


async def test_a_muted_caller_keeps_the_stream(models: CascadedModels) -> None:
    models.transcribe.idle_seconds = 0.6
    async with hearing(TranscribeSTTService(region=REGION, language="en-US", silent_after_seconds=0.2)) as hearer:
        await asyncio.sleep(3 * models.transcribe.idle_seconds)
        await hearer.say("Please count to twenty.")
        await hearer.stop()
        await hearer.hear(silence(models.transcribe.pause_seconds))
        await hearer.transcribed(1)

    assert models.transcribe.ends == ["ended"]
    assert not hearer.errors


async def test_a_stream_is_renewed_before_transcribe_ends_it(models: CascadedModels) -> None:
    models.transcribe.stream_seconds = 2.0
    async with hearing(TranscribeSTTService(region=REGION, language="en-US", stream_seconds=0.8)) as hearer:
        await until(lambda: _connected(models, times=4))
        await hearer.say("Please count to twenty.")
        await hearer.stop()
        await hearer.hear(silence(models.transcribe.pause_seconds))
        await hearer.transcribed(1)

    assert set(models.transcribe.ends) == {"ended"}
    assert not hearer.errors


async def test_a_lost_connection_comes_back_with_fresh_keys(models: CascadedModels) -> None:
    async with hearing(TranscribeSTTService(region=REGION, language="en-US")) as hearer:
        await until(lambda: _connected(models, times=1))
        models.credentials.expire_now()
        models.transcribe.failing = "broken"
        await hearer.hear(silence(0.1))
        await until(lambda: _connected(models, times=2))
        await hearer.say("Please count to twenty.")
        await hearer.stop()
        await hearer.hear(silence(models.transcribe.pause_seconds))
        await hearer.transcribed(1)

    first, second = models.transcribe.keys
    assert first != second
    assert not hearer.errors


async def test_both_keys_come_from_one_reading_of_the_secret(models: CascadedModels) -> None:
    keys = SpeechKeys(secret_arn=SECRET_ARN, region=REGION)
    got = await asyncio.gather(keys.key("deepgramApiKey"), keys.key("cartesiaApiKey"))

    assert [*got] == [DEEPGRAM_KEY, CARTESIA_KEY]
    assert len(models.secrets.requests) == 1


@pytest.mark.parametrize(
    "secret", ["a key, not JSON", "[]", "{}", json.dumps({"deepgramApiKey": ""}), json.dumps({"deepgramApiKey": 1})]
)
async def test_a_wrong_secret_is_explained_without_its_content(models: CascadedModels, secret: str) -> None:
    models.secrets.secret = secret

    with pytest.raises(SecretError) as error:
        await SpeechKeys(secret_arn=SECRET_ARN, region=REGION).key("deepgramApiKey")

    assert str(error.value) == f"the secret {SECRET_ARN} must be a JSON object with a text named deepgramApiKey"
    assert error.value.__cause__ is None


async def _connected(models: CascadedModels, *, times: int) -> bool:
    return len(models.transcribe.keys) >= times
