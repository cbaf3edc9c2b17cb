"""The services that scenarios name as their `factory`: a judge on Bedrock, and the offline pipeline's voice and ear."""

from collections.abc import Mapping
from typing import Any

from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService

from switchboard.speech import load_speech


def judge(config: Mapping[str, str]) -> LLMService[Any]:
    """`judge.eval` with a `model`: an id or inference profile of Bedrock's, asked with the operator's credentials."""
    from pipecat.services.aws.llm import AWSBedrockLLMService

    settings = AWSBedrockLLMService.Settings(model=config["model"], temperature=0.0)
    return AWSBedrockLLMService(settings=settings, aws_region=config.get("region"))


def voice(config: Mapping[str, str]) -> TTSService:
    """`user.speech` with a `voice` of espeak-ng's."""
    load_speech()
    from offline_services import EspeakTTSService

    return EspeakTTSService(voice=config["voice"])


def ear(_config: Mapping[str, str]) -> STTService:
    """`judge.transcription`: Moonshine, tiny and English."""
    load_speech()
    from offline_services import MoonshineSTTService

    return MoonshineSTTService()
