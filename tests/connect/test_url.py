"""A lost WebSocket's next URL, and by what name the agent knows a caller."""

import hmac
import io
import json
from typing import Any

import pytest

from connect.session_id import new_session_id
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import SECRET_KEY, SESSION_KEY, Answered, Function
from tests.connect.sigv4 import presigned_url_is_valid
from tests.connect.test_offer import BODY
from tests.connect.test_start import query_of

SESSION_ID = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
CUSTOM = "X-Amzn-Bedrock-AgentCore-Runtime-Custom"
OWN_SESSION = new_session_id(key=SESSION_KEY.encode(), subject="ann")


def custom_of(answered: Answered) -> dict[str, str]:
    """What the URL tells the agent."""
    return {name: value for name, value in query_of(answered).items() if name.startswith(CUSTOM)}


@pytest.fixture
def memory(function: Function, monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setenv("SWITCHBOARD_MEMORY", "on")
    return function


def test_the_owner_gets_another_url_of_the_same_session(function: Function, aws: AwsStub) -> None:
    started = function.start('{"body": {"brain": "echo"}}')

    answered = function.url(started.session_id)

    assert (answered.status, set(answered.body)) == (200, {"wsUrl"})
    assert answered.headers["cache-control"] == "no-store"
    assert query_of(answered)[SESSION_ID] == started.session_id
    assert query_of(answered)["X-Amz-Expires"] == "60"
    assert custom_of(answered) == {f"{CUSTOM}-Resume": "1"}
    assert presigned_url_is_valid(url=answered.body["wsUrl"], secret_key=SECRET_KEY)
    forged = answered.body["wsUrl"].replace(f"{CUSTOM}-Resume=1", f"{CUSTOM}-Resume=0")
    assert not presigned_url_is_valid(url=forged, secret_key=SECRET_KEY)
    assert [*aws.stop_requests, *aws.invoke_requests] == [], "AgentCore is not asked"


def test_a_new_session_is_no_resumed_one(function: Function) -> None:
    assert custom_of(function.start()) == {}


@pytest.mark.parametrize(
    ("session_id", "subject", "status", "code"),
    [
        (OWN_SESSION, "bob", 403, "not_your_session"),
        (new_session_id(key=b"a guess" * 5, subject="ann"), "ann", 403, "not_your_session"),
        ("abc", "ann", 400, "malformed_session_id"),
        (OWN_SESSION.upper(), "ann", 400, "malformed_session_id"),
        (f"{OWN_SESSION}.x", "ann", 400, "malformed_ticket"),
    ],
)
def test_nobody_else_gets_one(function: Function, session_id: str, subject: str, status: int, code: str) -> None:
    answered = function.url(session_id, subject=subject)

    assert (answered.status, answered.code) == (status, code)


def test_it_needs_the_transport(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "webrtc")
    monkeypatch.setenv("SWITCHBOARD_TURN_SOURCE", "none")

    answered = function.url(OWN_SESSION)

    assert (answered.status, answered.code) == (400, "transport_not_deployed")


def test_it_needs_the_session_key(function: Function, aws: AwsStub) -> None:
    aws.secret = Reply(status=500)

    assert function.url(OWN_SESSION).code == "session_key_unavailable"


def test_it_is_logged_and_counted_without_a_word_of_the_url(
    memory: Function, log_text: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    answered = memory.url(OWN_SESSION)

    line = json.loads(log_text.getvalue().splitlines()[-1])
    assert (line["route"], line["status"]) == ("POST /sessions/{session_id}/url", 200)
    written = log_text.getvalue() + (output := capfd.readouterr().out)
    assert '"UrlsSignedAgain":[1.0]' in output
    secrets = ("X-Amz-", "wss://", OWN_SESSION, custom_of(answered)[f"{CUSTOM}-Caller"])
    assert [word for word in secrets if word in written] == []


def test_with_memory_the_agent_is_told_a_name_that_is_the_callers_own(memory: Function) -> None:
    first, second, of_bob = memory.start(), memory.start(), memory.start(subject="bob")
    names = [custom_of(each)[f"{CUSTOM}-Caller"] for each in (first, second, memory.url(first.session_id), of_bob)]

    assert names[0] == names[1] == names[2] != names[3]
    assert all(len(name) == 64 and set(name) <= set("0123456789abcdef") for name in names)
    assert names[0] not in first.session_id + second.session_id
    assert "ann" not in names[0]


def test_the_name_stays_what_it_was_made_of(memory: Function) -> None:
    """Made otherwise, it would be a stranger's to every memory that is kept."""
    key = hmac.digest(SESSION_KEY.encode(), b"switchboard caller", "sha256")

    assert custom_of(memory.start()) == {f"{CUSTOM}-Caller": hmac.digest(key, b"ann", "sha256").hex()}


def test_an_offer_tells_the_same_name(webrtc: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_MEMORY", "on")
    webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    (request,) = aws.invoke_requests
    assert request.message["caller"] == custom_of(webrtc.start())[f"{CUSTOM}-Caller"]


def test_another_key_gives_another_name(memory: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared import secret_cache

    before = custom_of(memory.start())
    monkeypatch.setattr(secret_cache, "_cache", {})
    aws.secret = Reply(body=json.dumps({"SecretString": SESSION_KEY[::-1]}).encode())

    assert custom_of(memory.start()) != before


@pytest.mark.parametrize("variables", [{"SWITCHBOARD_MEMORY": "off"}, {"SWITCHBOARD_AUTHORIZER": "none"}])
def test_who_is_not_remembered_has_no_name(
    memory: Function, monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert custom_of(memory.start()) == {}
