"""The speech services of the pipeline that the deployment chose, and how turns are taken with them."""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from offline_services import EspeakTTSService, MoonshineSTTService
from offline_speech import synthesize, transcribe

SAMPLE_RATE = 16_000

# How long a caller may pause within a turn, after the 0.2 s in which the voice activity detection notices a pause.
# Pipecat's model of turns judges by intonation: it takes espeak-ng's for unfinished, and adds 3 s to every turn.
_PAUSE_SECONDS = 0.5


def create_stt() -> STTService:
    """What the caller says, as text."""
    return MoonshineSTTService()


def create_tts(*, voice: str) -> TTSService:
    """What the bot says, as audio."""
    return EspeakTTSService(voice=voice)


def turn_taking() -> LLMUserAggregatorParams:
    """A turn starts with the caller's voice, which interrupts the bot, and ends with a pause and its transcript."""
    return LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(),
        user_turn_strategies=UserTurnStrategies(
            stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=_PAUSE_SECONDS)]
        ),
    )


def warm_up() -> None:
    """Load the models and use each once, so that the first caller doesn't wait for them."""
    transcribe(synthesize("One, two.", sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)
    turn_taking()
