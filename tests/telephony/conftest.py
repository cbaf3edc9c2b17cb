"""The deployed telephony function in miniature: its environment, the AWS services it asks, and a carrier that calls."""

import importlib
import io
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared import secret_cache
from shared.session_label import session_label
from telephony import carrier_secret
from telephony.phone_session import session_id_of
from telephony.settings import Settings, load_settings
from telephony.webhook_urls import call_urls
from tests.connect.aws_stub import running
from tests.connect.conftest import LambdaContext
from tests.telephony.calls.dynamodb import DynamoDb, running_dynamodb
from tests.telephony.fake_carrier import FakeCarrier, sign
from tests.telephony.phone_aws import PhoneAws

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN//////////8Q+a/b=="
SESSION_KEY = "p" * 16 + "Q" * 16 + "-the-session-key"
RELAY_KEY = "r" * 64
SIGNING_KEY = "the-carriers-signing-key"
CALLER = "+15550100777"
OUR_NUMBER = "+15550100123"
TARGET = "+15550100999"
CALL_ID = "CA-the-carriers-own-call-id"
PUBLIC_URL = "https://api.example.com"
TABLE = "switchboard-test-calls"
POWERTOOLS = {
    "POWERTOOLS_SERVICE_NAME": "telephony",
    "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": SESSION_TOKEN,
}


def secret_arn(name: str) -> str:
    return f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"


VARIABLES = {
    "AWS_REGION": "eu-west-1",
    "SWITCHBOARD_RUNTIME_ARN": "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/switchboard_dev-a1b2C3d4E5",
    "SWITCHBOARD_ENDPOINT_NAME": "live",
    "SWITCHBOARD_SESSION_KEY_SECRET_ARN": secret_arn("session-key"),
    "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "60",
    "SWITCHBOARD_PUBLIC_URL": PUBLIC_URL,
    "SWITCHBOARD_CARRIERS": "vonage,twilio",
    "SWITCHBOARD_VONAGE_SECRET_ARN": secret_arn("vonage"),
    "SWITCHBOARD_TWILIO_SECRET_ARN": secret_arn("twilio"),
    "SWITCHBOARD_VONAGE_NUMBER": OUR_NUMBER,
    "SWITCHBOARD_CALL_TABLE_NAME": TABLE,
    "SWITCHBOARD_RELAY_URL": "wss://relay.example.com",
    "SWITCHBOARD_RELAY_KEY_SECRET_ARN": secret_arn("relay-key"),
    "SWITCHBOARD_TRANSFER_TO": TARGET,
    "SWITCHBOARD_RECORDING": "off",
    "SWITCHBOARD_LANGUAGE": "en-US",
    "SWITCHBOARD_MACHINE_DETECTION": "on",
    "SWITCHBOARD_ALLOWED_COUNTRIES": "US,CA",
    "SWITCHBOARD_CALLS_PER_MINUTE": "10",
    "SWITCHBOARD_CALLS_PER_MINUTE_PER_CALLER": "3",
    "SWITCHBOARD_QUIET_HOURS": "21:00-08:00",
    "SWITCHBOARD_MAX_CALL_SECONDS": "3600",
    "SWITCHBOARD_CALLS_SCOPE": "switchboard/calls",
    "SWITCHBOARD_AUTHORIZER": "cognito",
}
FOREIGN_VARIABLES = (
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ENDPOINT_URL",
    *(f"AWS_ENDPOINT_URL_{name}" for name in ("BEDROCK_AGENTCORE", "SECRETS_MANAGER", "DYNAMODB")),
    *(f"{name}_API_URL" for name in ("TWILIO", "VONAGE", "TELNYX", "PLIVO", "DAILY")),
)
# Of the requests' and answers' insides, nothing may be written anywhere.
CONFIDENTIAL = (
    *("://", "X-Amz-", "/runtimes/", "127.0.0.1", "Traceback", "proof="),
    *(SECRET_KEY, SESSION_KEY, SESSION_TOKEN, CREDENTIALS["AWS_ACCESS_KEY_ID"], RELAY_KEY, SIGNING_KEY),
    *(CALLER, OUR_NUMBER, TARGET, CALLER[1:], CALL_ID),
)


def inbound_query(*, kind: str, carrier: str, call_id: str) -> str:
    """What the URLs say that the carrier was given in the documents of this call."""
    urls = call_urls(
        carrier=carrier,
        call="",
        settings=load_settings(environ=VARIABLES),
        key=SESSION_KEY.encode(),
        call_id=call_id,
    )
    return urlsplit(dict(urls)[kind]).query  # type: ignore[index]  # a kind by its name


@dataclass(frozen=True, kw_only=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def plan(self) -> list[dict[str, Any]]:
        return list(json.loads(self.body))

    @property
    def steps(self) -> list[str]:
        return [str(step["step"]) for step in self.plan]

    @property
    def url(self) -> str:
        """Where the stream goes."""
        (connect,) = [step for step in self.plan if step["step"] == "Connect"]
        return str(connect["url"])


@dataclass(kw_only=True)
class Phone:
    """The carrier's side of the function: it posts webhooks as API Gateway hands them over."""

    module: ModuleType
    carrier: FakeCarrier
    key: str = SIGNING_KEY
    events: list[dict[str, Any]] = field(default_factory=list)

    def event(
        self, kind: str, *, query: str | None = None, age: int = 0, call_id: str | None = CALL_ID, **fields: object
    ) -> dict[str, Any]:
        """A webhook that this carrier has signed `age` seconds ago; without a `query`, an inbound call's."""
        path = f"/telephony/{self.carrier.name}/{kind}"
        if query is None:
            query = inbound_query(kind=kind, carrier=self.carrier.name, call_id=call_id or "")
        said = {"caller": CALLER, "called": OUR_NUMBER, **fields} | ({"call_id": call_id} if call_id else {})
        body = json.dumps(said)
        url = PUBLIC_URL + path + (f"?{query}" if query else "")
        headers = sign(key=self.key, timestamp=int(time.time()) - age, url=url, body=body.encode())
        return {
            "version": "2.0",
            "routeKey": f"POST {path}",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"content-type": "application/json", **headers},
            "requestContext": {"requestId": "api-request-1", "http": {"method": "POST", "path": path}},
            "body": body,
            "isBase64Encoded": False,
        }

    def deliver(self, event: Mapping[str, Any]) -> Answered:
        response = self.module.handler(event, LambdaContext())
        return Answered(status=response["statusCode"], headers=response["headers"], body=response.get("body", ""))

    def post(self, kind: str, **arguments: Any) -> Answered:
        return self.deliver(self.event(kind, **arguments))

    @property
    def session_id(self) -> str:
        return session_id_of(key=SESSION_KEY.encode(), carrier=self.carrier.name, call_id=CALL_ID)

    @property
    def session(self) -> str:
        """What the log calls it."""
        return session_label(self.session_id)


@pytest.fixture
def settings() -> Settings:
    return load_settings(environ=VARIABLES)


@pytest.fixture
def aws() -> Iterator[PhoneAws]:
    with running(PhoneAws(secret_key=SECRET_KEY)) as stub:
        assert isinstance(stub, PhoneAws)
        stub.put_secret(secret_arn("session-key"), SESSION_KEY)
        stub.put_secret(secret_arn("relay-key"), RELAY_KEY)
        for name in ("vonage", "twilio"):
            stub.put_secret(secret_arn(name), {"signingKey": SIGNING_KEY, "account": "AC1"})
        yield stub


@pytest.fixture
def dynamodb() -> Iterator[DynamoDb]:
    with running_dynamodb(DynamoDb(table=TABLE, secret_key=SECRET_KEY)) as table:
        yield table


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier()


@pytest.fixture
def phone(aws: PhoneAws, dynamodb: DynamoDb, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch) -> Iterator[Phone]:
    """The handler, freshly deployed against the stand-in services; change its environment with monkeypatch."""
    for name in FOREIGN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    endpoints = {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": aws.url,
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url,
    }
    for name, value in {**POWERTOOLS, **VARIABLES, **CREDENTIALS, **endpoints}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(secret_cache, "_cache", {})
    monkeypatch.setattr(carrier_secret, "_cache", {})
    from telephony import handler  # Powertools reads its variables when the module is loaded

    if handler.logger.service != POWERTOOLS["POWERTOOLS_SERVICE_NAME"]:  # loaded by a test of its routes
        importlib.reload(handler)

    monkeypatch.setattr(handler, "load", lambda name: carrier)
    handler.cached_settings.cache_clear()
    yield Phone(module=handler, carrier=carrier)
    handler.cached_settings.cache_clear()


@pytest.fixture
def log_text(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function's logger has written."""
    stream = io.StringIO()
    monkeypatch.setattr(phone.module.logger.registered_handler, "stream", stream)
    return stream


class Output:
    """What the process has printed, kept for whoever asks again."""

    def __init__(self, *, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured
        self._text = ""

    def text(self) -> str:
        output = self._captured.readouterr()
        self._text += output.out + output.err
        return self._text

    def counted(self) -> list[dict[str, Any]]:
        """The metrics without those of a cold start: name, and dimensions but the service's."""
        blobs = [json.loads(line) for line in self.text().splitlines() if '"_aws"' in line]
        return [
            {"name": metric["Name"]} | {name: blob[name] for name in directive["Dimensions"][0] if name != "service"}
            for blob in blobs
            for directive in blob["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
            if metric["Name"] != "ColdStart"
        ]


@pytest.fixture
def output(capfd: pytest.CaptureFixture[str]) -> Output:
    return Output(captured=capfd)


@pytest.fixture
def confidential(
    phone: Phone,
    log_text: io.StringIO,
    output: Output,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[None]:
    """What was written is searched afterwards; the root logger is at DEBUG, as Lambda's logging controls allow."""
    root_text = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(root_text)])
    caplog.set_level(logging.DEBUG)

    yield

    written = "\n".join((log_text.getvalue(), root_text.getvalue(), output.text()))
    assert '"message":"webhook"' in written
    assert not [word for word in (*CONFIDENTIAL, phone.session_id) if word in written]


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]
