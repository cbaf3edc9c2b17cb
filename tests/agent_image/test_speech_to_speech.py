"""The pipeline as a deployment chooses it."""

import pytest

from pipelines import Persona, speech_to_speech
from settings import Settings, SettingsError, load_settings


def settings(model_id: str) -> Settings:
    return load_settings(
        environ={
            "SWITCHBOARD_PIPELINE": "speech_to_speech",
            "SWITCHBOARD_MODEL_ID": model_id,
            "AWS_REGION": "us-east-1",
        }
    )


def test_the_first_generation_is_refused_with_the_reason() -> None:
    with pytest.raises(
        SettingsError, match=r"amazon.nova-sonic-v1:0.*end of life on 2026-09-14.*amazon.nova-2-5-sonic"
    ):
        speech_to_speech.warm_up(settings=settings("amazon.nova-sonic-v1:0"))
    speech_to_speech.warm_up(settings=settings("amazon.nova-2-5-sonic"))


def test_the_model_hears_and_speaks_itself_as_the_persona_says() -> None:
    persona = Persona(prompt="Be brief.", voices={"speech_to_speech": "tiffany"}, tools=(), goodbye="Bye.")
    services = speech_to_speech.create_services(settings=settings("amazon.nova-2-5-sonic"), persona=persona)

    assert services.stt is services.tts is None
    llm = services.llm
    assert (llm._settings.model, llm._settings.system_instruction) == ("amazon.nova-2-5-sonic", "Be brief.")
    assert services.turn_taking.vad_analyzer is not None, "clients and traces hear of turns from the agent"
