"""The one place where a call's pipeline is chosen: how the agent hears, thinks and speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipecat.adapters.llm.schemas.direct_function import DirectFunction
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService

from settings import Settings

SAMPLE_RATE = 16_000  # Hz: every pipeline hears and speaks PCM16 mono at this rate


@dataclass(frozen=True, kw_only=True)
class Persona:
    """What bot.py decides. `voices` are by pipeline, and for the cascaded one by its service: polly, cartesia."""

    prompt: str
    voices: Mapping[str, str]
    tools: tuple[DirectFunction, ...]
    goodbye: str
    language: str = "en-US"  # BCP 47: what is heard and spoken


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services of one call; `stt` and `tts` are None where the model itself hears and speaks."""

    stt: FrameProcessor | None
    llm: LLMService[Any]
    tts: FrameProcessor | None
    turn_taking: LLMUserAggregatorParams


def create_services(*, settings: Settings, persona: Persona) -> Services:
    """The services that the deployment chose (SWITCHBOARD_PIPELINE), for one call."""
    match settings.pipeline:
        case "offline":
            from pipelines import offline

            return offline.create_services(settings=settings, persona=persona)
        case "cascaded":
            from pipelines import cascaded

            return cascaded.create_services(settings=settings, persona=persona)
        case "speech_to_speech":
            from pipelines import speech_to_speech

            return speech_to_speech.create_services(settings=settings, persona=persona)
    raise _unknown(settings.pipeline)


def warm_up(*, settings: Settings) -> None:
    """Load that pipeline's models, so that the first caller doesn't wait for them. Nothing is connected."""
    match settings.pipeline:
        case "offline":
            from pipelines import offline

            return offline.warm_up(settings=settings)
        case "cascaded":
            from pipelines import cascaded

            return cascaded.warm_up(settings=settings)
        case "speech_to_speech":
            from pipelines import speech_to_speech

            return speech_to_speech.warm_up(settings=settings)
    raise _unknown(settings.pipeline)


def _unknown(pipeline: str) -> ValueError:
    return ValueError(f"pipeline: got {pipeline!r}, allowed are offline, cascaded, speech_to_speech")
