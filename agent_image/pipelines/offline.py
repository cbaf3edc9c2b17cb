"""The pipeline with no account and no network: Moonshine hears, a scripted brain answers, espeak-ng speaks."""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from brain import ScriptedBrain
from offline_services import EspeakTTSService, MoonshineSTTService
from offline_speech import synthesize, transcribe
from pipelines import SAMPLE_RATE, Persona, Services
from settings import Settings

# How long a caller may pause within a turn, after the 0.2 s in which the voice activity detection notices a pause.
# Pipecat's model of turns judges by intonation: it takes espeak-ng's for unfinished, and adds 3 s to every turn.
_PAUSE_SECONDS = 0.5


def create_services(*, settings: Settings, persona: Persona) -> Services:
    """The services of one call."""
    return Services(
        stt=MoonshineSTTService(),
        llm=ScriptedBrain(),
        tts=EspeakTTSService(voice=persona.voices["offline"]),
        turn_taking=_turn_taking(),
    )


def warm_up(*, settings: Settings) -> None:
    """Load the models and use each once."""
    transcribe(synthesize("One, two.", sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)
    _turn_taking()


def _turn_taking() -> LLMUserAggregatorParams:
    """A turn starts with the caller's voice, which interrupts the bot, and ends with a pause and its transcript."""
    return LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(),
        user_turn_strategies=UserTurnStrategies(
            stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=_PAUSE_SECONDS)]
        ),
    )
