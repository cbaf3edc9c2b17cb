"""The function's one look at its environment, taken once; a wrong deployment fails here with every mistake named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.environment import Reader, SettingsError
from shared.runtime import RuntimeTarget, read_runtime
from shared.secret_reference import SecretReference

if TYPE_CHECKING:
    from connect.turn_settings import TurnSettings
    from shared.daily.settings import DailySettings

__all__ = ["KNOWN_TRANSPORTS", "Settings", "SettingsError", "load_settings"]

KNOWN_TRANSPORTS = ("websocket", "webrtc", "daily")

_TRANSPORTS = "({0})(,({0}))*".format("|".join(KNOWN_TRANSPORTS))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the deployment decided. The first of `transports` serves a caller who names none.

    `turn` is where the ICE servers of WebRTC come from, `daily` what rooms are made like; each is None without its
    transport. With `memory`, the agent is told whose call it is.
    """

    runtime: RuntimeTarget
    session_key: SecretReference
    presigned_url_lifetime_seconds: int
    transports: tuple[str, ...]
    max_body_bytes: int
    authenticated: bool
    memory: bool
    turn: "TurnSettings | None"
    daily: "DailySettings | None"


def load_settings(*, environ: Mapping[str, str]) -> Settings:
    """Read and check the environment variables; raises `SettingsError` with all mistakes at once."""
    read = Reader(environ=environ)
    transports = tuple(
        read.text(
            "SWITCHBOARD_TRANSPORTS", pattern=_TRANSPORTS, allowed=f"a comma list of {', '.join(KNOWN_TRANSPORTS)}"
        ).split(",")
    )
    settings = Settings(
        runtime=read_runtime(read=read),
        session_key=read.secret("SWITCHBOARD_SESSION_KEY_SECRET_ARN"),
        # AgentCore's own client signs for 300 s at most (bedrock_agentcore, MAX_PRESIGNED_URL_TIMEOUT).
        presigned_url_lifetime_seconds=read.whole_number("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", largest=300),
        transports=transports,
        # API Gateway lets 10 MB through: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
        max_body_bytes=read.whole_number("SWITCHBOARD_MAX_BODY_BYTES", largest=10_485_760),
        authenticated=read.text(
            "SWITCHBOARD_AUTHORIZER", pattern="cognito|oidc|none", allowed="cognito, oidc or none", default="cognito"
        )
        != "none",
        memory=read.text("SWITCHBOARD_MEMORY", pattern="on|off", allowed="on or off", default="off") == "on",
        turn=_turn(read=read) if "webrtc" in transports else None,
        daily=_daily(read=read) if "daily" in transports else None,
    )
    read.raise_problems()
    return settings


def _turn(*, read: Reader) -> "TurnSettings":
    from connect.turn_settings import (
        read_turn_settings,
    )  # here, so that a deployment without WebRTC doesn't wait for it

    return read_turn_settings(read=read)


def _daily(*, read: Reader) -> "DailySettings":
    from shared.daily.settings import read_daily  # here, so that a deployment without Daily doesn't wait for it

    return read_daily(read=read)
