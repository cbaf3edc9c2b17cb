import pytest

from settings import Settings, SettingsError, load_settings


def test_an_empty_environment_serves_the_offline_pipeline_on_agentcores_port() -> None:
    assert load_settings(environ={}) == Settings(
        pipeline="offline", platform_version="V1", log_level="INFO", host="", port=8080
    )


def test_every_variable_is_read() -> None:
    settings = load_settings(
        environ={
            "SWITCHBOARD_PLATFORM_VERSION": "V2",
            "SWITCHBOARD_LOG_LEVEL": "debug",
            "HOST": "127.0.0.1",
            "PORT": "9000",
        }
    )

    assert (settings.platform_version, settings.log_level) == ("V2", "DEBUG")
    assert (settings.host, settings.port) == ("127.0.0.1", 9000)


def test_all_mistakes_are_named_at_once_each_with_what_is_allowed() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(
            environ={
                "SWITCHBOARD_PIPELINE": "telepathy",
                "SWITCHBOARD_PLATFORM_VERSION": "V3",
                "SWITCHBOARD_LOG_LEVEL": "chatty",
                "PORT": "http",
            }
        )

    for sentence in (
        "SWITCHBOARD_PIPELINE: got 'telepathy', allowed are offline, cascaded, speech_to_speech",
        "SWITCHBOARD_PLATFORM_VERSION: got 'V3', allowed are V1, V2",
        "SWITCHBOARD_LOG_LEVEL: got 'CHATTY', allowed are DEBUG, INFO, WARNING, ERROR",
        "PORT: allowed is a whole number from 1 to 65535",
    ):
        assert sentence in str(error.value)


@pytest.mark.parametrize("pipeline", ["cascaded", "speech_to_speech"])
def test_a_pipeline_that_this_image_lacks_says_what_to_deploy(pipeline: str) -> None:
    with pytest.raises(SettingsError, match=f"no '{pipeline}' pipeline; deploy it with agent.pipeline=offline"):
        load_settings(environ={"SWITCHBOARD_PIPELINE": pipeline})


@pytest.mark.parametrize("port", ["0", "65536", "-1", "", "８０"])
def test_a_port_outside_its_range_is_refused(port: str) -> None:
    with pytest.raises(SettingsError, match="PORT"):
        load_settings(environ={"PORT": port})
