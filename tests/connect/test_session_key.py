import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from connect.session_id import owned_place
from shared import aws_request
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import VARIABLES, Function

# The stand-in doesn't look at the clock, so a test may travel.
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_the_key_is_asked_for_by_arn_and_kept_for_five_minutes(function: Function, aws: AwsStub) -> None:
    for seconds, asked in ((0, 1), (299, 1), (301, 2), (599, 2), (-3600, 3)):
        with time_machine.travel(NOON + timedelta(seconds=seconds), tick=False):
            assert function.start().status == 200
        assert len(aws.secret_requests) == asked, f"after {seconds} s"

    assert json.loads(aws.secret_requests[0].body) == {
        "SecretId": VARIABLES["SWITCHBOARD_SESSION_KEY_SECRET_ARN"],
        "VersionStage": "AWSCURRENT",
    }
    assert "/eu-west-1/secretsmanager/aws4_request" in aws.secret_requests[0].headers["authorization"]


def test_a_replaced_key_takes_over_when_the_old_one_ages_out(function: Function, aws: AwsStub) -> None:
    with time_machine.travel(NOON, tick=False):
        old = function.start().session_id
        aws.secret = Reply(body=json.dumps({"SecretString": "n" * 32}).encode())
        assert function.stop(old).status == 204
    with time_machine.travel(NOON + timedelta(seconds=301), tick=False):
        assert owned_place(key=b"n" * 32, subject="ann", session_id=function.start().session_id)
        assert function.stop(old).code == "not_your_session"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=400, headers={"x-amzn-errortype": "ResourceNotFoundException"}),
        Reply(status=400, headers={"x-amzn-errortype": "ThrottlingException"}),
        Reply(status=500),
        Reply(body=b"<html>"),
        Reply(body=b"[]"),
        Reply(body=b'{"SecretBinary": "AAAA"}'),
        Reply(hang="before"),
        Reply(hang="within"),
    ],
    ids=["not found", "throttled", "failed", "no JSON", "no object", "binary", "silent", "falls silent"],
)
def test_without_the_key_nothing_starts_and_the_next_caller_may_succeed(
    function: Function, aws: AwsStub, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_request, "TIMEOUT_SECONDS", 0.2 if reply.hang else 5)
    good, aws.secret = aws.secret, reply

    answered = function.start()

    assert (answered.status, answered.code) == (503, "session_key_unavailable")
    assert answered.headers["retry-after"] == "1"
    assert len(aws.secret_requests) == 1
    aws.secret = good
    assert function.start().status == 200, "a failure isn't remembered"


def test_an_aged_key_is_not_served_when_it_can_not_be_renewed(function: Function, aws: AwsStub) -> None:
    with time_machine.travel(NOON, tick=False):
        assert function.start().status == 200
    aws.secret = Reply(status=500)
    with time_machine.travel(NOON + timedelta(seconds=301), tick=False):
        assert function.start().code == "session_key_unavailable"


def test_the_log_says_why_the_key_could_not_be_read(function: Function, aws: AwsStub, log_text: io.StringIO) -> None:
    aws.secret = Reply(
        status=400, body=b'{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::1:a/b is not"}'
    )

    function.start()

    assert json.loads(log_text.getvalue())["note"] == "GetSecretValue: AccessDeniedException"


def test_wrong_credentials_are_refused_by_secrets_manager(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")

    assert function.start().code == "session_key_unavailable"


def test_a_secret_too_short_to_be_a_key_is_refused(function: Function, aws: AwsStub) -> None:
    aws.secret = Reply(body=b'{"SecretString": "changeme"}')

    assert (function.start().status, function.start().code) == (500, "wrong_setup")
