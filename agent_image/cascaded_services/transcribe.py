"""Amazon Transcribe: Pipecat's service with role credentials, an endpoint, an end of turns and long calls."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import BotoCoreError, NoCredentialsError
from pipecat.frames.frames import (
    Frame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.aws.stt import AWSTranscribeSTTService
from pipecat.services.aws.utils import build_event_message
from pipecat.utils.errors import ErrorCategory
from websockets import Subprotocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from role_credentials import aws_session

_PATH = "/stream-transcription-websocket"
# The maximum: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html. It is used at once.
_SIGNATURE_SECONDS = 300
_OPEN_SECONDS = 5.0
# Transcribe ends a stream that gets no audio for 15 s, as from a caller who has muted the microphone: silence keeps it.
_SILENT_AFTER_SECONDS = 5.0
# It ends every stream after 4 hours, and a session has 8: https://docs.aws.amazon.com/general/latest/gr/transcribe.html
_STREAM_SECONDS = 3.9 * 3600
_RECONNECT_SECONDS = 0.5, 2.0

# How much earlier than the voice activity detection Transcribe may place the end of the last word.
_END_TOLERANCE_SECONDS = 0.5


class TranscribeSTTService(AWSTranscribeSTTService):
    """Hears through one WebSocket of Transcribe, at 16 kHz.

    A turn of Pipecat's waits `ttfs_p99_latency`, 1.9 s for Transcribe, unless a transcript is marked `finalized`:
    nothing more will come for what was said. Transcribe makes a weaker promise. `IsPartial` false ends a segment,
    and it cuts segments at pauses of its own choice, so a turn may hold several
    (https://docs.aws.amazon.com/transcribe/latest/dg/streaming-partial-results.html). Marking them all would end turns
    in the middle (https://github.com/pipecat-ai/pipecat/pull/5042 is about the same mistake). But each result also says
    up to which second of the audio it reaches. One that reaches the end of the caller's voice is final for the turn;
    for any other, the 1.9 s that Pipecat measured remain.
    """

    def __init__(
        self,
        *,
        region: str,
        language: str,
        silent_after_seconds: float = _SILENT_AFTER_SECONDS,
        stream_seconds: float = _STREAM_SECONDS,
    ) -> None:
        minimum, maximum = _RECONNECT_SECONDS
        super().__init__(
            region=region,
            settings=self.Settings(language=language),
            keepalive_timeout=silent_after_seconds,
            keepalive_interval=silent_after_seconds / 2,
            reconnect_backoff_min_wait=minimum,
            reconnect_backoff_max_wait=maximum,
        )
        self._region, self._language = region, language
        self._stream_seconds = stream_seconds
        self._renewing: asyncio.Task[None] | None = None
        self._sent_seconds = 0.0  # of audio, on this connection: Transcribe's clock
        self._voice_ended_at: float | None = None  # on that clock; None while the caller speaks

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Connect, and renew the connection before Transcribe ends it."""
        await super().setup(setup)
        self._renewing = self.create_task(self._renew())

    async def cleanup(self) -> None:
        """Release everything."""
        if self._renewing:
            await self.cancel_task(self._renewing)
            self._renewing = None
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send audio: PCM16 mono. The transcripts come by themselves."""
        self._count(audio)
        async for frame in super().run_stt(audio):
            yield frame

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Push a frame; a transcript that reaches the end of the caller's voice is finalized."""
        if isinstance(frame, TranscriptionFrame):
            frame.finalized = self._reaches_the_end(frame.result or {})
        await super().push_frame(frame, direction)

    def _reaches_the_end(self, result: Mapping[str, Any]) -> bool:
        ended_at = self._voice_ended_at
        return ended_at is not None and result.get("EndTime", 0.0) >= ended_at - _END_TOLERANCE_SECONDS

    async def _handle_vad_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        self._voice_ended_at = None
        await super()._handle_vad_user_started_speaking(frame)

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._voice_ended_at = self._sent_seconds - frame.stop_secs
        await super()._handle_vad_user_stopped_speaking(frame)

    async def _send_keepalive(self, silence: bytes) -> None:
        self._count(silence)
        await self._get_websocket().send(build_event_message(silence))  # type: ignore[no-untyped-call]
        self._record_stt_audio_usage(silence)

    def _count(self, audio: bytes) -> None:
        if self._websocket and self._websocket.state is State.OPEN:
            self._sent_seconds += len(audio) / 2 / self.sample_rate

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        return None  # a refused handshake is a refusal: unlike Pipecat's, its keys were fresh

    async def _disconnect(self) -> None:
        self._disconnecting = True  # so that nothing connects again
        if self._websocket and self._websocket.state is State.OPEN:
            with suppress(ConnectionClosed):
                await self._websocket.send(build_event_message(b""))  # the end of the audio, as Transcribe wants it
        # Closed before Pipecat, which would send an end in JSON: Transcribe refuses that.
        await self._disconnect_websocket()  # type: ignore[no-untyped-call]
        await super()._disconnect()  # type: ignore[no-untyped-call]

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._stream_seconds)
            # Waits for the end of the caller's turn, and loses no audio.
            await self._request_reconnect()  # type: ignore[no-untyped-call]

    async def _connect_websocket(self) -> None:
        if self._websocket and self._websocket.state is State.OPEN:
            return
        try:
            self._websocket = await self._websocket_connect(
                await self._signed_url(),
                origin="https://localhost",
                subprotocols=[Subprotocol("mqtt")],
                open_timeout=_OPEN_SECONDS,
                ping_interval=None,
                compression=None,
            )
        except (OSError, InvalidHandshake, BotoCoreError) as error:
            self._websocket = None
            await self.push_error(error_msg=f"Amazon Transcribe can't be reached: {error}", exception=error)
            return
        self._sent_seconds, self._voice_ended_at = 0.0, None
        await self._call_event_handler("on_connected")

    async def _signed_url(self) -> str:
        """A pre-signed URL, made with the keys of this moment: with expired ones the handshake is refused."""
        credentials = await aws_session().get_credentials()
        if credentials is None:
            raise NoCredentialsError
        query = {
            "language-code": self._language,
            "media-encoding": "pcm",
            "sample-rate": str(self.sample_rate),
            "enable-partial-results-stabilization": "true",
            "partial-results-stability": "high",
        }
        request = AWSRequest("GET", f"{_endpoint(self._region)}{_PATH}?{urlencode(query)}")
        keys = await credentials.get_frozen_credentials()
        SigV4QueryAuth(keys, "transcribe", self._region, expires=_SIGNATURE_SECONDS).add_auth(request)
        return f"ws{str(request.url).removeprefix('http')}"


def _endpoint(region: str) -> str:
    """AWS's endpoint (http or https), unless the environment names another as botocore's rules have it."""
    configured: Any = ConfiguredEndpointProvider(
        full_config={}, scoped_config={}, client_name="transcribe-streaming"
    ).provide()
    return configured or f"https://transcribestreaming.{region}.amazonaws.com:8443"
