import io
import json
from dataclasses import replace
from urllib.parse import unquote

import pytest

from connect.session_id import new_session_id
from shared import aws_request
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import VARIABLES, Function
from tests.connect.test_handler import emf
from tests.rooms.daily_stub import DailyStub, Fault


def test_the_owner_ends_their_session(function: Function, aws: AwsStub) -> None:
    session_id = function.start().session_id

    answered = function.stop(session_id)

    assert (answered.status, answered.body) == (204, {})
    (request,) = aws.stop_requests
    path, _, query = request.target.partition("?")
    assert unquote(path) == f"/runtimes/{VARIABLES['SWITCHBOARD_RUNTIME_ARN']}/stopruntimesession"
    assert path.count("/") == 3, "the ARN is one path segment"
    assert query == "qualifier=live"
    assert request.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == session_id
    assert "x-amzn-bedrock-agentcore-runtime-session-id" in request.headers["authorization"], "signed"
    assert request.headers["content-type"] == "application/json"
    assert 33 <= len(json.loads(request.body)["clientToken"]) <= 256


def test_the_whole_path_of_a_webrtc_session_ends_it_too(webrtc: Function, aws: AwsStub) -> None:
    started = webrtc.start_webrtc(agent_body={"a": 1})
    assert started.path_id != started.session_id

    assert webrtc.stop(started.path_id + "x").code == "malformed_ticket"
    assert not aws.stop_requests
    assert webrtc.stop(started.path_id).status == 204
    assert aws.stop_requests[0].headers["x-amzn-bedrock-agentcore-runtime-session-id"] == started.session_id


def test_a_session_s_room_goes_with_it(
    in_daily: Function, aws: AwsStub, daily: DailyStub, log_text: io.StringIO
) -> None:
    started = in_daily.start_daily()
    daily.present[next(iter(daily.rooms))] = ["caller", "guest"]

    assert in_daily.stop(started.session_id, subject="bob").code == "not_your_session"
    assert len(daily.rooms) == 1
    assert in_daily.stop(started.session_id).status == 204

    assert (len(daily.ejected), len(daily.rooms)) == (2, 0)
    assert len(aws.stop_requests) == 1
    assert json.loads(log_text.getvalue().splitlines()[-1])["note"] == "stopped; room deleted"
    assert in_daily.stop(started.session_id).status == 204, "also when all is gone"


@pytest.mark.parametrize("operation", ["GetRoomPresence", "Eject", "DeleteRoom"])
@pytest.mark.parametrize("fault", [Fault(status=429, headers={"retry-after": "60"}), Fault(status=401)])
def test_a_room_that_can_not_be_emptied_or_deleted_now_is_left_to_the_sweep(
    in_daily: Function, daily: DailyStub, operation: str, fault: Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    session_id = in_daily.start_daily().session_id
    daily.present[next(iter(daily.rooms))] = ["guest"]
    daily.faults[operation] = [replace(fault)]

    assert in_daily.stop(session_id).status == 204
    assert len(daily.rooms) == 1
    counted = [metric["name"] for metric in emf(capfd.readouterr().out)]
    assert {"RoomsLeft", "SessionsStopped"} <= set(counted)


def test_a_room_outlives_the_transport_until_its_end(
    in_daily: Function, daily: DailyStub, aws: AwsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = in_daily.start_daily().session_id
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "websocket")
    in_daily.module.cached_settings.cache_clear()

    assert in_daily.stop(session_id).status == 204
    assert len(daily.rooms) == len(aws.stop_requests) == 1


def test_a_session_without_a_room_asks_daily_nothing(in_daily: Function, daily: DailyStub) -> None:
    assert in_daily.stop(in_daily.start('{"transport": "websocket"}').session_id).status == 204
    assert not daily.asked


def test_another_callers_session_is_left_alone(function: Function, aws: AwsStub) -> None:
    answered = function.stop(function.start(subject="ann").session_id, subject="bob")

    assert (answered.status, answered.code) == (403, "not_your_session")
    assert not aws.stop_requests


def test_a_forged_id_is_refused_as_foreign(function: Function, aws: AwsStub) -> None:
    answered = function.stop(new_session_id(key=b"a guess" * 5, subject="ann"))

    assert (answered.status, answered.code) == (403, "not_your_session")
    assert not aws.stop_requests


@pytest.mark.parametrize("text", ["", "abc", "g" * 96, "a" * 97, "A" * 96, "a" * 96 + "\n", "../../etc/passwd"])
def test_a_malformed_id_is_told_apart_from_a_foreign_one(function: Function, aws: AwsStub, text: str) -> None:
    answered = function.stop(text)

    assert (answered.status, answered.code) == (400, "malformed_session_id")
    assert not aws.secret_requests, "not worth a call"


def test_a_token_without_a_subject_ends_nothing(function: Function, aws: AwsStub) -> None:
    answered = function.stop(function.start().session_id, subject=None)

    assert (answered.status, answered.code) == (401, "missing_claim")
    assert not aws.stop_requests


def test_a_session_already_gone_is_as_good_as_stopped(function: Function, aws: AwsStub) -> None:
    aws.stop = Reply(status=404, headers={"x-amzn-errortype": "ResourceNotFoundException"})

    assert function.stop(function.start().session_id).status == 204


@pytest.mark.parametrize(
    ("upstream", "status", "code", "retryable"),
    [
        (409, 503, "agentcore_busy", True),
        (429, 503, "agentcore_busy", True),
        (500, 502, "agentcore_failed", True),
        (503, 502, "agentcore_failed", True),
        (302, 502, "agentcore_refused", False),
        (400, 502, "agentcore_refused", False),
        (403, 502, "agentcore_refused", False),
    ],
)
def test_agentcores_failures_are_told_apart_and_never_retried_here(
    function: Function, aws: AwsStub, upstream: int, status: int, code: str, retryable: bool
) -> None:
    session_id = function.start().session_id
    aws.stop = Reply(status=upstream, headers={"location": f"{aws.url}/elsewhere"})

    answered = function.stop(session_id)

    assert (answered.status, answered.code) == (status, code)
    assert ("Try again" in answered.body["error"]["message"]) == retryable
    assert ("retry-after" in answered.headers) == retryable
    assert len(aws.stop_requests) == 1


def test_the_log_says_why_agentcore_refused(function: Function, aws: AwsStub, log_text: io.StringIO) -> None:
    session_id = function.start().session_id
    aws.stop = Reply(status=403, headers={"x-amzn-errortype": "com.amazon#AccessDeniedException:http://internal/"})

    function.stop(session_id)

    assert (
        json.loads(log_text.getvalue().splitlines()[-1])["note"] == "StopRuntimeSession: HTTP 403 AccessDeniedException"
    )


def test_a_wrong_key_of_ours_is_refused_upstream(
    function: Function, monkeypatch: pytest.MonkeyPatch, aws: AwsStub
) -> None:
    session_id = function.start().session_id
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")

    assert function.stop(session_id).code == "agentcore_refused"
    assert len(aws.stop_requests) == 1


def test_a_silent_agentcore_is_given_up_on(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = function.start().session_id
    monkeypatch.setattr(aws_request, "TIMEOUT_SECONDS", 0.2)
    aws.stop = Reply(hang="before")

    answered = function.stop(session_id)

    assert (answered.status, answered.code) == (503, "agentcore_unreachable")
    assert answered.headers["retry-after"] == "1"


def test_an_agentcore_that_refuses_the_connection_is_named(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = function.start().session_id
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "http://127.0.0.1:1")
    function.module.cached_settings.cache_clear()

    assert function.stop(session_id).code == "agentcore_unreachable"


def test_an_endless_answer_is_cut_off(function: Function, aws: AwsStub) -> None:
    session_id = function.start().session_id
    aws.stop = Reply(body=b"x" * (aws_request.MAX_RESPONSE_BYTES + 1))

    assert function.stop(session_id).code == "agentcore_unreachable"
