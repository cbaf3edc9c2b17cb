"""The agent's one look at its environment; a wrong deployment fails at its start, with every mistake named."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

_PIPELINES = ("offline", "cascaded", "speech_to_speech")
_PLATFORM_VERSIONS = ("V1", "V2")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(Exception):
    """The environment is wrong; the message names each variable, the value got, what is allowed and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the deployment decided. At log level DEBUG, and only there, the logs hold what is said in a call.

    An empty `host` is every interface: 0.0.0.0, as AgentCore's contract asks, and IPv6.
    """

    pipeline: str
    platform_version: str
    log_level: str
    host: str
    port: int


def load_settings(*, environ: Mapping[str, str]) -> Settings:
    """Read and check the environment variables; raises `SettingsError` with all mistakes at once."""
    settings = Settings(
        pipeline=environ.get("SWITCHBOARD_PIPELINE", "offline"),
        platform_version=environ.get("SWITCHBOARD_PLATFORM_VERSION", "V1"),
        log_level=environ.get("SWITCHBOARD_LOG_LEVEL", "INFO").upper(),
        host=environ.get("HOST", ""),
        port=_port(environ.get("PORT", "8080")),
    )
    if problems := [*_problems(settings)]:
        raise SettingsError("the agent's environment is wrong:\n  " + "\n  ".join(problems))
    return settings


@cache
def current_settings() -> Settings:
    """The settings of this process."""
    return load_settings(environ=os.environ)


def _port(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _problems(settings: Settings) -> Iterator[str]:
    for variable, value, allowed in (
        ("SWITCHBOARD_PIPELINE", settings.pipeline, _PIPELINES),
        ("SWITCHBOARD_PLATFORM_VERSION", settings.platform_version, _PLATFORM_VERSIONS),
        ("SWITCHBOARD_LOG_LEVEL", settings.log_level, _LOG_LEVELS),
    ):
        if value not in allowed:
            yield f"{variable}: got {value!r}, allowed are {', '.join(allowed)}"
    if settings.pipeline in _PIPELINES[1:]:
        yield (
            f"SWITCHBOARD_PIPELINE: this image's bot has no {settings.pipeline!r} pipeline; "
            "deploy it with agent.pipeline=offline"
        )
    if not 1 <= settings.port <= 65_535:
        yield "PORT: allowed is a whole number from 1 to 65535; AgentCore needs 8080, the default"
