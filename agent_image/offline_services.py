"""Pipecat services around the offline speech: Moonshine hears, espeak-ng speaks."""

import asyncio
from collections.abc import AsyncGenerator

from pipecat.frames.frames import Frame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from offline_speech import synthesize, transcribe

# From the end of speech to its transcript, on two x86-64 cores: 0.34 s as a median, nearly always less than this.
_MOONSHINE_TTFS_P99_SECONDS = 0.8


class MoonshineSTTService(SegmentedSTTService):
    """Hears each stretch of speech as a whole, in a thread, as soon as the voice stops."""

    def __init__(self) -> None:
        super().__init__(
            ttfs_p99_latency=_MOONSHINE_TTFS_P99_SECONDS, settings=STTSettings(model="tiny-en", language="en")
        )

    @property
    def wants_wav_segments(self) -> bool:
        """False: bare PCM16."""
        return False

    def can_generate_metrics(self) -> bool:
        """True: how long hearing takes is reported."""
        return True

    async def cleanup(self) -> None:
        """Also end what a pipeline leaves behind that is cancelled while it starts: Pipecat ends it only later."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._cancel_segment_task()  # type: ignore[no-untyped-call]

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """One transcription, or none when nothing was said."""
        await self.start_processing_metrics()
        text = await asyncio.to_thread(transcribe, audio, sample_rate=self.sample_rate)
        await self.stop_processing_metrics()
        if text:
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())


class EspeakTTSService(TTSService):
    """Speaks each sentence as a whole, in a thread: a second of speech is ready in about a millisecond."""

    def __init__(self, *, voice: str) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=voice, language=None),
        )
        self._voice = voice

    def can_generate_metrics(self) -> bool:
        """True: how long speaking takes to start is reported."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """One frame of audio, which the transport sends piece by piece and drops when the caller interrupts."""
        await self.start_tts_usage_metrics(text)
        pcm = await asyncio.to_thread(synthesize, text, sample_rate=self.sample_rate, voice=self._voice)
        await self.stop_ttfb_metrics()
        yield TTSAudioRawFrame(pcm, self.sample_rate, 1, context_id=context_id)
