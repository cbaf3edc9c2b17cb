import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import boto3
import pytest
import time_machine
from bedrock_agentcore.runtime import AgentCoreRuntimeClient

from connect.session_id import new_session_id
from connect.settings import Settings, load_settings
from shared.credentials import Credentials
from shared.presign import presigned_websocket_url
from tests.connect.conftest import SECRET_KEY, SESSION_TOKEN, VARIABLES
from tests.connect.sigv4 import presigned_url_is_valid

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SESSION_ID = new_session_id(key=b"k" * 32, subject="ann")
AGENT_BODY = json.dumps({"brain": "echo", "name": "Åsa & Bo?/+="}, ensure_ascii=False).encode()
CUSTOM = "X-Amzn-Bedrock-AgentCore-Runtime-Custom"
ROLE_KEYS = Credentials(access_key="ASIAEXAMPLE", secret_key=SECRET_KEY, token=SESSION_TOKEN)
USER_KEYS = Credentials(access_key="AKIDEXAMPLE", secret_key=SECRET_KEY)


def custom(agent_body: bytes) -> dict[str, str]:
    return {"Body": base64.urlsafe_b64encode(agent_body).decode().replace("=", ""), "Resume": "1", "Caller": ""}


def presign(*, settings: Settings, credentials: Credentials = ROLE_KEYS, agent_body: bytes = AGENT_BODY) -> str:
    return presigned_websocket_url(
        runtime=settings.runtime,
        credentials=credentials,
        session_id=SESSION_ID,
        custom=custom(agent_body),
        lifetime_seconds=60,
    )


@pytest.mark.parametrize("credentials", [ROLE_KEYS, USER_KEYS], ids=["role", "user"])
@pytest.mark.parametrize("agent_body", [AGENT_BODY, b""], ids=["body", "no body"])
def test_it_signs_what_agentcores_own_client_signs(
    settings: Settings, credentials: Credentials, agent_body: bytes
) -> None:
    sdk = AgentCoreRuntimeClient(
        region="eu-west-1",
        session=boto3.Session(
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
            region_name="eu-west-1",
        ),
    )
    theirs_too = {f"{CUSTOM}-{name}": value for name, value in custom(agent_body).items() if value}
    with time_machine.travel(NOW, tick=False):
        theirs = sdk.generate_presigned_url(
            settings.runtime.arn, session_id=SESSION_ID, endpoint_name="live", custom_headers=theirs_too, expires=60
        )
        ours = presign(settings=settings, credentials=credentials, agent_body=agent_body)

    assert urlsplit(ours)._replace(query="") == urlsplit(theirs)._replace(query="")
    assert sorted(parse_qsl(urlsplit(ours).query)) == sorted(parse_qsl(urlsplit(theirs).query))


def test_it_opens_this_session_of_this_endpoint_and_nothing_else(settings: Settings) -> None:
    url = presign(settings=settings)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))

    assert (parts.scheme, parts.netloc) == ("wss", "bedrock-agentcore.eu-west-1.amazonaws.com")
    assert unquote(parts.path) == f"/runtimes/{settings.runtime.arn}/ws"
    assert query["qualifier"] == "live"
    assert query["X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"] == SESSION_ID
    assert query["X-Amz-Expires"] == "60"
    body = query[f"{CUSTOM}-Body"]
    assert base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)) == AGENT_BODY
    assert query[f"{CUSTOM}-Resume"] == "1"
    assert f"{CUSTOM}-Caller" not in query
    assert presigned_url_is_valid(url=url, secret_key=SECRET_KEY)
    assert not presigned_url_is_valid(url=url, secret_key=SECRET_KEY + "x")


def test_changing_dropping_or_adding_anything_breaks_the_signature(settings: Settings) -> None:
    parts = urlsplit(presign(settings=settings))
    pairs = parse_qsl(parts.query)
    assert len(pairs) == 11
    changed = [
        [*pairs[:index], (name, value[:-1] + ("1" if value.endswith("0") else "0")), *pairs[index + 1 :]]
        for index, (name, value) in enumerate(pairs)
    ]
    dropped = [[*pairs[:index], *pairs[index + 1 :]] for index in range(len(pairs))]
    added = [[*pairs, ("X-Amzn-Bedrock-AgentCore-Runtime-User-Id", "bob")]]

    for forged in changed + dropped + added:
        url = urlunsplit(parts._replace(query=urlencode(forged)))
        assert not presigned_url_is_valid(url=url, secret_key=SECRET_KEY), url
    for forged_parts in (parts._replace(path=parts.path.replace("dev", "prod")), parts._replace(netloc="example.com")):
        assert not presigned_url_is_valid(url=urlunsplit(forged_parts), secret_key=SECRET_KEY)


@pytest.mark.parametrize(
    ("variable", "endpoint", "expected"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566", "ws://127.0.0.1:4566/runtimes/"),
        (
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
            "https://agentcore.example:8443/",
            "wss://agentcore.example:8443/runtimes/",
        ),
    ],
)
def test_a_configured_endpoint_takes_the_place_of_the_public_host(variable: str, endpoint: str, expected: str) -> None:
    url = presign(settings=load_settings(environ={**VARIABLES, variable: endpoint}))

    assert url.startswith(expected)
    assert presigned_url_is_valid(url=url, secret_key=SECRET_KEY)
