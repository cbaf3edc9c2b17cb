"""The agent's one look at its environment; a wrong deployment fails at its start, with every mistake named."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

_CHOICES = {
    "SWITCHBOARD_PIPELINE": ("offline", "cascaded", "speech_to_speech"),
    "SWITCHBOARD_PLATFORM_VERSION": ("V1", "V2"),
    "SWITCHBOARD_LOG_LEVEL": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "SWITCHBOARD_SPEECH_TO_TEXT": ("transcribe", "deepgram"),
    "SWITCHBOARD_TEXT_TO_SPEECH": ("polly", "cartesia"),
    "SWITCHBOARD_LOG_TRANSCRIPTS": ("off", "on"),
    "SWITCHBOARD_TRACING": ("off", "on"),
}
_RANGES = {
    # AgentCore needs 8080.
    "PORT": (8_080, 1, 65_535),
    # A stream of Nova Sonic lasts 8 minutes: https://docs.aws.amazon.com/nova/latest/userguide/speech.html
    "SWITCHBOARD_MODEL_SESSION_SECONDS": (480, 10, 480),
    "SWITCHBOARD_RECONNECT_GRACE_SECONDS": (30, 1, 300),
}


class SettingsError(Exception):
    """The environment is wrong; the message names each variable, the value got, what is allowed and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the deployment decided. An empty `host` is every interface: 0.0.0.0, as AgentCore asks, and IPv6.

    `region`, `model_id`, `speech_secret_arn`, `memory_id` and `rooms_function`, whose deployment has Daily rooms, are
    empty where the deployment has no use for them.
    """

    pipeline: str
    platform_version: str
    log_level: str
    log_transcripts: bool
    tracing: bool
    region: str
    model_id: str
    model_session_seconds: int
    speech_to_text: str
    text_to_speech: str
    speech_secret_arn: str
    memory_id: str
    rooms_function: str
    reconnect_grace_seconds: int
    host: str
    port: int


def load_settings(*, environ: Mapping[str, str]) -> Settings:
    """Read and check the environment variables; raises `SettingsError` with all mistakes at once."""
    chosen = {name: environ.get(name, allowed[0]) for name, allowed in _CHOICES.items()}
    chosen["SWITCHBOARD_PLATFORM_VERSION"] = environ.get("SWITCHBOARD_PLATFORM_VERSION", "V1")
    chosen["SWITCHBOARD_LOG_LEVEL"] = environ.get("SWITCHBOARD_LOG_LEVEL", "INFO").upper()
    counts = {name: _count(environ.get(name, str(default))) for name, (default, _, _) in _RANGES.items()}
    settings = Settings(
        pipeline=chosen["SWITCHBOARD_PIPELINE"],
        platform_version=chosen["SWITCHBOARD_PLATFORM_VERSION"],
        log_level=chosen["SWITCHBOARD_LOG_LEVEL"],
        log_transcripts=chosen["SWITCHBOARD_LOG_TRANSCRIPTS"] == "on",
        tracing=chosen["SWITCHBOARD_TRACING"] == "on",
        region=environ.get("AWS_REGION", ""),
        model_id=environ.get("SWITCHBOARD_MODEL_ID", ""),
        model_session_seconds=counts["SWITCHBOARD_MODEL_SESSION_SECONDS"],
        speech_to_text=chosen["SWITCHBOARD_SPEECH_TO_TEXT"],
        text_to_speech=chosen["SWITCHBOARD_TEXT_TO_SPEECH"],
        speech_secret_arn=environ.get("SWITCHBOARD_SPEECH_SECRET_ARN", ""),
        memory_id=environ.get("SWITCHBOARD_MEMORY_ID", ""),
        rooms_function=environ.get("SWITCHBOARD_ROOMS_FUNCTION", ""),
        reconnect_grace_seconds=counts["SWITCHBOARD_RECONNECT_GRACE_SECONDS"],
        host=environ.get("HOST", ""),
        port=counts["PORT"],
    )
    if problems := [*_wrong_choices(chosen), *_wrong_counts(counts, environ), *_missing(settings)]:
        raise SettingsError("the agent's environment is wrong:\n  " + "\n  ".join(problems))
    return settings


@cache
def current_settings() -> Settings:
    """The settings of this process."""
    return load_settings(environ=os.environ)


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1


def _wrong_choices(chosen: Mapping[str, str]) -> Iterator[str]:
    for name, value in chosen.items():
        if value not in _CHOICES[name]:
            yield f"{name}: got {value!r}, allowed are {', '.join(_CHOICES[name])}"


def _wrong_counts(counts: Mapping[str, int], environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in counts.items():
        default, lowest, highest = _RANGES[name]
        if not lowest <= value <= highest:
            yield (
                f"{name}: got {environ[name]!r}, allowed is a whole number from {lowest} to {highest}; "
                f"left out, it is {default}"
            )


def _missing(settings: Settings) -> Iterator[str]:
    models = settings.pipeline in ("cascaded", "speech_to_speech")
    if models and not settings.model_id:
        yield f"SWITCHBOARD_MODEL_ID: the pipeline {settings.pipeline} needs a model of Bedrock; set its id"
    if (models or settings.memory_id or settings.rooms_function or settings.tracing) and not settings.region:
        yield "AWS_REGION: the agent calls AWS, so it needs the region; AgentCore's stack sets it"
    strangers = {settings.speech_to_text, settings.text_to_speech} & {"deepgram", "cartesia"}
    if settings.pipeline == "cascaded" and strangers and not settings.speech_secret_arn:
        yield (
            f"SWITCHBOARD_SPEECH_SECRET_ARN: a key is needed for {' and '.join(sorted(strangers))}; "
            "set the ARN of the secret that holds it"
        )
