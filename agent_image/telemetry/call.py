"""What is counted and timed of one call, from the frames that its pipeline pushes."""

import logging

from bedrock_agentcore.runtime import BedrockAgentCoreContext
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    MetricsFrame,
    TranscriptionFrame,
    TTSTextFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.observers.user_bot_latency_observer import UserBotLatencyObserver
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService

from phone import PhoneCall
from settings import Settings
from telemetry.metrics import record
from telemetry.tool_calls import ToolCalls

_logger = logging.getLogger("switchboard.transcript")


def call_observers(
    *, session_id: str | None, settings: Settings, transport: str, phone: PhoneCall | None = None
) -> list[BaseObserver]:
    """The observers of a call whose ids, and the span `call`, become those of this task."""
    watching: list[BaseObserver] = [CallMetrics(), _first_audio()]
    watching.append(ToolCalls(tracing=settings.tracing, transcripts=settings.log_transcripts))
    if settings.log_transcripts:
        watching.append(Transcript())
    if settings.tracing:
        from telemetry.call_span import CallSpan
        from telemetry.tracing import attach_ids

        attach_ids(session_id=session_id, request_id=BedrockAgentCoreContext.get_request_id())
        watching.append(
            CallSpan.begin(session_id=session_id, pipeline=settings.pipeline, transport=transport, phone=phone)
        )
    return watching


def service_kind(processor: FrameProcessor | None) -> str:
    """`stt`, `llm` or `tts`; empty for what is none of these."""
    kinds = ((STTService, "stt"), (LLMService, "llm"), (TTSService, "tts"))
    return next((name for kind, name in kinds if isinstance(processor, kind)), "")


class CallMetrics(BaseObserver):
    """Counts turns, interruptions and words, and records how long services take to answer."""

    def __init__(self) -> None:
        super().__init__(observe_every_push=False)
        self._bot_speaks = False

    async def on_push_frame(self, data: FramePushed) -> None:
        """Take what a frame says."""
        if _is_second_of_two(data):
            return
        match data.frame:
            case MetricsFrame():
                _record_first_bytes(data.frame, service=service_kind(data.source))
            case TranscriptionFrame(text=text):
                record("WordsHeard", len(text.split()), unit="Count")
            case TTSTextFrame(text=text):
                record("WordsSpoken", len(text.split()), unit="Count")
            case UserStoppedSpeakingFrame():
                record("Turns", 1, unit="Count")
            case _:
                self._follow_bot(data.frame)

    def _follow_bot(self, frame: Frame) -> None:
        match frame:
            case BotStartedSpeakingFrame():
                self._bot_speaks = True
            case BotStoppedSpeakingFrame():
                self._bot_speaks = False
            case InterruptionFrame() if self._bot_speaks:  # Pipecat pushes one whenever the caller begins to speak
                self._bot_speaks = False
                record("Interruptions", 1, unit="Count")


class Transcript(BaseObserver):
    """Writes what the caller and the agent say to the log, each turn a line."""

    def __init__(self) -> None:
        super().__init__(observe_every_push=False)
        self._words: list[str] = []

    async def on_push_frame(self, data: FramePushed) -> None:
        """Collect the agent's words until it stops speaking; the caller's come whole."""
        if _is_second_of_two(data):
            return
        match data.frame:
            case TranscriptionFrame(text=text):
                _logger.info("caller", extra={"fields": {"text": text}})
            case TTSTextFrame(text=text):
                self._words.append(text)
            case BotStoppedSpeakingFrame() | InterruptionFrame() | EndFrame() | CancelFrame() if self._words:
                _logger.info("agent", extra={"fields": {"text": " ".join(self._words)}})
                self._words = []


def _is_second_of_two(data: FramePushed) -> bool:
    """Frames that are broadcast come as two, one each way."""
    return data.frame.broadcast_sibling_id is not None and data.direction is not FrameDirection.DOWNSTREAM


def _record_first_bytes(frame: MetricsFrame, *, service: str) -> None:
    for metrics in frame.data:
        if service and isinstance(metrics, TTFBMetricsData) and metrics.value > 0:
            record("TimeToFirstByte", round(metrics.value * 1000), unit="Milliseconds", service=service)


def _first_audio() -> UserBotLatencyObserver:
    latency = UserBotLatencyObserver()

    async def measured(_: UserBotLatencyObserver, seconds: float) -> None:
        record("EndOfSpeechToFirstAudio", round(seconds * 1000), unit="Milliseconds")

    latency.add_event_handler("on_latency_measured", measured)
    return latency
