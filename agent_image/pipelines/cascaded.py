"""The pipeline of three services: Transcribe or Deepgram hears, a model of Bedrock thinks, Polly or Cartesia speaks."""

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from cascaded_services.bedrock import BedrockLLMService
from cascaded_services.call_client import load_models
from cascaded_services.polly import PollyTTSService
from cascaded_services.transcribe import TranscribeSTTService
from pipelines import Persona, Services
from secrets_manager import SpeechKeys
from settings import Settings

# The model of turns hears by the voice whether a sentence is finished, and the turn ends at once when it is. When it
# takes one for unfinished, so long a silence ends the turn all the same; Pipecat's own 3 s sound like a dropped call.
_UNFINISHED_SECONDS = 1.5


def create_services(*, settings: Settings, persona: Persona) -> Services:
    """The services of one call."""
    keys = SpeechKeys(secret_arn=settings.speech_secret_arn, region=settings.region)
    return Services(
        stt=_create_stt(settings=settings, persona=persona, keys=keys),
        llm=BedrockLLMService(region=settings.region, model_id=settings.model_id, prompt=persona.prompt),
        tts=_create_tts(settings=settings, persona=persona, keys=keys),
        turn_taking=_turn_taking(),
    )


def warm_up(*, settings: Settings) -> None:
    """Load the models of voice and turns, and botocore's of the services; import what the deployment chose."""
    _turn_taking()
    load_models("bedrock-runtime", "polly", "secretsmanager")
    if settings.speech_to_text == "deepgram":
        import cascaded_services.deepgram
    if settings.text_to_speech == "cartesia":
        import cascaded_services.cartesia  # noqa: F401


def _create_stt(*, settings: Settings, persona: Persona, keys: SpeechKeys) -> FrameProcessor:
    if settings.speech_to_text == "deepgram":
        from cascaded_services.deepgram import SecretDeepgramSTTService

        return SecretDeepgramSTTService(keys=keys, language=persona.language)
    return TranscribeSTTService(region=settings.region, language=persona.language)


def _create_tts(*, settings: Settings, persona: Persona, keys: SpeechKeys) -> FrameProcessor:
    if settings.text_to_speech == "cartesia":
        from cascaded_services.cartesia import SecretCartesiaTTSService

        return SecretCartesiaTTSService(keys=keys, voice=persona.voices["cartesia"], language=persona.language)
    return PollyTTSService(region=settings.region, voice=persona.voices["polly"])


def _turn_taking() -> LLMUserAggregatorParams:
    """A turn starts with the caller's voice, which interrupts the bot, and ends by the model of turns."""
    analyzer = LocalSmartTurnAnalyzerV3(params=SmartTurnParams(stop_secs=_UNFINISHED_SECONDS))
    return LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(),
        user_turn_strategies=UserTurnStrategies(stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=analyzer)]),
    )
