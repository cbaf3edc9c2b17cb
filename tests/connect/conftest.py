"""A deployed function in miniature: its environment, the AWS services it calls, and a caller."""

import importlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from connect.session_id import Place, new_session_id
from connect.settings import Settings, load_settings
from connect.turn import IceAnswer, IceServer
from shared import secret_cache
from shared.daily import api, key
from tests.connect.aws_stub import AwsStub, Reply, running
from tests.connect.sdp_samples import aiortc_exchange
from tests.rooms.daily_stub import (
    API_KEY,
    DAILY_SECRET,
    DAILY_VARIABLES,
    DOMAIN_ID,
    PREFIX,
    DailyStub,
    daily_secret,
    running_daily,
)

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
WEBRTC_VARIABLES = {"SWITCHBOARD_TRANSPORTS": "websocket,webrtc", "SWITCHBOARD_TURN_SOURCE": "none"}
PC_ID = "SmallWebRTCConnection#0-9f86d081884c7d659a2feaa0c55ad015"
CALLERS_WORD = "the-callers-own-word"
RELAY = IceServer(
    urls=("turn:relay.example.com:443?transport=udp", "turns:relay.example.com:443?transport=tcp"),
    username="1893456000:relay-user",
    credential="relay-credential-EXAMPLE",
)
# Of the requests' and answers' insides, nothing may be written anywhere.
CONFIDENTIAL = (
    *("://", "X-Amz-", "/runtimes/", "127.0.0.1", "Traceback"),
    *(SECRET_KEY, SESSION_KEY, SESSION_TOKEN, SESSION_TOKEN[:20], CREDENTIALS["AWS_ACCESS_KEY_ID"]),
    "THE-CALLERS-TOKEN",
)
CONFIDENTIAL_IN_A_CALL = (
    *(RELAY.username, RELAY.credential, "relay.example.com", PC_ID, CALLERS_WORD),
    *("UDP/TLS/RTP", "IN IP4", "ice-ufrag:", "ice-pwd:", "fingerprint:", "candidate:", " typ "),
)
CONFIDENTIAL_IN_A_ROOM = (API_KEY, DOMAIN_ID, "daily.co", "eyJ", f"{PREFIX}-", CALLERS_WORD)
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
    def path_id(self) -> str:
        return str(self.body["sessionId"])

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

    def start_webrtc(self, *, agent_body: dict[str, Any] | None = None, subject: str = "ann") -> Answered:
        return self.start(json.dumps({"transport": "webrtc", "body": agent_body or {}}), subject=subject)

    def offer(self, path_id: str, body: object, *, subject: str = "ann") -> Answered:
        return self._of_session("POST", "/api/offer", path_id=path_id, body=body, subject=subject)

    def trickle(self, path_id: str, body: object, *, subject: str = "ann") -> Answered:
        return self._of_session("PATCH", "/api/offer", path_id=path_id, body=body, subject=subject)

    def renew(self, path_id: str, *, subject: str = "ann") -> Answered:
        return self._of_session("POST", "/api/ice-servers", path_id=path_id, body=None, subject=subject)

    def start_daily(self, *, agent_body: dict[str, Any] | None = None, subject: str = "ann") -> Answered:
        return self.start(json.dumps({"transport": "daily", "body": agent_body or {}}), subject=subject)

    def invite(self, path_id: str, body: object = None, *, subject: str = "ann") -> Answered:
        return self._of_session("POST", "/participants", path_id=path_id, body=body, subject=subject)

    def url(self, session_id: str, *, subject: str = "ann") -> Answered:
        return self._of_session("POST", "/url", path_id=session_id, body=None, subject=subject)

    def _of_session(self, method: str, path: str, *, path_id: str, body: object, subject: str) -> Answered:
        text = None if body is None else body if isinstance(body, str) else json.dumps(body)
        route = f"{method} /sessions/{{session_id}}{path}"
        return self.invoke(api_event(route=route, subject=subject, session_id=path_id, body=text))


class IceSource:
    """Stands in for the sources of TURN: answers what it is told, and counts."""

    def __init__(self) -> None:
        self.answer = IceAnswer(servers=(RELAY,), expires_at=None)
        self.asked = 0
        self.fails: Exception | None = None

    def __call__(self, **_: object) -> IceAnswer:
        self.asked += 1
        if self.fails:
            raise self.fails
        return self.answer


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

    if handler.logger.service != POWERTOOLS["POWERTOOLS_SERVICE_NAME"]:  # loaded by another room's test
        importlib.reload(handler)
    handler.cached_settings.cache_clear()
    yield Function(module=handler)
    handler.cached_settings.cache_clear()


@pytest.fixture
def log_text(function: Function, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function's logger has written."""
    stream = io.StringIO()
    monkeypatch.setattr(function.module.logger.registered_handler, "stream", stream)
    return stream


@pytest.fixture
def ice(monkeypatch: pytest.MonkeyPatch) -> IceSource:
    source = IceSource()
    for user in ("connect.offer", "connect.webrtc"):
        monkeypatch.setattr(f"{user}.ice_servers", source)
    return source


type Searched = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def searched(
    log_text: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Searched:
    """A context in which no confidential word may be written, those that it is given and ids of sessions among them.

    The root logger is at DEBUG, with all its handlers open, as Lambda's logging controls allow.
    """

    @contextmanager
    def searching(*confidential: str) -> Iterator[None]:
        root_text = io.StringIO()
        monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(root_text)])
        caplog.set_level(logging.DEBUG)
        session_ids: list[str] = []
        monkeypatch.setattr("connect.start.new_session_id", remembered(session_ids))

        yield

        output = capfd.readouterr()
        written = "\n".join((log_text.getvalue(), root_text.getvalue(), output.out, output.err))
        words = (*CONFIDENTIAL, *confidential, *session_ids)
        assert not [word for word in words if word in written]

    return searching


@pytest.fixture
def webrtc(
    function: Function, aws: AwsStub, ice: IceSource, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Function]:
    """The handler of a deployment with WebRTC, before an agent that answers; what it wrote is searched afterwards."""
    for name, value in WEBRTC_VARIABLES.items():
        monkeypatch.setenv(name, value)
    aws.invocations = [agent_says({"sdp": aiortc_exchange().answer, "type": "answer", "pc_id": PC_ID})]
    with searched(*CONFIDENTIAL_IN_A_CALL):
        yield function


@pytest.fixture
def daily() -> Iterator[DailyStub]:
    with running_daily(DailyStub()) as stub:
        yield stub


@pytest.fixture
def in_daily(
    function: Function, aws: AwsStub, daily: DailyStub, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Function]:
    """The handler of a deployment with Daily, before an agent that joins; what it wrote is searched afterwards."""
    variables = {"SWITCHBOARD_TRANSPORTS": "websocket,daily", "DAILY_API_URL": daily.url, **DAILY_VARIABLES}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    aws.other_secrets[DAILY_SECRET] = daily_secret()
    aws.invocations = [agent_says({})]
    monkeypatch.setattr(key, "_cache", {})
    monkeypatch.setattr(api, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(api, "_LONGEST_WAIT_SECONDS", 0.1)
    with searched(*CONFIDENTIAL_IN_A_ROOM):
        yield function


def remembered(session_ids: list[str]) -> Callable[..., str]:
    def new(*, key: bytes, subject: str, place: Place) -> str:
        session_ids.append(new_session_id(key=key, subject=subject, place=place))
        return session_ids[-1]

    return new


def agent_says(answer: object) -> Reply:
    return Reply(body=json.dumps(answer).encode(), headers={"content-type": "application/json"})
