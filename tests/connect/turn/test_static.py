import base64
import json
import time
from urllib.parse import parse_qs

import pytest

from connect.turn import IceAnswer, IceServer, ice_servers
from connect.turn.broker import LIFETIME_SECONDS
from shared.credentials import Credentials
from shared.errors import ApiError
from tests.connect.aws_stub import Reply
from tests.connect.turn.cloud import TURN_SECRET_ARN, TurnCloud
from tests.connect.turn.conftest import Deploy

BROKERS = ("cloudflare", "twilio")
SECRETS = {
    "fixed": {"username": "metered-user", "credential": "metered-credential-EXAMPLE"},
    "cloudflare": {"keyId": "turn key/1", "apiToken": "cloudflare-token-EXAMPLE"},
    "twilio": {"accountSid": "AC0123", "apiKeySid": "SK4567", "apiKeySecret": "twilio-secret-EXAMPLE"},
}
CREDENTIAL = "minted-credential-EXAMPLE"
# The documented answers, with the names shortened.
CLOUDFLARE: dict[str, object] = {
    "iceServers": [
        {"urls": ["stun:stun.cloudflare.com:3478", "stun:stun.cloudflare.com:53"]},
        {
            "urls": [
                "turns:turn.cloudflare.com:443?transport=tcp",
                "turn:turn.cloudflare.com:80?transport=tcp",
                "turn:turn.cloudflare.com:53?transport=udp",
                "turn:turn.cloudflare.com:3478?transport=udp",
                "turns:turn.cloudflare.com:5349?transport=tcp",
            ],
            "username": "minted-user",
            "credential": CREDENTIAL,
        },
    ]
}
TWILIO: dict[str, object] = {
    "username": "minted-user",
    "password": CREDENTIAL,
    "account_sid": "AC0123",
    "ttl": str(LIFETIME_SECONDS),
    "ice_servers": [
        {"url": "stun:global.stun.twilio.com:3478", "urls": "stun:global.stun.twilio.com:3478"},
        {
            "url": "turn:global.turn.twilio.com:3478?transport=udp",
            "username": "minted-user",
            "urls": "turn:global.turn.twilio.com:3478?transport=udp",
            "credential": CREDENTIAL,
        },
        {
            "url": "turn:global.turn.twilio.com:443?transport=tcp",
            "username": "minted-user",
            "urls": "turn:global.turn.twilio.com:443?transport=tcp",
            "credential": CREDENTIAL,
        },
    ],
}
ANSWERS = {"cloudflare": CLOUDFLARE, "twilio": TWILIO}
URL = "turn:turn.example.com:3478"


class Caller:
    def __init__(self, *, cloud: TurnCloud, deploy: Deploy, credentials: Credentials) -> None:
        self._cloud = cloud
        self._deploy = deploy
        self._credentials = credentials

    def answer(self, source: str, **further: str) -> IceAnswer:
        self._cloud.secrets.setdefault(TURN_SECRET_ARN, json.dumps(SECRETS[source]))
        if source in ANSWERS and self._cloud.broker == Reply(status=201):
            self._cloud.broker.body = json.dumps(ANSWERS[source]).encode()
        return ice_servers(settings=self._deploy(source, **further), credentials=self._credentials)

    def refusal(self, source: str) -> ApiError:
        with pytest.raises(ApiError) as raised:
            self.answer(source)
        told = raised.value.note + raised.value.message
        assert not [text for text in SECRETS[source].values() if text in told]
        assert "127.0.0.1" not in told
        return raised.value


@pytest.fixture
def caller(cloud: TurnCloud, deploy: Deploy, credentials: Credentials) -> Caller:
    return Caller(cloud=cloud, deploy=deploy, credentials=credentials)


def test_fixed_servers_come_in_the_order_in_which_to_try_them(caller: Caller) -> None:
    urls = (
        "turns:t.example.com:443?transport=tcp,turn:t.example.com:3478?transport=tcp,stun:s.example.com,"
        "turns:t.example.com:443,turn:t.example.com:3478"
    )

    answer = caller.answer("fixed", ICE_SERVER_URLS=urls)

    assert answer == IceAnswer(
        servers=(
            IceServer(urls=("stun:s.example.com",)),
            IceServer(
                urls=(
                    "turn:t.example.com:3478",
                    "turn:t.example.com:3478?transport=tcp",
                    "turns:t.example.com:443?transport=tcp",
                    "turns:t.example.com:443",
                ),
                username="metered-user",
                credential="metered-credential-EXAMPLE",
            ),
        ),
        expires_at=None,
    )
    assert answer.servers[0].as_json() == {"urls": ["stun:s.example.com"]}


def test_cloudflare_mints_for_the_longest_call_without_what_browsers_block(cloud: TurnCloud, caller: Caller) -> None:
    began = time.time()
    answer = caller.answer("cloudflare")

    (request,) = cloud.broker_requests
    assert request.target == "/v1/turn/keys/turn%20key%2F1/credentials/generate-ice-servers"
    assert request.headers["authorization"] == "Bearer cloudflare-token-EXAMPLE"
    assert request.message == {"ttl": LIFETIME_SECONDS}
    assert LIFETIME_SECONDS > 28_800, "AgentCore's longest session"
    assert answer.servers == (
        IceServer(urls=("stun:stun.cloudflare.com:3478",)),
        IceServer(
            urls=(
                "turn:turn.cloudflare.com:3478?transport=udp",
                "turn:turn.cloudflare.com:80?transport=tcp",
                "turns:turn.cloudflare.com:443?transport=tcp",
                "turns:turn.cloudflare.com:5349?transport=tcp",
            ),
            username="minted-user",
            credential=CREDENTIAL,
        ),
    )
    assert answer.expires_at is not None
    assert 0 <= answer.expires_at - LIFETIME_SECONDS - began < 60


def test_twilio_mints_with_an_api_key(cloud: TurnCloud, caller: Caller) -> None:
    began = time.time()
    answer = caller.answer("twilio")

    (request,) = cloud.broker_requests
    assert request.target == "/2010-04-01/Accounts/AC0123/Tokens.json"
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"SK4567:twilio-secret-EXAMPLE"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {"Ttl": [str(LIFETIME_SECONDS)]}
    assert LIFETIME_SECONDS <= 86_400, "Twilio's greatest"
    assert [server.urls[0] for server in answer.servers] == [
        "stun:global.stun.twilio.com:3478",
        "turn:global.turn.twilio.com:3478?transport=udp",
        "turn:global.turn.twilio.com:443?transport=tcp",
    ]
    assert {server.credential for server in answer.servers[1:]} == {CREDENTIAL}
    assert answer.expires_at is not None
    assert 0 <= answer.expires_at - LIFETIME_SECONDS - began < 60


def test_what_twilio_says_of_the_lifetime_counts(cloud: TurnCloud, caller: Caller) -> None:
    cloud.broker.body = json.dumps({**TWILIO, "ttl": "600"}).encode()

    expires_at = caller.answer("twilio").expires_at

    assert expires_at is not None
    assert 500 < expires_at - time.time() <= 600


@pytest.mark.parametrize("broker", BROKERS)
def test_each_call_has_credentials_of_its_own(cloud: TurnCloud, caller: Caller, broker: str) -> None:
    caller.answer(broker)
    caller.answer(broker)

    assert len(cloud.broker_requests) == 2
    assert len(cloud.secret_requests) == 1, "the key is kept for five minutes"


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 302])
def test_a_broker_that_refuses_our_key_is_the_deployments_fault(
    cloud: TurnCloud, caller: Caller, broker: str, status: int
) -> None:
    cloud.broker = Reply(status=status, headers={"location": f"{cloud.url}/elsewhere"})

    refusal = caller.refusal(broker)

    assert (refusal.status, refusal.code) == (500, "wrong_setup")
    assert f"HTTP {status}; check the key in the TURN secret" in refusal.note
    assert len(cloud.broker_requests) == 1, "no redirect is followed"


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(status=429), "HTTP 429"),
        (Reply(status=500), "HTTP 500"),
        (Reply(status=503), "HTTP 503"),
        (Reply(hang="before"), "ReadTimeoutError"),
        (Reply(body=b"<html>"), "malformed answer: it is no JSON object"),
        (Reply(body=b"[" * 60_000), "malformed answer: it is no JSON object"),
        (Reply(body=b" " * 70_000), "ResponseTooLarge"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broker_that_cannot_answer_may_be_asked_again(
    cloud: TurnCloud, caller: Caller, monkeypatch: pytest.MonkeyPatch, broker: str, reply: Reply, cause: str
) -> None:
    monkeypatch.setattr("connect.turn.broker.TIMEOUT_SECONDS", 0.3)
    cloud.broker = reply

    refusal = caller.refusal(broker)

    assert (refusal.status, refusal.code) == (503, "turn_unavailable")
    assert refusal.headers == {"retry-after": "1"}
    assert refusal.note.endswith(cause)


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize(
    "servers",
    [
        None,
        {},
        [],
        ["turn:t.example.com"],
        [{"urls": ["stun:s.example.com"]}],
        [{"urls": [], "username": "u", "credential": "c"}],
        [{"urls": ["https://t.example.com"], "username": "u", "credential": "c"}],
        [{"urls": [URL, 7], "username": "u", "credential": "c"}],
        [{"urls": URL}],
        [{"urls": URL, "username": "u"}],
        [{"urls": URL, "username": "", "credential": "c"}],
        [{"urls": URL, "username": "u", "credential": 7}],
        [{"url": URL, "username": "u", "credential": "c"}],
    ],
)
def test_an_answer_that_is_not_as_documented_is_none(
    cloud: TurnCloud, caller: Caller, broker: str, servers: object
) -> None:
    name = {"cloudflare": "iceServers", "twilio": "ice_servers"}[broker]
    cloud.broker.body = json.dumps({**ANSWERS[broker], name: servers}).encode()

    refusal = caller.refusal(broker)

    assert refusal.code == "turn_unavailable"
    assert ": malformed answer: " in refusal.note


def test_an_answer_with_nothing_but_what_browsers_block_is_none(cloud: TurnCloud, caller: Caller) -> None:
    server = {"urls": "turn:turn.cloudflare.com:53?transport=udp", "username": "u", "credential": "c"}
    cloud.broker.body = json.dumps({"iceServers": [server]}).encode()

    assert "no TURN server at a port that browsers can use" in caller.refusal("cloudflare").note


@pytest.mark.parametrize("ttl", [None, "soon", -1, 1.5, "", True])
def test_a_lifetime_that_is_no_number_of_seconds_is_no_answer(cloud: TurnCloud, caller: Caller, ttl: object) -> None:
    cloud.broker.body = json.dumps({**TWILIO, "ttl": ttl}).encode()

    assert "its ttl is no number of seconds" in caller.refusal("twilio").note


@pytest.mark.parametrize("source", ["fixed", *BROKERS])
@pytest.mark.parametrize("secret", ["", "metered-user", "[]", "{}", '{"username": "u"}', None])
def test_a_secret_of_another_form_is_the_deployments_fault(
    cloud: TurnCloud, caller: Caller, source: str, secret: str | None
) -> None:
    if secret is None:  # each field there, and one with the line break that was copied along
        secret = json.dumps({**SECRETS[source], next(iter(SECRETS[source])): "text\n"})
    cloud.secrets[TURN_SECRET_ARN] = secret

    refusal = caller.refusal(source)

    assert (refusal.status, refusal.code) == (500, "wrong_setup")
    assert ", ".join(SECRETS[source]) in refusal.note
    assert not cloud.broker_requests


@pytest.mark.parametrize("source", ["fixed", *BROKERS])
def test_a_secret_that_cannot_be_read_may_be_asked_for_again(
    cloud: TurnCloud, deploy: Deploy, credentials: Credentials, source: str
) -> None:
    with pytest.raises(ApiError) as raised:
        ice_servers(settings=deploy(source), credentials=credentials)

    assert raised.value.code == "turn_unavailable"
    assert raised.value.note == "GetSecretValue of the TURN secret: ResourceNotFoundException"


@pytest.mark.parametrize("source", ["fixed", *BROKERS])
def test_no_credential_can_be_seen(caller: Caller, source: str) -> None:
    answer = caller.answer(source)

    assert CREDENTIAL not in repr(answer)
    assert "metered-credential-EXAMPLE" not in repr(answer)


def test_a_flat_network_has_no_servers(caller: Caller) -> None:
    assert caller._deploy("none").turn is not None
    assert ice_servers(settings=caller._deploy("none"), credentials=caller._credentials) == IceAnswer(
        servers=(), expires_at=None
    )


def test_a_deployment_without_webrtc_has_no_source(caller: Caller) -> None:
    settings = caller._deploy("none", SWITCHBOARD_TRANSPORTS="websocket")

    with pytest.raises(ApiError) as raised:
        ice_servers(settings=settings, credentials=caller._credentials)
    assert raised.value.code == "wrong_setup"
