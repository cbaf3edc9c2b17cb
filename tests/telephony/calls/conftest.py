"""A deployed calls API in miniature: its environment, its table, its secrets, a carrier and a caller."""

import importlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from shared import aws_request, call_table, secret_cache
from shared.call_table import CallTable
from shared.credentials import Credentials
from telephony import carrier_secret
from telephony.carrier import (
    CallContext,
    CarrierError,
    DialOrder,
    Document,
    Http,
    Secret,
    Webhook,
    WebhookRequest,
)
from telephony.plan import Step
from tests.connect import aws_stub
from tests.connect.aws_stub import AwsStub, Received, Reply, running
from tests.connect.conftest import CREDENTIALS, SECRET_KEY, SESSION_KEY, LambdaContext, api_event
from tests.telephony.calls.dynamodb import DynamoDb, running_dynamodb

TABLE_NAME = "switchboard-test-calls"
SCOPE = "switchboard/calls"
BERLIN = "+4930901820"
OUR_NUMBER = "+12125550100"
DESK = "+12125550199"
CALLERS_WORD = "the-callers-own-word"
NOON = 1_772_366_400
"""2026-03-01T12:00:00Z: nowhere quiet where these tests call."""

_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}-AbCdEf"
CARRIER_SECRETS = {"twilio": {"accountSid": "AC1", "authToken": "the-auth-token"}, "vonage": {"privateKey": "the-key"}}
VARIABLES = {
    "AWS_REGION": "eu-west-1",
    "SWITCHBOARD_RUNTIME_ARN": "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/switchboard_dev-a1b2C3d4E5",
    "SWITCHBOARD_ENDPOINT_NAME": "live",
    "SWITCHBOARD_SESSION_KEY_SECRET_ARN": _ARN.format("session-key"),
    "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "60",
    "SWITCHBOARD_PUBLIC_URL": "https://api.example.com",
    "SWITCHBOARD_CARRIERS": "vonage,twilio,telnyx",
    "SWITCHBOARD_VONAGE_SECRET_ARN": _ARN.format("vonage"),
    "SWITCHBOARD_TWILIO_SECRET_ARN": _ARN.format("twilio"),
    "SWITCHBOARD_TELNYX_SECRET_ARN": _ARN.format("telnyx"),
    "SWITCHBOARD_VONAGE_NUMBER": OUR_NUMBER,
    "SWITCHBOARD_TWILIO_NUMBER": "+442079460000",
    "SWITCHBOARD_CALL_TABLE_NAME": TABLE_NAME,
    "SWITCHBOARD_RELAY_URL": "wss://relay.example.com",
    "SWITCHBOARD_RELAY_KEY_SECRET_ARN": _ARN.format("relay-key"),
    "SWITCHBOARD_TRANSFER_TO": DESK,
    "SWITCHBOARD_MACHINE_DETECTION": "on",
    "SWITCHBOARD_ALLOWED_COUNTRIES": "DE,US",
    "SWITCHBOARD_CALLS_PER_MINUTE": "10",
    "SWITCHBOARD_CALLS_PER_MINUTE_PER_CALLER": "3",
    "SWITCHBOARD_QUIET_HOURS": "21:00-08:00",
    "SWITCHBOARD_MAX_CALL_SECONDS": "600",
    "SWITCHBOARD_CALLS_SCOPE": SCOPE,
    "SWITCHBOARD_AUTHORIZER": "cognito",
    "POWERTOOLS_SERVICE_NAME": "telephony",
    "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
# Of numbers, keys and bodies, nothing may be written anywhere.
CONFIDENTIAL = (
    *(BERLIN, BERLIN[1:], OUR_NUMBER, DESK, CALLERS_WORD, SCOPE),
    *(SECRET_KEY, SESSION_KEY, CREDENTIALS["AWS_SESSION_TOKEN"], CREDENTIALS["AWS_ACCESS_KEY_ID"], "the-auth-token"),
    *("://", "THE-CALLERS-TOKEN", "proof=", "127.0.0.1", "Traceback"),
)


class Died(BaseException):
    """The function is gone in the middle of its work, as Lambda ends one: no handler of its own runs."""


@dataclass(kw_only=True)
class FakeCarrier:
    """A carrier that dials nobody; `dials` are the orders that it took, whatever it then answered."""

    name: str = "vonage"
    secret_fields: tuple[str, ...] = ()
    dials: list[DialOrder] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    api_urls: list[str] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    fails: CarrierError | Died | None = None
    while_dialing: Callable[[DialOrder], None] = lambda _: None

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        raise NotImplementedError

    def read(self, *, request: WebhookRequest) -> Webhook:
        raise NotImplementedError

    def render(self, *, plan: Sequence[Step], context: CallContext) -> Document:
        raise NotImplementedError

    def dial(self, *, order: DialOrder, secret: Secret, http: Http, api_url: str) -> str:
        if not (isinstance(self.fails, CarrierError) and not self.fails.carried_out):
            self.dials.append(order)
        self.secrets.append(secret)
        self.api_urls.append(api_url)
        self.while_dialing(order)
        if self.fails:
            raise self.fails
        return f"carrier-call-{len(self.dials)}"

    def hang_up(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        if self.fails:
            raise self.fails
        self.hung_up.append(call_id)


class Secrets(AwsStub):
    """Secrets Manager with more than one secret: by the name in its ARN."""

    def __init__(self) -> None:
        super().__init__(secret_key=SECRET_KEY, session_key="")
        self.values = {name: json.dumps(fields) for name, fields in CARRIER_SECRETS.items()}
        self.values["session-key"] = SESSION_KEY

    def _reply_of_service(self, *, received: Received) -> Reply:
        name = received.message["SecretId"].rpartition(":")[2].removesuffix("-AbCdEf")
        if name not in self.values:
            return Reply(status=400, headers={"x-amzn-errortype": "ResourceNotFoundException"})
        answer = {"SecretString": self.values[name], "CreatedDate": 1_700_000_000}
        return Reply(body=json.dumps(answer).encode())


@dataclass(frozen=True, kw_only=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


class Api:
    """The function as API Gateway calls it, for a caller who is signed in with the scope."""

    def __init__(self, *, module: ModuleType) -> None:
        self.module = module

    def place(
        self,
        to: object = BERLIN,
        *,
        key: str | None = "key-1",
        subject: str = "ann",
        text: str | None = None,
        **more: Any,
    ) -> Answered:
        body = json.dumps({"to": to, **more}) if text is None else text
        return self.invoke(call_event(route="POST /calls", body=body, key=key, subject=subject))

    def status(self, call: str, *, subject: str = "ann") -> Answered:
        return self.invoke(call_event(route="GET /calls/{call_id}", call=call, subject=subject))

    def end(self, call: str, *, subject: str = "ann") -> Answered:
        return self.invoke(call_event(route="DELETE /calls/{call_id}", call=call, subject=subject))

    def invoke(self, event: dict[str, Any]) -> Answered:
        response = self.module.handler(event, LambdaContext())
        body = json.loads(response["body"]) if "body" in response else {}
        return Answered(status=response["statusCode"], headers=response["headers"], body=body)


def call_event(
    *,
    route: str,
    body: str | None = None,
    key: str | None = None,
    call: str | None = None,
    subject: str = "ann",
    claims: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    event = api_event(route=route, subject=subject, body=body)
    if key is not None:
        event["headers"]["idempotency-key"] = key
    if call is not None:
        event["pathParameters"] = {"call_id": call}
    event["requestContext"]["authorizer"]["jwt"]["claims"] |= {"scope": f"openid {SCOPE}"} if claims is None else claims
    return event


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is slow here but a loaded machine, and a test that asks with many at once."""
    for module in (aws_request, call_table, carrier_secret):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", 60)
    monkeypatch.setattr(aws_stub.Server, "request_queue_size", 128)


@pytest.fixture
def dynamodb() -> Iterator[DynamoDb]:
    with running_dynamodb(DynamoDb(table=TABLE_NAME, secret_key=SECRET_KEY)) as table:
        yield table


@pytest.fixture
def table(dynamodb: DynamoDb) -> CallTable:
    return CallTable(
        name=TABLE_NAME,
        region="eu-west-1",
        endpoint_url=dynamodb.url,
        credentials=Credentials(access_key="AKIDEXAMPLE", secret_key=SECRET_KEY, token="a-session-token"),
    )


@pytest.fixture
def secrets() -> Iterator[Secrets]:
    with running(Secrets()) as stub:
        yield stub  # type: ignore[misc]  # running gives back what it got


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> FakeCarrier:
    """The carrier that every call goes through, whatever its name."""
    fake = FakeCarrier()

    def load(name: str) -> FakeCarrier:
        fake.name = name
        return fake

    for user in ("telephony.calls.place", "telephony.calls.end"):
        monkeypatch.setattr(f"{user}.load", load)
    return fake


@pytest.fixture
def api(dynamodb: DynamoDb, secrets: Secrets, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    for name in ("AWS_CREDENTIAL_EXPIRATION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    endpoints = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.url, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url}
    for name, value in {**VARIABLES, **CREDENTIALS, **endpoints}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(secret_cache, "_cache", {})
    monkeypatch.setattr(carrier_secret, "_cache", {})
    from telephony import handler  # Powertools reads its variables when the module is loaded

    if handler.logger.service != VARIABLES["POWERTOOLS_SERVICE_NAME"]:  # loaded by a test of its routes
        importlib.reload(handler)
    handler.cached_settings.cache_clear()
    yield Api(module=handler)
    handler.cached_settings.cache_clear()


@pytest.fixture
def log_text(api: Api, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function's logger has written."""
    stream = io.StringIO()
    monkeypatch.setattr(api.module.logger.registered_handler, "stream", stream)
    return stream
