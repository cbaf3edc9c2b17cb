import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.session_label import session_label
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import (
    CALLERS_WORD,
    CONFIDENTIAL,
    CREDENTIALS,
    POWERTOOLS,
    SECRET_KEY,
    SESSION_TOKEN,
    VARIABLES,
    Answered,
    Function,
    api_event,
)

BODY = json.dumps({"body": {"note": CALLERS_WORD}})
# A process of its own, as Lambda starts one.
COLD_START = """
import json, sys
from types import SimpleNamespace
from connect.handler import handler
loaded = sorted(sys.modules)
event = json.load(sys.stdin)
context = SimpleNamespace(function_name="connect", memory_limit_in_mb=512, invoked_function_arn="", aws_request_id="1")
handler(event, context)
handler(event, context)
print("loaded", json.dumps(loaded))
"""


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def emf(printed: str) -> list[dict[str, Any]]:
    """The metrics of an output, as (name → value and dimensions) in CloudWatch's embedded format."""
    blobs = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    return [
        {"name": metric["Name"], "value": blob[metric["Name"]], "namespace": directive["Namespace"]}
        | {dimension: blob[dimension] for dimension in directive["Dimensions"][0]}
        for blob in blobs
        for directive in blob["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    ]


@pytest.mark.parametrize("route", ["GET /nowhere", "$default", "POST /sessions"])
def test_an_unknown_route_names_the_known_ones(function: Function, route: str) -> None:
    answered = function.invoke(api_event(route=route, method="GET"))

    assert (answered.status, answered.code) == (404, "unknown_route")
    assert "POST /start, DELETE /sessions/{session_id}" in answered.body["error"]["message"]


def test_a_wrong_method_names_the_right_one(function: Function) -> None:
    answered = function.invoke(api_event(route="ANY /start", method="GET"))

    assert (answered.status, answered.code) == (405, "method_not_allowed")
    assert answered.headers["allow"] == "POST"


def test_a_wrong_environment_is_told_to_the_log_and_not_to_the_caller(
    function: Function, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "fax")

    answered = function.start()

    assert (answered.status, answered.code) == (500, "wrong_setup")
    assert "SWITCHBOARD" not in answered.body["error"]["message"]
    (line,) = lines(log_text)
    assert "SWITCHBOARD_TRANSPORTS: got 'fax'" in line["note"]


def test_one_line_says_what_became_of_a_request(function: Function, log_text: io.StringIO) -> None:
    session_id = function.start(BODY).session_id
    function.stop(session_id)
    function.stop("abc")

    started, stopped, refused = lines(log_text)
    shared = {"service": "connect", "message": "request", "correlation_id": "api-request-1"}
    for line in (started, stopped, refused):
        assert shared.items() <= line.items()
        assert 0 <= line["duration_ms"] < 60_000
    assert (started["route"], started["status"], started["session"]) == ("POST /start", 200, session_label(session_id))
    assert (stopped["status"], stopped["session"], stopped["note"]) == (204, started["session"], "stopped")
    assert (refused["status"], refused["code"]) == (400, "malformed_session_id")


def test_every_request_is_counted(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.stop(function.start().session_id)
    function.start('{"transport": "fax"}')

    counted = [metric for metric in emf(capsys.readouterr().out) if metric["name"] != "ColdStart"]
    common = {"value": [1.0], "namespace": "Switchboard", "service": "connect"}
    assert counted == [
        {"name": "SessionsStarted", **common},
        {"name": "SessionsStopped", **common},
        {"name": "Refused", "code": "unknown_transport", **common},
    ]


def test_a_cold_start_is_counted_once_and_nothing_heavy_is_imported() -> None:
    run = subprocess.run(
        [sys.executable, "-c", COLD_START],
        env={
            **{**POWERTOOLS, **VARIABLES, **CREDENTIALS},
            "POWERTOOLS_LOGGER_LOG_EVENT": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(Path(__file__).parents[2] / "lambda"),
        },
        input=json.dumps(api_event(route="GET /nowhere")),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    cold_starts = [metric for metric in emf(run.stdout) if metric["name"] == "ColdStart"]
    loaded = set(json.loads(run.stdout.rpartition("loaded ")[2]))
    assert [metric["value"] for metric in cold_starts] == [[1.0]]
    assert "THE-CALLERS-TOKEN" not in run.stdout, "the event stays out of the log, whatever the switch says"
    assert "botocore.auth" in loaded
    heavy = {"boto3", "botocore.session", "botocore.client", "botocore.credentials", "pydantic", "aws_xray_sdk"}
    needless = {"connect.turn", "connect.ticket", "connect.sdp", "connect.stop", "connect.room", "shared.daily", "jwt"}
    assert not loaded & needless, "what a start can do without"
    assert not loaded & (heavy | {"aws_lambda_powertools.event_handler", "aws_lambda_powertools.utilities.parser"})


def broken(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    """A defect whose exception carries everything that must stay inside."""

    def fail(**_: object) -> None:
        raise RuntimeError(f"https://host/?X-Amz-Signature=0&X-Amz-Security-Token={SESSION_TOKEN} {SECRET_KEY} {BODY}")

    monkeypatch.setattr("connect.websocket.presigned_websocket_url", fail)
    return function.start(BODY)


def started(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    return function.start(BODY)


def stopped(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    return function.stop(function.start(BODY).session_id)


def foreign(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    return function.stop(function.start(BODY).session_id, subject="bob")


def bad_body(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    return function.start(json.dumps({CALLERS_WORD: 1}))


def no_json(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    return function.start("{" + CALLERS_WORD)


def no_key(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    return function.start(BODY)


def refused_upstream(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> Answered:
    echo = f"The Canonical String should have been … {SESSION_TOKEN}"
    aws.stop = Reply(status=403, body=echo.encode(), headers={"x-amzn-errortype": SESSION_TOKEN})
    return function.stop(function.start(BODY).session_id)


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        (started, 200),
        (stopped, 204),
        (foreign, 403),
        (bad_body, 400),
        (no_json, 400),
        (no_key, 503),
        (refused_upstream, 502),
        (broken, 500),
    ],
)
def test_nothing_confidential_is_ever_logged(
    function: Function,
    aws: AwsStub,
    log_text: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    scenario: Callable[[Function, AwsStub, pytest.MonkeyPatch], Answered],
    status: int,
) -> None:
    """With the root logger at DEBUG and all its handlers open, as Lambda's logging controls allow."""
    root_text = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(root_text)])
    caplog.set_level(logging.DEBUG)
    logging.getLogger("anyone").debug("the root logger is listening")

    answered = scenario(function, aws, monkeypatch)

    assert answered.status == status
    output = capfd.readouterr()
    written = "\n".join((log_text.getvalue(), root_text.getvalue(), output.out, output.err))
    assert '"message":"request"' in written
    assert "listening" in root_text.getvalue()
    session = [answered.session_id] if status == 200 else []
    assert not [word for word in (*CONFIDENTIAL, *session, CALLERS_WORD) if word in written]
    if status != 200:
        assert not [word for word in CONFIDENTIAL if word in json.dumps(answered.body)]


def test_a_defect_is_found_by_its_place_and_request_id(
    function: Function, aws: AwsStub, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = broken(function, aws, monkeypatch)

    assert answered.code == "internal_error"
    assert answered.body["error"]["requestId"] == "api-request-1"
    defect, request = lines(log_text)
    assert defect["level"] == "ERROR"
    assert defect["exception_name"] == "RuntimeError"
    assert defect["exception"].endswith(" fail")
    assert "start.py:" in defect["exception"]
    assert defect["correlation_id"] == request["correlation_id"] == "api-request-1"
