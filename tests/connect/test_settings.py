import re

import pytest

from connect.settings import SettingsError, load_settings
from shared.credentials import CredentialsError, load_credentials
from tests.connect.conftest import CREDENTIALS, SECRET_KEY, SESSION_TOKEN, VARIABLES


def test_the_environment_becomes_settings() -> None:
    settings = load_settings(environ={**VARIABLES, "SWITCHBOARD_TRANSPORTS": "webrtc,websocket"})

    assert settings.runtime_region == "eu-west-1"
    assert settings.transports == ("webrtc", "websocket")
    assert settings.presigned_url_lifetime_seconds == 60
    assert settings.agentcore_url == "https://bedrock-agentcore.eu-west-1.amazonaws.com"
    assert settings.secrets_manager_url == "https://secretsmanager.eu-west-1.amazonaws.com"
    assert settings.authenticated


def test_a_services_own_endpoint_goes_before_the_general_one() -> None:
    settings = load_settings(
        environ={
            **VARIABLES,
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566/",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com",
        }
    )

    assert settings.agentcore_url == "http://127.0.0.1:4566"
    assert settings.secrets_manager_url == "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com"


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
