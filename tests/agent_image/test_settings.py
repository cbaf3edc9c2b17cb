import pytest

from settings import Settings, SettingsError, load_settings


def test_an_empty_environment_serves_the_offline_pipeline_on_agentcores_port() -> None:
    settings = load_settings(environ={})

    assert (settings.pipeline, settings.platform_version, settings.log_level) == ("offline", "V1", "INFO")
    assert (settings.host, settings.port, settings.reconnect_grace_seconds) == ("", 8080, 30)
    assert (settings.log_transcripts, settings.tracing) == (False, False)
    assert (settings.memory_id, settings.rooms_function) == ("", "")


def test_every_variable_is_read() -> None:
    assert load_settings(
        environ={
            "AWS_REGION": "us-east-1",
            "SWITCHBOARD_PIPELINE": "cascaded",
            "SWITCHBOARD_PLATFORM_VERSION": "V2",
            "SWITCHBOARD_LOG_LEVEL": "debug",
            "SWITCHBOARD_LOG_TRANSCRIPTS": "on",
            "SWITCHBOARD_TRACING": "on",
            "SWITCHBOARD_MODEL_ID": "amazon.nova-lite-v1:0",
            "SWITCHBOARD_MODEL_SESSION_SECONDS": "60",
            "SWITCHBOARD_SPEECH_TO_TEXT": "deepgram",
            "SWITCHBOARD_TEXT_TO_SPEECH": "cartesia",
            "SWITCHBOARD_SPEECH_SECRET_ARN": "arn:of:a:secret",
            "SWITCHBOARD_MEMORY_ID": "memory-1",
            "SWITCHBOARD_ROOMS_FUNCTION": "switchboard-dev-rooms",
            "SWITCHBOARD_RECONNECT_GRACE_SECONDS": "5",
            "HOST": "127.0.0.1",
            "PORT": "9000",
        }
    ) == Settings(
        pipeline="cascaded",
        platform_version="V2",
        log_level="DEBUG",
        log_transcripts=True,
        tracing=True,
        region="us-east-1",
        model_id="amazon.nova-lite-v1:0",
        model_session_seconds=60,
        speech_to_text="deepgram",
        text_to_speech="cartesia",
        speech_secret_arn="arn:of:a:secret",
        memory_id="memory-1",
        rooms_function="switchboard-dev-rooms",
        reconnect_grace_seconds=5,
        host="127.0.0.1",
        port=9000,
    )


def test_all_mistakes_are_named_at_once_each_with_what_is_allowed() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(
            environ={
                "SWITCHBOARD_PIPELINE": "telepathy",
                "SWITCHBOARD_PLATFORM_VERSION": "V3",
                "SWITCHBOARD_LOG_LEVEL": "chatty",
                "SWITCHBOARD_TEXT_TO_SPEECH": "gramophone",
                "SWITCHBOARD_RECONNECT_GRACE_SECONDS": "0",
                "SWITCHBOARD_MODEL_SESSION_SECONDS": "481",
                "SWITCHBOARD_TRACING": "yes",
                "PORT": "http",
            }
        )

    for sentence in (
        "SWITCHBOARD_PIPELINE: got 'telepathy', allowed are offline, cascaded, speech_to_speech",
        "SWITCHBOARD_PLATFORM_VERSION: got 'V3', allowed are V1, V2",
        "SWITCHBOARD_LOG_LEVEL: got 'CHATTY', allowed are DEBUG, INFO, WARNING, ERROR",
        "SWITCHBOARD_TEXT_TO_SPEECH: got 'gramophone', allowed are polly, cartesia",
        "SWITCHBOARD_RECONNECT_GRACE_SECONDS: got '0', allowed is a whole number from 1 to 300",
        "SWITCHBOARD_MODEL_SESSION_SECONDS: got '481', allowed is a whole number from 10 to 480",
        "SWITCHBOARD_TRACING: got 'yes', allowed are off, on",
        "PORT: got 'http', allowed is a whole number from 1 to 65535",
    ):
        assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"SWITCHBOARD_PIPELINE": "speech_to_speech"}, "SWITCHBOARD_MODEL_ID: the pipeline speech_to_speech needs"),
        ({"SWITCHBOARD_PIPELINE": "cascaded", "SWITCHBOARD_MODEL_ID": "a.model"}, "AWS_REGION: the agent calls AWS"),
        ({"SWITCHBOARD_MEMORY_ID": "memory-1"}, "AWS_REGION: the agent calls AWS"),
        ({"SWITCHBOARD_ROOMS_FUNCTION": "switchboard-dev-rooms"}, "AWS_REGION: the agent calls AWS"),
        ({"SWITCHBOARD_TRACING": "on"}, "AWS_REGION: the agent calls AWS"),
        (
            {"SWITCHBOARD_PIPELINE": "cascaded", "SWITCHBOARD_SPEECH_TO_TEXT": "deepgram"},
            "SWITCHBOARD_SPEECH_SECRET_ARN: a key is needed for deepgram",
        ),
    ],
)
def test_what_a_choice_needs_is_asked_for(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load_settings(environ=environ)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "", "８０"])
def test_a_port_outside_its_range_is_refused(port: str) -> None:
    with pytest.raises(SettingsError, match="PORT"):
        load_settings(environ={"PORT": port})
