"""Daily, AWS, and the rooms function between them, in miniature."""

import io
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from connect.session_id import new_session_id
from shared import secret_cache
from shared.credentials import Credentials, load_credentials
from shared.daily import api, key
from shared.daily.settings import DailySettings, read_daily
from shared.environment import Reader
from tests.connect.aws_stub import AwsStub, running
from tests.connect.conftest import CREDENTIALS, FOREIGN_VARIABLES, SECRET_KEY, SESSION_KEY, VARIABLES, LambdaContext
from tests.rooms.daily_stub import DAILY_SECRET, DAILY_VARIABLES, PREFIX, DailyStub, daily_secret, running_daily

ROOMS_VARIABLES = {
    **{name: VARIABLES[name] for name in ("SWITCHBOARD_RUNTIME_ARN", "SWITCHBOARD_ENDPOINT_NAME")},
    "POWERTOOLS_SERVICE_NAME": "rooms",
    "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "AWS_REGION": "eu-west-1",
}
SESSION_ID = new_session_id(key=SESSION_KEY.encode(), subject="ann", place="room")
ROOM = f"{PREFIX}-{SESSION_ID[:32]}"


class RoomsFunction:
    """The function as whoever invokes it sees it."""

    def __init__(self, *, module: ModuleType) -> None:
        self.module = module

    def invoke(self, event: Any) -> Any:
        return self.module.handler(event, LambdaContext(function_name="rooms"))


@pytest.fixture
def daily() -> Iterator[DailyStub]:
    with running_daily(DailyStub()) as stub:
        yield stub


@pytest.fixture
def aws() -> Iterator[AwsStub]:
    stub = AwsStub(secret_key=SECRET_KEY, session_key=SESSION_KEY)
    stub.other_secrets[DAILY_SECRET] = daily_secret()
    with running(stub):
        yield stub


@pytest.fixture
def environment(daily: DailyStub, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The rooms function's own, with no key cached, and with waits of a few milliseconds."""
    for name in (*FOREIGN_VARIABLES, "SWITCHBOARD_CALL_TABLE_NAME", "SWITCHBOARD_DAILY_GEO"):
        monkeypatch.delenv(name, raising=False)
    endpoints = {"AWS_ENDPOINT_URL": aws.url, "DAILY_API_URL": daily.url}
    variables = {**ROOMS_VARIABLES, **DAILY_VARIABLES, **CREDENTIALS, **endpoints}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(secret_cache, "_cache", {})
    monkeypatch.setattr(key, "_cache", {})
    monkeypatch.setattr(api, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(api, "_LONGEST_WAIT_SECONDS", 0.04)
    return variables


@pytest.fixture
def settings(environment: dict[str, str]) -> DailySettings:
    return read_daily(read=Reader(environ=environment))


@pytest.fixture
def credentials() -> Credentials:
    return load_credentials(environ=CREDENTIALS)


@pytest.fixture
def rooms(environment: dict[str, str]) -> Iterator[RoomsFunction]:
    """The handler, freshly deployed; change its environment with monkeypatch."""
    from rooms import handler  # Powertools reads its variables when the module is loaded

    handler.cached_settings.cache_clear()
    yield RoomsFunction(module=handler)
    handler.cached_settings.cache_clear()


@pytest.fixture
def log_text(rooms: RoomsFunction, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function's logger has written."""
    stream = io.StringIO()
    monkeypatch.setattr(rooms.module.logger.registered_handler, "stream", stream)
    return stream
