"""A deployment with each source of TURN, before the stand-ins of what it asks."""

from collections.abc import Callable, Iterator

import pytest

from connect.settings import Settings, load_settings
from shared import secret_cache
from shared.credentials import Credentials, load_credentials
from tests.connect.aws_stub import running
from tests.connect.conftest import CREDENTIALS, VARIABLES
from tests.connect.turn.cloud import PREFIX, TURN_SECRET_ARN, TurnCloud

type Deploy = Callable[..., Settings]

URLS = "turns:turn.example.com:443?transport=tcp,turn:turn.example.com:3478?transport=udp"
KVS = {
    "SWITCHBOARD_TURN_SOURCE": "kvs",
    "SWITCHBOARD_KVS_CHANNEL_PREFIX": PREFIX,
    "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES": "1700000000000,1700000000001,1700000000002",
    "SWITCHBOARD_ICE_REUSE_SECONDS": "20",
}
SOURCES = {
    "kvs": KVS,
    "fixed": {
        "SWITCHBOARD_TURN_SOURCE": "static",
        "SWITCHBOARD_TURN_CREDENTIALS": "fixed",
        "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET_ARN,
        "ICE_SERVER_URLS": URLS,
    },
    "cloudflare": {
        "SWITCHBOARD_TURN_SOURCE": "static",
        "SWITCHBOARD_TURN_CREDENTIALS": "cloudflare",
        "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET_ARN,
    },
    "twilio": {
        "SWITCHBOARD_TURN_SOURCE": "static",
        "SWITCHBOARD_TURN_CREDENTIALS": "twilio",
        "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET_ARN,
    },
    "coturn": {
        "SWITCHBOARD_TURN_SOURCE": "coturn",
        "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET_ARN,
        "ICE_SERVER_URLS": URLS,
    },
    "none": {"SWITCHBOARD_TURN_SOURCE": "none"},
}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[TurnCloud]:
    monkeypatch.setattr(secret_cache, "_cache", {})
    with running(TurnCloud()) as stub:
        assert isinstance(stub, TurnCloud)
        yield stub


@pytest.fixture
def deploy(cloud: TurnCloud) -> Deploy:
    """Settings of a source of TURN, which is reached on loopback; further variables go before its own."""

    def deployed(source: str, **further: str) -> Settings:
        endpoints = {
            "AWS_ENDPOINT_URL": cloud.url,
            "SWITCHBOARD_CLOUDFLARE_URL": cloud.url,
            "SWITCHBOARD_TWILIO_URL": cloud.url,
        }
        webrtc = {"SWITCHBOARD_TRANSPORTS": "webrtc"}
        return load_settings(environ={**VARIABLES, **webrtc, **endpoints, **SOURCES[source], **further})

    return deployed


@pytest.fixture
def credentials() -> Credentials:
    return load_credentials(environ=CREDENTIALS)
