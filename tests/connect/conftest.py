"""A deployed function in miniature: its environment, the AWS services it calls, and a caller."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from connect.settings import Settings, load_settings
from shared import secret_cache
from tests.connect.aws_stub import AwsStub, running

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN//////////8Q+a/b=="
SESSION_KEY = "p" * 16 + "Q" * 16 + "-the-session-key"
POWERTOOLS = {
    "POWERTOOLS_SERVICE_NAME": "connect",
    "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
VARIABLES = {
    "SWITCHBOARD_RUNTIME_ARN": "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/switchboard_dev-a1b2C3d4E5",
    "SWITCHBOARD_ENDPOINT_NAME": "live",
    "SWITCHBOARD_SESSION_KEY_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:session-key-AbCdEf",
    "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "60",
    "SWITCHBOARD_TRANSPORTS": "websocket",
    "SWITCHBOARD_MAX_BODY_BYTES": "4096",
    "SWITCHBOARD_AUTHORIZER": "cognito",
}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": SESSION_TOKEN,
}
FOREIGN_VARIABLES = (
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
)


@dataclass(frozen=True)
class LambdaContext:
    function_name: str = "connect"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:connect"
    aws_request_id: str = "lambda-request-1"


@dataclass(frozen=True, kw_only=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def session_id(self) -> str:
        return self.headers["switchboard-session-id"]

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


class Function:
    """The function as API Gateway calls it."""

    def __init__(self, *, module: ModuleType) -> None:
        self.module = module

    def invoke(self, event: dict[str, Any]) -> Answered:
        response = self.module.handler(event, LambdaContext())
        body = json.loads(response["body"]) if "body" in response else {}
        return Answered(status=response["statusCode"], headers=response["headers"], body=body)

    def start(self, body: str | None = None, *, subject: str | None = "ann", base64_encoded: bool = False) -> Answered:
        return self.invoke(api_event(route="POST /start", subject=subject, body=body, base64_encoded=base64_encoded))

    def stop(self, session_id: str, *, subject: str | None = "ann") -> Answered:
        return self.invoke(api_event(route="DELETE /sessions/{session_id}", subject=subject, session_id=session_id))


def api_event(
    *,
    route: str,
    subject: str | None = "ann",
    body: str | None = None,
    base64_encoded: bool = False,
    session_id: str | None = None,
    method: str | None = None,
) -> dict[str, Any]:
    """An event of payload format 2.0, with the fields that API Gateway documents."""
    own_method, _, path = route.partition(" ")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "headers": {"authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.THE-CALLERS-TOKEN.c2ln"},
        "requestContext": {"requestId": "api-request-1", "http": {"method": method or own_method, "path": path}},
        "isBase64Encoded": base64_encoded,
    }
    if body is not None:
        event["body"] = body
    if session_id is not None:
        event["pathParameters"] = {"session_id": session_id}
    if subject is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": subject}, "scopes": []}}
    return event


@pytest.fixture
def settings() -> Settings:
    return load_settings(environ=VARIABLES)


@pytest.fixture
def aws() -> Iterator[AwsStub]:
    with running(AwsStub(secret_key=SECRET_KEY, session_key=SESSION_KEY)) as stub:
        yield stub


@pytest.fixture
def function(aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    """The handler, freshly deployed against the stand-in services; change its environment with monkeypatch."""
    for name in FOREIGN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    endpoints = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url, "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": aws.url}
    for name, value in {**POWERTOOLS, **VARIABLES, **CREDENTIALS, **endpoints}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(secret_cache, "_cache", {})
    from connect import handler  # Powertools reads its variables when the module is loaded

    handler.cached_settings.cache_clear()
    yield Function(module=handler)
    handler.cached_settings.cache_clear()


@pytest.fixture
def log_text(function: Function, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function's logger has written."""
    stream = io.StringIO()
    monkeypatch.setattr(function.module.logger.registered_handler, "stream", stream)
    return stream
