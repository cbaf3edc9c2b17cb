import base64
import json
import re
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connect.session_id import owned_place
from connect.turn import IceAnswer
from shared.errors import ApiError
from tests.connect.aws_stub import AwsStub
from tests.connect.conftest import RELAY, SECRET_KEY, SESSION_KEY, Answered, Function, IceSource, api_event
from tests.connect.sigv4 import presigned_url_is_valid

CUSTOM_BODY = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Body"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
start_like = st.fixed_dictionaries(
    {},
    optional={
        "transport": st.sampled_from(["websocket", "webrtc", "daily", "fax"]) | json_values,
        "body": st.dictionaries(st.text(), json_values, max_size=3) | json_values,
        "createDailyRoom": st.booleans() | json_values,
        "enableDefaultIceServers": st.booleans() | json_values,
        "dailyRoomProperties": json_values,
    },
)
many = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def query_of(answered: Answered) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answered.body["wsUrl"]).query))


def assert_a_session_or_a_well_formed_refusal(answered: Answered) -> None:
    if answered.status == 200:
        assert set(answered.body) == {"wsUrl"}
        assert presigned_url_is_valid(url=answered.body["wsUrl"], secret_key=SECRET_KEY)
        return
    assert answered.status in (400, 413)
    assert re.fullmatch(r"[a-z_]+", answered.code)
    assert answered.body["error"]["requestId"] == "api-request-1"
    assert 10 < len(answered.body["error"]["message"]) < 500


@pytest.mark.parametrize("body", [None, "", "{}", '{"transport": "websocket"}', '{"body": {}}'])
def test_a_caller_gets_a_session_of_their_own(function: Function, body: str | None) -> None:
    answered = function.start(body, subject="ann")

    session_id = answered.session_id
    assert answered.status == 200
    assert answered.headers.keys() == {"content-type", "cache-control", "switchboard-session-id"}
    assert answered.headers["cache-control"] == "no-store"
    assert owned_place(key=SESSION_KEY.encode(), subject="ann", session_id=session_id)
    assert not owned_place(key=SESSION_KEY.encode(), subject="bob", session_id=session_id)
    query = query_of(answered)
    assert query["X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"] == session_id
    assert query["X-Amz-Expires"] == "60"
    assert CUSTOM_BODY not in query
    assert presigned_url_is_valid(url=answered.body["wsUrl"], secret_key=SECRET_KEY)


def test_the_agents_body_travels_inside_the_signature(function: Function) -> None:
    agent_body = {"brain": "echo", "name": "Åsa 👋", "n": 1.5, "list": [True, None]}

    query = query_of(function.start(json.dumps({"body": agent_body})))

    encoded = query[CUSTOM_BODY]
    assert "=" not in encoded
    assert json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))) == agent_body


def test_a_body_that_api_gateway_encoded_in_base64_is_read(function: Function) -> None:
    encoded = base64.b64encode(b'{"body": {"brain": "echo"}}').decode()

    assert CUSTOM_BODY in query_of(function.start(encoded, base64_encoded=True))


def test_what_pipecats_clients_add_for_other_transports_does_no_harm(function: Function) -> None:
    answered = function.start('{"transport":"websocket","createDailyRoom":false,"enableDefaultIceServers":true}')

    assert answered.status == 200


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ("{", 400, "invalid_json", "Expecting property name"),
        ('{"body": {"n": NaN}}', 400, "invalid_json", "NaN"),
        ('{"body": {"n": 1e999}}', 400, "invalid_json", "out of range"),
        ('{"body": {"s": "\\ud800"}}', 400, "invalid_json", "out of range"),
        ('{"transport": "websocket", "transport": "daily"}', 400, "invalid_json", "twice"),
        ("[" * 4000, 400, "invalid_json", ""),
        ("\ufeff{}", 400, "invalid_json", "BOM"),
        ("null", 400, "invalid_type", "must be of type object; got null"),
        ("[]", 400, "invalid_type", "got array"),
        ('{"transport": 5}', 400, "invalid_type", "transport must be of type string; got number"),
        ('{"transport": null}', 400, "invalid_type", "got null"),
        ('{"body": "hello"}', 400, "invalid_type", "body must be of type object; got string"),
        ('{"createDailyRoom": "yes"}', 400, "invalid_type", "createDailyRoom must be of type boolean"),
        ('{"enableDefaultIceServers": 1}', 400, "invalid_type", "enableDefaultIceServers must be of type boolean"),
        ('{"transprot": "websocket"}', 400, "unknown_field", '"transprot"'),
        ('{"dailyRoomProperties": {}}', 400, "unknown_field", '"dailyRoomProperties"'),
        ('{"transport": "fax"}', 400, "unknown_transport", "websocket, webrtc, daily"),
        ('{"transport": "webrtc"}', 400, "transport_not_deployed", "no webrtc transport; deployed: websocket"),
        ('{"createDailyRoom": true}', 400, "transport_not_deployed", "no daily transport"),
        ('{"body": {"s": "' + "x" * 2100 + '"}}', 413, "body_too_large", "2108 bytes"),
        (" " * 4097, 413, "request_too_large", "4097 bytes; at most 4096"),
    ],
)  # fmt: skip
def test_each_bad_body_has_its_own_answer(function: Function, body: str, status: int, code: str, says: str) -> None:
    answered = function.start(body)

    assert (answered.status, answered.code) == (status, code)
    assert says in answered.body["error"]["message"]
    assert answered.body["info"] == answered.body["error"]["message"], "where Pipecat's client looks for the reason"


def test_a_body_at_the_limit_is_taken(function: Function) -> None:
    agent_body = {"s": "x" * (2048 - len('{"s":""}'))}

    assert function.start(json.dumps({"body": agent_body})).status == 200


def test_a_deeply_nested_body_is_refused(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_MAX_BODY_BYTES", "1000000")

    answered = function.start("[" * 200_000)

    assert answered.code == "invalid_json"
    assert "nested too deeply" in answered.body["error"]["message"]


def test_base64_that_is_none_is_refused(function: Function) -> None:
    assert function.start("*", base64_encoded=True).code == "invalid_json"


def test_webrtc_answers_what_the_javascript_transport_connects_with(webrtc: Function, ice: IceSource) -> None:
    ice.answer = IceAnswer(servers=(RELAY,), expires_at=time.time() + 290)

    answered = webrtc.start('{"transport": "webrtc", "enableDefaultIceServers": true, "body": {"brain": "echo"}}')

    assert answered.status == 200
    assert set(answered.body) == {"sessionId", "iceConfig"}
    assert answered.body["iceConfig"] == {"iceServers": [RELAY.as_json()]}
    assert re.fullmatch(r"[A-Za-z0-9._-]+", answered.path_id)
    assert answered.path_id.startswith(f"{answered.session_id}.")
    assert owned_place(key=SESSION_KEY.encode(), subject="ann", session_id=answered.session_id)
    assert ice.asked == 1


def test_webrtc_serves_a_caller_who_names_no_transport_where_it_is_first(
    webrtc: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "webrtc,websocket")

    assert "iceConfig" in webrtc.start().body


def test_a_websocket_start_asks_for_no_relay(webrtc: Function, ice: IceSource) -> None:
    assert set(webrtc.start().body) == {"wsUrl"}
    assert ice.asked == 0


def test_without_a_relay_there_is_no_webrtc_session(webrtc: Function, ice: IceSource) -> None:
    ice.fails = ApiError(status=503, code="turn_unavailable", message="No relay. Try again in a moment.")

    answered = webrtc.start_webrtc()

    assert (answered.status, answered.code) == (503, "turn_unavailable")


@many
@given(raw=st.binary(max_size=5000))
def test_no_bytes_upset_it(function: Function, raw: bytes) -> None:
    encoded = base64.b64encode(raw).decode()

    assert_a_session_or_a_well_formed_refusal(function.start(encoded, base64_encoded=True))


@many
@given(text=st.text(st.characters(), max_size=300), base64_encoded=st.booleans())
def test_no_text_upsets_it(function: Function, text: str, base64_encoded: bool) -> None:
    assert_a_session_or_a_well_formed_refusal(function.start(text, base64_encoded=base64_encoded))


@many
@given(value=json_values | start_like)
def test_no_json_upsets_it(function: Function, value: Any) -> None:
    answered = function.start(json.dumps(value))

    assert_a_session_or_a_well_formed_refusal(answered)
    if answered.status == 200 and value.get("body"):
        encoded = query_of(answered)[CUSTOM_BODY]
        assert json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))) == value["body"]


def test_it_never_promises_more_time_than_the_credentials_have(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2026-11-24T12:00:30+00:00")
    with time_machine.travel(datetime(2026, 11, 24, 12, 0, 10, tzinfo=UTC), tick=False):
        answered = function.start()
        assert query_of(answered)["X-Amz-Expires"] == "20"
    with time_machine.travel(datetime(2026, 11, 24, 12, 0, 29, 500_000, tzinfo=UTC), tick=False):
        assert function.start().code == "wrong_setup"


@pytest.mark.parametrize("claims", [None, {}, {"sub": ""}, {"sub": 7}])
def test_a_token_without_a_subject_gets_401(function: Function, claims: dict[str, Any] | None, aws: AwsStub) -> None:
    event = api_event(route="POST /start", subject=None)
    if claims is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": claims}}
    answered = function.invoke(event)

    assert (answered.status, answered.code) == (401, "missing_claim")
    assert not aws.secret_requests


def test_without_an_authorizer_the_caller_is_anonymous(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_AUTHORIZER", "none")

    answered = function.start(subject=None)

    assert answered.status == 200
    assert owned_place(key=SESSION_KEY.encode(), subject="anonymous", session_id=answered.session_id)
