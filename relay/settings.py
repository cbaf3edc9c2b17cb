"""The relay's one look at its environment; a wrong deployment fails at its start, with every mistake named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PATTERNS = {
    "AWS_REGION": (r"[a-z]{2}(-[a-z]+)+-\d", "a region, such as us-east-1"),
    "SWITCHBOARD_RUNTIME_ARN": (
        r"arn:aws(-us-gov)?:bedrock-agentcore:[a-z0-9-]+:\d{12}:runtime/[A-Za-z0-9_-]+",
        "the ARN of an AgentCore runtime",
    ),
    "SWITCHBOARD_ENDPOINT_NAME": (r"[A-Za-z][A-Za-z0-9_]{0,47}", "the name of a runtime endpoint"),
    "SWITCHBOARD_RELAY_KEY_SECRET_ARN": (
        r"arn:aws(-us-gov)?:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+",
        "a secret's ARN",
    ),
    "SWITCHBOARD_CALL_TABLE_NAME": (r"[A-Za-z0-9_.-]{3,255}", "the name of a DynamoDB table"),
}
_RANGES = {
    "PORT": (8_080, 1, 65_535),
    "SWITCHBOARD_MAX_STREAMS": (300, 1, 10_000),
}
_SERVICES = ("bedrock-agentcore", "dynamodb", "secretsmanager")
# By the service's id, not by its host: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
_ENDPOINTS = {
    "bedrock-agentcore": "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
    "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
}
# A wrong one is not quoted: a URL can hold a password, which is also why one with a user name is refused.
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")


class SettingsError(Exception):
    """The environment is wrong; the message names each variable, the value got, what is allowed and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the deployment decided. An empty `host` is every IPv4 interface; `endpoints` are base URLs by signing name.

    `metrics_service` is what the metrics go by. `ca_file` names the authorities to trust; empty, the machine's own.
    """

    region: str
    runtime_arn: str
    endpoint_name: str
    key_secret_arn: str
    table_name: str
    max_streams: int
    host: str
    port: int
    metrics_service: str
    endpoints: Mapping[str, str]
    ca_file: str


def load_settings(*, environ: Mapping[str, str]) -> Settings:
    """Read and check the environment variables; raises `SettingsError` with all mistakes at once."""
    problems: list[str] = []
    texts = {name: environ.get(name, "") for name in _PATTERNS}
    for name, (pattern, allowed) in _PATTERNS.items():
        if not re.fullmatch(pattern, texts[name]):
            problems.append(f"{name}: got {texts[name]!r}, needed {allowed}")
    counts = {name: environ.get(name, str(default)) for name, (default, _, _) in _RANGES.items()}
    for name, (default, lowest, highest) in _RANGES.items():
        if not re.fullmatch(r"[0-9]{1,9}", counts[name]) or not lowest <= int(counts[name]) <= highest:
            allowed = f"a whole number from {lowest} to {highest}; left out, it is {default}"
            problems.append(f"{name}: got {counts[name]!r}, needed {allowed}")
    endpoints = {service: _endpoint(service, region=texts["AWS_REGION"], environ=environ) for service in _SERVICES}
    for service, url in endpoints.items():
        if not _URL.fullmatch(url):
            problems.append(f"{_ENDPOINTS[service]} or AWS_ENDPOINT_URL: needed http:// or https:// with a host")
    if problems:
        raise SettingsError(
            "the relay's environment is wrong; deploy the telephony stack again, which sets it:\n  "
            + "\n  ".join(problems)
        )
    return Settings(
        region=texts["AWS_REGION"],
        runtime_arn=texts["SWITCHBOARD_RUNTIME_ARN"],
        endpoint_name=texts["SWITCHBOARD_ENDPOINT_NAME"],
        key_secret_arn=texts["SWITCHBOARD_RELAY_KEY_SECRET_ARN"],
        table_name=texts["SWITCHBOARD_CALL_TABLE_NAME"],
        max_streams=int(counts["SWITCHBOARD_MAX_STREAMS"]),
        host=environ.get("HOST", ""),
        port=int(counts["PORT"]),
        metrics_service=environ.get("SWITCHBOARD_METRICS_SERVICE") or "relay",
        endpoints={service: url.rstrip("/") for service, url in endpoints.items()},
        ca_file=environ.get("SSL_CERT_FILE", ""),
    )


def _endpoint(service: str, *, region: str, environ: Mapping[str, str]) -> str:
    named = environ.get(_ENDPOINTS[service]) or environ.get("AWS_ENDPOINT_URL")
    return named or f"https://{service}.{region or 'region'}.amazonaws.com"
