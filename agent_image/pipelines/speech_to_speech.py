"""The pipeline of one model that hears, thinks and speaks: Amazon Nova Sonic."""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from nova_sonic.service import NovaSonicService
from pipelines import SAMPLE_RATE, Persona, Services
from settings import Settings, SettingsError

_PAST_END_OF_LIFE = {"amazon.nova-sonic-v1:0": "2026-09-14"}


def create_services(*, settings: Settings, persona: Persona) -> Services:
    """The services of one call."""
    return Services(
        stt=None,
        llm=NovaSonicService(
            region=settings.region,
            session_seconds=settings.model_session_seconds,
            sample_rate=SAMPLE_RATE,
            settings=NovaSonicService.Settings(
                model=settings.model_id,
                voice=persona.voices["speech_to_speech"],
                system_instruction=persona.prompt,
            ),
        ),
        tts=None,
        turn_taking=_turn_taking(),
    )


def warm_up(*, settings: Settings) -> None:
    """Load the models. Raises `SettingsError` for a model that is no more."""
    if ended := _PAST_END_OF_LIFE.get(settings.model_id):
        raise SettingsError(
            f"SWITCHBOARD_MODEL_ID: got {settings.model_id!r}, which reached its end of life on {ended}; "
            "allowed are its successors, as amazon.nova-2-5-sonic and amazon.nova-2-sonic-v1:0"
        )
    _turn_taking()


def _turn_taking() -> LLMUserAggregatorParams:
    """The model itself decides on turns; the local voice activity cuts the bot short, and tells clients and traces."""
    return LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(),
        user_turn_strategies=UserTurnStrategies(
            start=[VADUserTurnStartStrategy()],
            stop=[SpeechTimeoutUserTurnStopStrategy(wait_for_transcript=False)],
        ),
    )
