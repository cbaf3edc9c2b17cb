"""Pipecat's service for Nova Sonic, on role credentials and with streams that follow one another."""

from functools import partial
from typing import Any

from pipecat.adapters.llm.services.aws_nova_sonic_adapter import Role
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    LLMRunFrame,
    LLMServiceMetadataFrame,
    StartFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame
from pipecat.services.aws.nova_sonic.llm import AudioConfig, AWSNovaSonicLLMService
from pipecat.services.aws.nova_sonic.session_continuation import SessionContinuationParams
from pipecat.utils.errors import ErrorCategory

from nova_sonic.bedrock import ModelUnavailableError, open_stream
from nova_sonic.endless_stream import EndlessStream

_SAY_EXACTLY = "Say exactly this to me, and nothing else: "


class NovaSonicService(AWSNovaSonicLLMService):
    """Nova Sonic, whose stream `EndlessStream` keeps; Pipecat's own continuation is off.

    That one sends a forced change's history to a stream that it then forgets, and it begins anew without what the
    caller was saying when the model ends a stream early (Pipecat 1.14).
    """

    def __init__(self, *, region: str, session_seconds: float, sample_rate: int, settings: Any) -> None:
        super().__init__(
            access_key_id="",
            secret_access_key="",
            region=region,
            audio_config=AudioConfig(input_sample_rate=sample_rate, output_sample_rate=sample_rate),
            settings=settings,
            session_continuation=SessionContinuationParams(enabled=False),
        )
        self._session_seconds = session_seconds
        self._endless: EndlessStream | None = None
        self._gave_up = False

    def create_client(self) -> Any:
        """What stands for a client of Bedrock: Pipecat asks it for a stream, and needs nothing else of it."""
        return self

    async def invoke_model_with_bidirectional_stream(self, request: Any) -> EndlessStream:
        """The stream of this call."""
        self._endless = EndlessStream(
            partial(open_stream, model_id=request.model_id, region=self._region),
            session_seconds=self._session_seconds,
        )
        return self._endless

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Say what a `TTSSpeakFrame` asks for: here the model is also what speaks. All else is Pipecat's."""
        if isinstance(frame, TTSSpeakFrame):
            await self._send_text_event(f"{_SAY_EXACTLY}{frame.text}", Role.USER, interactive=True)
            return
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            # Pipecat connects when it gets a context, and else gets the first one after the caller's first turn.
            await self.push_frame(LLMRunFrame(), FrameDirection.UPSTREAM)
        elif isinstance(frame, RTVISendTextFrame):  # typed by the caller: the context alone would not reach the model
            await self._send_text_event(frame.text, Role.USER, interactive=True)
        elif self._endless and isinstance(frame, VADUserStartedSpeakingFrame):
            self._endless.audio.speech_started()
        elif self._endless and isinstance(frame, VADUserStoppedSpeakingFrame):
            self._endless.audio.speech_stopped()

    def service_metadata_frame(self) -> LLMServiceMetadataFrame:
        """What Pipecat says of it, without its warning: the pipeline has a voice activity detection of its own."""
        return LLMServiceMetadataFrame(service_name=self.name, is_realtime_service=True)

    async def push_error_frame(self, error: ErrorFrame, force_treat_as_permanent: bool = False) -> None:
        """Report an error; when the model can't go on, as one that stays."""
        self._gave_up |= isinstance(error.exception, ModelUnavailableError)
        await super().push_error_frame(error, force_treat_as_permanent or self._gave_up)

    async def reset_conversation(self) -> None:
        """Begin anew, unless the stream itself has tried that in vain."""
        if not self._gave_up:
            await super().reset_conversation()  # type: ignore[no-untyped-call]

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        if isinstance(exception, ModelUnavailableError):
            return exception.category
        return super()._classify_error(exception)
