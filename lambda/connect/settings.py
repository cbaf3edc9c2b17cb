"""The function's one look at its environment, taken once; a wrong deployment fails here with every mistake named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.endpoints import service_endpoint

KNOWN_TRANSPORTS = ("websocket", "webrtc", "daily")

_RUNTIME_ARN = r"arn:aws(-us-gov)?:bedrock-agentcore:[a-z0-9-]+:\d{12}:runtime/[A-Za-z0-9_-]+"
_SECRETSMANAGER_ARN = r"arn:aws(-us-gov)?:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+"
_TRANSPORTS = "({0})(,({0}))*".format("|".join(KNOWN_TRANSPORTS))


class SettingsError(Exception):
    """The environment is incomplete or wrong; the message lists each variable, the value got and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the deployment decided. The first of `transports` serves a caller who names none."""

    runtime_arn: str
    runtime_region: str
    endpoint_name: str
    session_key_secret_arn: str
    secret_region: str
    presigned_url_lifetime_seconds: int
    transports: tuple[str, ...]
    max_body_bytes: int
    authenticated: bool
    agentcore_url: str
    secrets_manager_url: str


def load_settings(*, environ: Mapping[str, str]) -> Settings:
    """Read and check the environment variables; raises `SettingsError` with all mistakes at once."""
    read = _Reader(environ=environ)
    runtime_arn = read.text("SWITCHBOARD_RUNTIME_ARN", pattern=_RUNTIME_ARN, allowed="an AgentCore runtime ARN")
    secret_arn = read.text("SWITCHBOARD_SESSION_KEY_SECRET_ARN", pattern=_SECRETSMANAGER_ARN, allowed="a secret's ARN")
    runtime_region, secret_region = _region(arn=runtime_arn), _region(arn=secret_arn)
    settings = Settings(
        runtime_arn=runtime_arn,
        runtime_region=runtime_region,
        endpoint_name=read.text(
            "SWITCHBOARD_ENDPOINT_NAME", pattern=r"[A-Za-z][A-Za-z0-9_]{0,47}", allowed="an endpoint name, as live"
        ),
        session_key_secret_arn=secret_arn,
        secret_region=secret_region,
        # AgentCore's own client signs for 300 s at most (bedrock_agentcore, MAX_PRESIGNED_URL_TIMEOUT).
        presigned_url_lifetime_seconds=read.whole_number("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", largest=300),
        transports=tuple(
            read.text(
                "SWITCHBOARD_TRANSPORTS", pattern=_TRANSPORTS, allowed=f"a comma list of {', '.join(KNOWN_TRANSPORTS)}"
            ).split(",")
        ),
        # API Gateway lets 10 MB through: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
        max_body_bytes=read.whole_number("SWITCHBOARD_MAX_BODY_BYTES", largest=10_485_760),
        authenticated=read.text(
            "SWITCHBOARD_AUTHORIZER", pattern="cognito|oidc|none", allowed="cognito, oidc or none", default="cognito"
        )
        != "none",
        agentcore_url=read.endpoint("Bedrock AgentCore", host_prefix="bedrock-agentcore", region=runtime_region),
        secrets_manager_url=read.endpoint("Secrets Manager", host_prefix="secretsmanager", region=secret_region),
    )
    read.raise_problems()
    return settings


def _region(*, arn: str) -> str:
    return arn.split(":")[3] if arn else ""


class _Reader:
    """Reads variables and collects what is wrong with them; a wrong one reads as empty until `raise_problems`."""

    def __init__(self, *, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def text(self, name: str, *, pattern: str, allowed: str, default: str = "") -> str:
        value = self._environ.get(name, default)
        if re.fullmatch(pattern, value):
            return value
        got = repr(value) if value else "nothing"
        self._problems.append(f"{name}: got {got}, needed {allowed}")
        return ""

    def whole_number(self, name: str, *, largest: int) -> int:
        allowed = f"a whole number from 1 to {largest}"
        value = int(self.text(name, pattern=r"[0-9]{1,9}", allowed=allowed) or 1)
        if not 1 <= value <= largest:
            self._problems.append(f"{name}: got {value}, needed {allowed}")
        return value

    def endpoint(self, service_id: str, *, host_prefix: str, region: str) -> str:
        try:
            return service_endpoint(
                service_id=service_id, host_prefix=host_prefix, region=region, environ=self._environ
            )
        except ValueError as error:
            self._problems.append(str(error))
            return ""

    def raise_problems(self) -> None:
        if self._problems:
            raise SettingsError(
                "the function's environment is wrong; deploy the connect stack again, which sets it:\n  "
                + "\n  ".join(dict.fromkeys(self._problems))
            )
