"""Amazon Polly: Pipecat's service with one client a call, speaking while it downloads."""

from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.services.aws.tts import AWSPollyTTSService
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.tracing.service_decorators import traced_tts

from cascaded_services.call_client import CallClient, classify_error, client_config

_SAMPLE_RATE = 16_000  # Polly's PCM is 8 or 16 kHz
_CHUNK_BYTES = 3_200  # 0.1 s at most; what has arrived is taken at once

# Voices of the generative engine, which sounds best; all others have the neural one.
# Source: https://docs.aws.amazon.com/polly/latest/dg/generative-voices.html (2026-11)
_GENERATIVE_VOICES = frozenset(
    {
        *("Olivia", "Amy", "Brian", "Kajal", "Niamh", "Aria", "Jasmine", "Ayanda"),
        *("Danielle", "Joanna", "Matthew", "Ruth", "Salli", "Stephen", "Tiffany"),
        *("Lea", "Remi", "Ambre", "Florian", "Isabelle", "Gabrielle", "Liam"),
        *("Vicki", "Daniel", "Lennart", "Hannah", "Sabrina", "Bianca", "Beatrice", "Lorenzo"),
        *("Lucia", "Sergio", "Mia", "Andres", "Lupe", "Pedro", "Camila", "Laura", "Lisa", "Ola", "Seoyeon"),
    }
)


class PollyTTSService(AWSPollyTTSService):
    """Speaks each sentence with a voice of Polly, by the best engine that the voice has."""

    def __init__(self, *, region: str, voice: str) -> None:
        engine = "generative" if voice in _GENERATIVE_VOICES else "neural"
        super().__init__(region=region, settings=self.Settings(voice=voice, engine=engine))
        self._voice, self._engine = voice, engine
        self._aws_session: Any = CallClient()
        self._aws_params["config"] = client_config()

    async def cleanup(self) -> None:
        """Release everything."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._aws_session.close()

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        return classify_error(exception)

    @traced_tts
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """Audio as it arrives, in whole samples; an interruption closes the download."""
        await self.start_tts_usage_metrics(text)
        try:
            async with self._aws_session.create_client("polly", **self._aws_params) as polly:
                speech = await polly.synthesize_speech(
                    Text=text,
                    TextType="text",
                    VoiceId=self._voice,
                    Engine=self._engine,
                    OutputFormat="pcm",
                    SampleRate=str(_SAMPLE_RATE),
                )
            async with speech["AudioStream"] as download:
                async for frame in self._stream_audio_frames_from_iterator(
                    download.iter_chunks(_CHUNK_BYTES), in_sample_rate=_SAMPLE_RATE, context_id=context_id
                ):
                    await self.stop_ttfb_metrics()
                    yield frame
        except (BotoCoreError, ClientError, aiohttp.ClientError, TimeoutError) as error:
            yield ErrorFrame(error=f"Amazon Polly can't speak: {error}", exception=error)
