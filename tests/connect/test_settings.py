import re

import pytest

from connect.settings import SettingsError, load_settings
from connect.turn_settings import (
    CloudflareTurn,
    CoturnTurn,
    FixedTurn,
    KvsTurn,
    NoTurn,
    TurnSettings,
    TwilioTurn,
)
from shared.credentials import CredentialsError, load_credentials
from shared.secret_reference import SecretReference
from tests.connect.conftest import CREDENTIALS, SECRET_KEY, SESSION_TOKEN, VARIABLES
from tests.rooms.daily_stub import DAILY_SECRET, DAILY_VARIABLES

PREFIX = "arn:aws:kinesisvideo:eu-central-1:123456789012:channel/switchboard-dev-turn-"
KVS = {
    "SWITCHBOARD_TURN_SOURCE": "kvs",
    "SWITCHBOARD_KVS_CHANNEL_PREFIX": PREFIX,
    "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES": "1700000000000,1700000000001",
    "SWITCHBOARD_ICE_REUSE_SECONDS": "20",
}
TURN_SECRET = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:turn-AbCdEf"
STATIC = {"SWITCHBOARD_TURN_SOURCE": "static", "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET}
TWILIO = {**STATIC, "SWITCHBOARD_TURN_CREDENTIALS": "twilio"}
COTURN = {
    "SWITCHBOARD_TURN_SOURCE": "coturn",
    "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET,
    "ICE_SERVER_URLS": "turn:t.example.com",
}
SECRET = SecretReference(
    arn=TURN_SECRET, region="eu-west-2", endpoint_url="https://secretsmanager.eu-west-2.amazonaws.com"
)


def turn_of(environ: dict[str, str]) -> TurnSettings | None:
    return load_settings(environ={**VARIABLES, "SWITCHBOARD_TRANSPORTS": "webrtc", **environ}).turn


def test_the_environment_becomes_settings() -> None:
    settings = load_settings(
        environ={**VARIABLES, "SWITCHBOARD_TRANSPORTS": "webrtc,websocket", "SWITCHBOARD_TURN_SOURCE": "none"}
    )

    assert settings.runtime.region == "eu-west-1"
    assert settings.transports == ("webrtc", "websocket")
    assert settings.presigned_url_lifetime_seconds == 60
    assert settings.runtime.base_url == "https://bedrock-agentcore.eu-west-1.amazonaws.com"
    assert settings.session_key.endpoint_url == "https://secretsmanager.eu-west-1.amazonaws.com"
    assert settings.authenticated
    assert settings.turn == NoTurn()


def test_without_webrtc_nothing_is_asked_about_turn() -> None:
    settings = load_settings(environ={**VARIABLES, "SWITCHBOARD_TURN_SOURCE": "nobody"})

    assert settings.turn is None


def test_a_pools_arns_are_put_together_from_what_differs() -> None:
    turn = turn_of(KVS)

    assert turn == KvsTurn(
        channel_arns=(f"{PREFIX}0/1700000000000", f"{PREFIX}1/1700000000001"),
        region="eu-central-1",
        endpoint_url="https://kinesisvideo.eu-central-1.amazonaws.com",
        reuse_seconds=20,
    )


def test_150_channels_fit_into_lambdas_environment() -> None:
    times = ",".join(str(1_700_000_000_000 + number) for number in range(150))
    environ = {
        **VARIABLES,
        **KVS,
        "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES": times,
        "SWITCHBOARD_TRANSPORTS": "websocket,webrtc",
    }
    turn = load_settings(environ=environ).turn

    assert sum(len(name) + len(value) for name, value in environ.items()) < 4_096 - 500
    assert isinstance(turn, KvsTurn)
    assert len(set(turn.channel_arns)) == 150
    assert turn.channel_arns[149] == f"{PREFIX}149/1700000000149"


@pytest.mark.parametrize("seconds", ["0", "100"])
def test_the_ends_of_the_reuse_window_are_allowed(seconds: str) -> None:
    turn = turn_of({**KVS, "SWITCHBOARD_ICE_REUSE_SECONDS": seconds})

    assert isinstance(turn, KvsTurn)
    assert turn.reuse_seconds == int(seconds)


def test_fixed_servers_and_coturn_keep_their_urls_and_name_a_secret_in_its_region() -> None:
    urls = ("stun:s.example.com:3478", "turns:t.example.com:443?transport=tcp", "turn:t.example.com")
    named = {"ICE_SERVER_URLS": ",".join(urls), "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET}

    assert turn_of({**STATIC, **named, "SWITCHBOARD_TURN_CREDENTIALS": "fixed"}) == FixedTurn(urls=urls, secret=SECRET)
    assert turn_of({**named, "SWITCHBOARD_TURN_SOURCE": "coturn"}) == CoturnTurn(urls=urls, secret=SECRET)


@pytest.mark.parametrize(
    ("credentials", "kind", "url"),
    [
        ("cloudflare", CloudflareTurn, "https://rtc.live.cloudflare.com"),
        ("twilio", TwilioTurn, "https://api.twilio.com"),
    ],
)
def test_a_broker_is_reached_at_its_public_address_or_at_another(
    credentials: str, kind: type[CloudflareTurn | TwilioTurn], url: str
) -> None:
    chosen = {**STATIC, "SWITCHBOARD_TURN_CREDENTIALS": credentials}
    own = {f"SWITCHBOARD_{credentials.upper()}_URL": "http://127.0.0.1:8080/"}

    assert turn_of(chosen) == kind(secret=SECRET, base_url=url)
    assert turn_of({**chosen, **own}) == kind(secret=SECRET, base_url="http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, {"SWITCHBOARD_TURN_SOURCE"}),
        (
            {"SWITCHBOARD_TURN_SOURCE": "kvs"},
            {
                "SWITCHBOARD_KVS_CHANNEL_PREFIX",
                "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES",
                "SWITCHBOARD_ICE_REUSE_SECONDS",
            },
        ),
        (
            {"SWITCHBOARD_TURN_SOURCE": "static"},
            {"SWITCHBOARD_TURN_CREDENTIALS", "SWITCHBOARD_TURN_SECRET_ARN", "ICE_SERVER_URLS"},
        ),
        (
            {"SWITCHBOARD_TURN_SOURCE": "static", "SWITCHBOARD_TURN_CREDENTIALS": "twilio"},
            {"SWITCHBOARD_TURN_SECRET_ARN"},
        ),
        ({"SWITCHBOARD_TURN_SOURCE": "coturn"}, {"SWITCHBOARD_TURN_SECRET_ARN", "ICE_SERVER_URLS"}),
    ],
)
def test_what_a_source_of_turn_lacks_is_named_at_once(environ: dict[str, str], named: set[str]) -> None:
    with pytest.raises(SettingsError) as raised:
        turn_of(environ)

    assert set(re.findall(r"(\w+): got nothing", str(raised.value))) == named


@pytest.mark.parametrize(
    ("environ", "name", "value", "allowed"),
    [
        (KVS, "SWITCHBOARD_TURN_SOURCE", "stun", "kvs, static, coturn or none"),
        (KVS, "SWITCHBOARD_KVS_CHANNEL_PREFIX", "switchboard-dev-turn-", "the ARNs of the signaling channels"),
        (KVS, "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES", "1,,2", "a comma list"),
        (KVS, "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES", "1,x", "a comma list"),
        (KVS, "SWITCHBOARD_ICE_REUSE_SECONDS", "101", "from 0 to 100"),
        (KVS, "SWITCHBOARD_ICE_REUSE_SECONDS", "-1", "from 0 to 100"),
        (KVS, "AWS_ENDPOINT_URL_KINESIS_VIDEO", "127.0.0.1", "http:// or https://"),
        (TWILIO, "SWITCHBOARD_TURN_CREDENTIALS", "metered", "fixed, cloudflare or twilio"),
        (TWILIO, "SWITCHBOARD_TURN_SECRET_ARN", "turn", "a secret's ARN"),
        (TWILIO, "SWITCHBOARD_TWILIO_URL", "https://user:pass@api.twilio.com", "http:// or https://"),
        (COTURN, "ICE_SERVER_URLS", "stun:s.example.com", "one of them TURN"),
        (COTURN, "ICE_SERVER_URLS", "turn:t.example.com,", "one of them TURN"),
        (COTURN, "ICE_SERVER_URLS", "turn:t.example.com?transport=sctp", "transport=udp|tcp"),
        (COTURN, "ICE_SERVER_URLS", "https://t.example.com", "a comma list"),
    ],
)
def test_a_wrong_variable_of_turn_is_named_with_what_is_allowed(
    environ: dict[str, str], name: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingsError, match=rf"{name}: .*{re.escape(allowed)}") as raised:
        turn_of({**environ, name: value})

    assert "user:pass" not in str(raised.value)


def test_a_services_own_endpoint_goes_before_the_general_one() -> None:
    settings = load_settings(
        environ={
            **VARIABLES,
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566/",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com",
        }
    )

    assert settings.runtime.base_url == "http://127.0.0.1:4566"
    assert settings.session_key.endpoint_url == "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com"


def test_nobody_is_let_in_unauthenticated_by_a_missing_variable() -> None:
    without = {name: value for name, value in VARIABLES.items() if name != "SWITCHBOARD_AUTHORIZER"}

    assert load_settings(environ=without).authenticated
    assert not load_settings(environ={**VARIABLES, "SWITCHBOARD_AUTHORIZER": "none"}).authenticated


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ={})

    named = re.findall(r"(SWITCHBOARD_\w+): got nothing", str(raised.value))
    assert sorted(named) == sorted(set(VARIABLES) - {"SWITCHBOARD_AUTHORIZER"})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("SWITCHBOARD_RUNTIME_ARN", "switchboard_dev", "an AgentCore runtime ARN"),
        ("SWITCHBOARD_ENDPOINT_NAME", "live?x=1", "an endpoint name"),
        ("SWITCHBOARD_SESSION_KEY_SECRET_ARN", "session-key", "a secret's ARN"),
        ("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", "301", "from 1 to 300"),
        ("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", "0", "from 1 to 300"),
        ("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", "1 min", "from 1 to 300"),
        ("SWITCHBOARD_TRANSPORTS", "websocket,fax", "websocket, webrtc, daily"),
        ("SWITCHBOARD_MAX_BODY_BYTES", "-1", "from 1 to"),
        ("SWITCHBOARD_AUTHORIZER", "None", "cognito, oidc or none"),
        ("AWS_ENDPOINT_URL", "localhost:4566", "http:// or https://"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://user:pass@127.0.0.1", "http:// or https://"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name}: .*{re.escape(allowed)}") as raised:
        load_settings(environ={**VARIABLES, name: value})

    assert str(raised.value).count("\n") == 1, "one mistake, one line"
    assert "user:pass" not in str(raised.value)


def test_rooms_are_read_of_only_with_their_transport() -> None:
    assert load_settings(environ={**VARIABLES, **DAILY_VARIABLES}).daily is None

    daily = load_settings(environ={**VARIABLES, **DAILY_VARIABLES, "SWITCHBOARD_TRANSPORTS": "daily"}).daily
    assert daily is not None
    assert daily.secret.arn == DAILY_SECRET
    with pytest.raises(SettingsError) as raised:
        load_settings(environ={**VARIABLES, "SWITCHBOARD_TRANSPORTS": "daily"})
    assert sorted(re.findall(r"(SWITCHBOARD_\w+): got", str(raised.value))) == sorted(DAILY_VARIABLES)


def test_credentials_keep_their_secret_parts_out_of_sight() -> None:
    credentials = load_credentials(environ=CREDENTIALS)

    assert (credentials.secret_key, credentials.token) == (SECRET_KEY, SESSION_TOKEN)
    assert SECRET_KEY not in repr(credentials)
    assert SESSION_TOKEN not in repr(credentials)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is not set"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY is not set"),
        ({"AWS_CREDENTIAL_EXPIRATION": "soon"}, "must be a time such as"),
        ({"AWS_CREDENTIAL_EXPIRATION": "2130-01-01T00:00:00"}, "must be a time such as"),
        ({"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}, "have expired"),
    ],
)
def test_unusable_credentials_are_refused_by_name(change: dict[str, str], message: str) -> None:
    with pytest.raises(CredentialsError, match=message):
        load_credentials(environ={**CREDENTIALS, **change})
