"""The echo brain: plays back what it heard as soon as the voice stops, which measures the latency of the path alone."""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VAD_START_SECS
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_processor import UserTurnProcessor
from pipecat.turns.user_turn_strategies import UserTurnStrategies

_MAX_SECONDS = 15
_BYTES_PER_SAMPLE = 2


def echo_conversation() -> list[FrameProcessor]:
    """The steps between a transport's input and output. No words are heard, so a turn ends with the voice."""
    voice_only = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0, wait_for_transcript=False)
    return [
        VADProcessor(vad_analyzer=SileroVADAnalyzer()),
        UserTurnProcessor(user_turn_strategies=UserTurnStrategies(stop=[voice_only])),
        EchoBrain(),
    ]


class EchoBrain(FrameProcessor):
    """Keeps the caller's current utterance, its last 15 seconds if it is longer, and plays it back when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self._speaking = False
        self._heard = bytearray()
        self._sample_rate = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Listen to the caller's audio and voice activity; all frames pass."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._hear(frame)
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaking = True
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._speaking = False
            await self._play_back()

    def _hear(self, frame: InputAudioRawFrame) -> None:
        # A voice is noticed some time after it started: so much is kept of what came before.
        seconds = _MAX_SECONDS if self._speaking else VAD_START_SECS
        self._sample_rate = frame.sample_rate
        self._heard += frame.audio
        del self._heard[: -int(seconds * frame.sample_rate) * _BYTES_PER_SAMPLE]

    async def _play_back(self) -> None:
        await self.push_frame(TTSStartedFrame())
        await self.push_frame(TTSAudioRawFrame(bytes(self._heard), self._sample_rate, 1))
        await self.push_frame(TTSStoppedFrame())
