"""Each way a call fails: its exit code, its words, and nothing left behind."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from tests.switchboard.conftest import Aws, Finished
from tests.switchboard.lines import Line, WebSocketLine
from tests.switchboard.stand_in import Reply, Script, go_on

Call = Callable[..., Finished]

ONE_ANSWER = [Reply(heard="one", answer="Yes.")]


def drop(line: Line) -> None:
    line.drop()


def websocket(line: Line) -> ServerConnection:
    assert isinstance(line, WebSocketLine)
    return line.connection


def refused(status: int, **answer: Any) -> Script:
    return Script(start_status=status, start_answer=answer)


@pytest.mark.parametrize(
    ("script", "exit_code", "words"),
    [
        pytest.param(
            refused(401, message="Unauthorized"), 11, "POST /start was answered 401: message Unauthorized", id="401"
        ),
        pytest.param(
            refused(403, error={"code": "forbidden", "message": "no wss://host/ws?secret at all", "requestId": "r-1"}),
            11,
            "answered 403: code forbidden, message no [URL] at all, requestId r-1",
            id="403",
        ),
        pytest.param(refused(500), 11, "POST /start was answered 500: no details", id="500"),
        pytest.param(refused(200), 11, "was answered without session id and wsUrl", id="no wsUrl"),
        pytest.param(Script(start_delay_seconds=0.8), 11, "POST /start was not answered in time", id="slow start"),
        pytest.param(Script(handshake_status=403), 12, "handshake was refused with HTTP 403", id="handshake"),
        pytest.param(Script(handshake_status=409), 12, "handshake was refused with HTTP 409", id="conflict"),
        pytest.param(
            Script(replies=ONE_ANSWER, last_words=drop),
            12,
            "the call ended before sentence 2: dropped with code 1006 (and not resumed: POST "
            "/sessions/{session_id}/url was answered 404",
            id="dropped",
        ),
        pytest.param(
            Script(replies=ONE_ANSWER, last_words=lambda line: websocket(line).close(1011, "internal error")),
            12,
            "dropped with code 1011 (internal error, and not resumed: POST /sessions/{session_id}/url was answered 404",
            id="server error",
        ),
        pytest.param(
            Script(replies=ONE_ANSWER, last_words=lambda line: websocket(line).send("text")),
            12,
            "the agent sent a text frame, where Pipecat's protobuf is binary",
            id="not protobuf",
        ),
        pytest.param(
            Script(replies=ONE_ANSWER), 12, "the call ended before sentence 2: the bot hung up", id="hung up early"
        ),
        pytest.param(Script(ready=False, last_words=go_on), 13, "the bot was not ready within 0.5 s", id="not ready"),
        pytest.param(Script(last_words=go_on), 13, "the bot did not answer sentence 1 within", id="silent"),
        pytest.param(
            Script(replies=[Reply(heard="won", answer="Yes."), Reply(heard="two", answer="Yes.")]),
            14,
            "the bot heard other words than were said in turn 1",
            id="words",
        ),
    ],
)
def test_failure_has_its_exit_code_and_words(call: Call, aws: Aws, script: Script, exit_code: int, words: str) -> None:
    finished = call(script, "--say", "one", "--say", "two", "--no-echo", "--json", "--timeout-seconds", "0.5")
    assert finished.exit_code == finished.document["exit_code"] == exit_code
    assert words in finished.document["errors"][0]["problem"]
    assert finished.document["errors"][0]["causes"]
    assert finished.document["errors"][0]["next_steps"]
    aws.cognito.assert_no_pending_responses()
    created, *_, deleted = aws.cognito_calls
    assert (created[0], deleted[0]) == ("AdminCreateUser", "AdminDeleteUser")
    assert created[1]["Username"] == deleted[1]["Username"]


@pytest.mark.parametrize(
    ("script", "stopped"),
    [
        pytest.param(Script(handshake_status=403), True, id="refused"),
        pytest.param(Script(replies=ONE_ANSWER, last_words=drop), True, id="dropped"),
        pytest.param(Script(replies=ONE_ANSWER), False, id="the bot hung up"),
    ],
)
def test_session_is_ended_unless_the_bot_hung_up(call: Call, script: Script, *, stopped: bool) -> None:
    finished = call(script, "--say", "one", "--no-echo", "--json", "--timeout-seconds", "0.5")
    assert [path for method, path, *_ in finished.service.requests if method == "DELETE"] == (
        ["/sessions/session-1"] if stopped else []
    )


def test_what_was_measured_before_the_failure_is_reported(call: Call) -> None:
    script = Script(replies=ONE_ANSWER, last_words=drop)
    finished = call(script, "--say", "one", "--say", "two", "--no-echo")
    text = " ".join(finished.stdout.split())
    assert finished.exit_code == 12
    assert "one │ one │ Yes. │ a tone of 600 hertz" in text
    assert "dropped with code 1006" in text
    assert "Failed (12 CONNECTING)" in text
    assert Path(".switchboard/calls").exists()


def test_session_that_cannot_be_ended_is_a_failure_after_the_call_s_own(call: Call) -> None:
    script = Script(replies=ONE_ANSWER, last_words=go_on, stop_status=502)
    finished = call(script, "--say", "other", "--no-echo", "--json")
    assert [error["exit_code"] for error in finished.document["errors"]] == [14, 11]
    assert finished.document["errors"][1]["problem"] == "DELETE /sessions/{session_id} was answered 502: no details"
    assert (finished.exit_code, finished.document["call"]["ended_by"]) == (14, "caller")


def test_recording_that_cannot_be_saved_is_told_with_the_report(call: Call) -> None:
    finished = call(Script(replies=ONE_ANSWER), "--say", "one", "--no-echo", "--json", "--wav", "/dev/null/call.wav")
    assert (finished.exit_code, finished.document["wav"]) == (2, None)
    assert finished.document["errors"][0]["problem"].startswith("the recording cannot be saved as /dev/null/call.wav")
    assert finished.document["call"]["turns"][0]["words_match"] is True


def test_echo_that_fails_keeps_the_call(call: Call) -> None:
    def break_next_session(line: Line) -> None:
        script.handshake_status = 429
        line.hang_up()

    script = Script(replies=ONE_ANSWER, last_words=break_next_session)
    finished = call(script, "--say", "one", "--json")
    assert (finished.exit_code, finished.document["echo"]) == (12, None)
    assert finished.document["call"]["turns"][0]["words_match"] is True


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_interrupt_leaves_neither_user_nor_session(call: Call, aws: Aws, transport: str) -> None:
    def interrupt(_: Line) -> None:
        signal.pthread_kill(threading.main_thread().ident or os.getpid(), signal.SIGINT)

    script = Script(replies=ONE_ANSWER, last_words=interrupt)
    finished = call(script, "--say", "one", "--say", "two", "--json", "--transport", transport)
    assert finished.exit_code == 130
    assert [error["kind"] for error in finished.document["errors"]] == ["interrupted"]
    assert finished.service.requests[-1][:2] == ("DELETE", "/sessions/session-1")
    aws.cognito.assert_no_pending_responses()


def test_nothing_listens(call: Call) -> None:
    script = Script(start_answer={"wsUrl": "ws://127.0.0.1:9/ws?X-Amz-Signature=5ec4e75ec4e7"})
    finished = call(script, "--json")
    assert finished.exit_code == 12
    assert finished.document["errors"][0]["problem"] == "the WebSocket could not be opened (ConnectionRefusedError)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--say", " "], "--say needs words"),
        (["--username", "ann"], "--username needs --password or SWITCHBOARD_PASSWORD"),
        (["--username", "ann", "--password", "x", "--token", "y"], "exclude each other"),
        (["--timeout-seconds", "0"], "timeout-seconds"),
    ],
)
def test_wrong_command_line_is_told(call: Call, arguments: list[str], words: str) -> None:
    finished = call(Script(), *arguments)
    assert finished.exit_code == 2
    assert words in " ".join(finished.stderr.replace("│", " ").split())
    assert finished.service.requests == []
