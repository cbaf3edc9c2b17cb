import io
import json
from urllib.parse import unquote

import pytest

from telephony import after_stream
from tests.connect.aws_stub import Reply
from tests.connect.conftest import agent_says
from tests.telephony.conftest import TARGET, VARIABLES, Output, Phone, lines
from tests.telephony.phone_aws import PhoneAws

SESSION_HEADER = "x-amzn-bedrock-agentcore-runtime-session-id"
REASON = "the caller's bank details"


@pytest.mark.usefixtures("confidential")
def test_the_agent_is_asked_and_its_session_stopped(phone: Phone, aws: PhoneAws, log_text: io.StringIO) -> None:
    aws.invocations = [agent_says({"outcome": "ended", "reason": REASON})]

    answered = phone.post("next")

    assert (answered.status, answered.plan) == (200, [{"step": "HangUp"}])
    (asked,), (stopped,) = aws.invoke_requests, aws.stop_requests
    assert asked.message == {"type": "call-outcome"}
    assert unquote(asked.target) == f"/runtimes/{VARIABLES['SWITCHBOARD_RUNTIME_ARN']}/invocations?qualifier=live"
    assert asked.headers[SESSION_HEADER] == stopped.headers[SESSION_HEADER] == phone.session_id
    assert lines(log_text)[0]["note"] == "ended; stopped"
    assert REASON not in log_text.getvalue(), "a reason is the caller's business"


@pytest.mark.parametrize("outcome", ["transfer", "failed", "unknown"])
def test_a_caller_whose_bot_is_gone_or_asked_for_it_gets_a_person(
    phone: Phone, aws: PhoneAws, output: Output, log_text: io.StringIO, outcome: str
) -> None:
    aws.invocations = [agent_says({"outcome": outcome})]

    answered = phone.post("next")

    assert answered.plan == [{"step": "Transfer", "target": TARGET}]
    assert lines(log_text)[0]["note"] == f"{outcome}; stopped"
    assert len(aws.stop_requests) == 1
    assert output.counted() == [
        {"name": "WebhooksServed", "carrier": "vonage"},
        {"name": "CallsTransferred", "carrier": "vonage"},
    ]


@pytest.mark.parametrize("outcome", ["transfer", "failed", "unknown", "ended"])
def test_where_nobody_takes_over_every_call_ends(
    phone: Phone, aws: PhoneAws, monkeypatch: pytest.MonkeyPatch, output: Output, outcome: str
) -> None:
    monkeypatch.delenv("SWITCHBOARD_TRANSFER_TO")
    aws.invocations = [agent_says({"outcome": outcome})]

    assert phone.post("next").steps == ["HangUp"]
    assert [metric["name"] for metric in output.counted()] == ["WebhooksServed"]


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (Reply(status=424), "InvokeAgentRuntime: HTTP 424"),
        (Reply(status=409), "InvokeAgentRuntime: HTTP 409"),
        (Reply(body=b"<html>"), "InvokeAgentRuntime: HTTP 200, no JSON object"),
        (agent_says({"outcome": ["transfer"]}), "the agent's outcome is no known one"),
        (agent_says({"outcome": "sell"}), "the agent's outcome is no known one"),
        (agent_says({}), "the agent's outcome is no known one"),
        (agent_says({"error": {"code": "unknown_type", "message": REASON}}), "the agent's own error"),
    ],
)
def test_an_agent_that_can_not_say_counts_as_failed(
    phone: Phone, aws: PhoneAws, log_text: io.StringIO, reply: Reply, note: str
) -> None:
    aws.invocations = [reply]

    assert phone.post("next").steps == ["Transfer"]
    assert lines(log_text)[0]["note"] == f"failed; {note}; stopped"
    assert REASON not in log_text.getvalue()


def test_a_silent_agent_does_not_outwait_the_carrier(
    phone: Phone, aws: PhoneAws, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert after_stream.ASK_SECONDS + after_stream.STOP_SECONDS < 5, "Vonage's patience"
    monkeypatch.setattr(after_stream, "ASK_SECONDS", 0.5)
    monkeypatch.setattr(after_stream, "STOP_SECONDS", 0.2)
    aws.invocations = [Reply(hang="before")]
    aws.stop = Reply(hang="before")

    assert phone.post("next").steps == ["Transfer"]
    note = "failed; InvokeAgentRuntime: ReadTimeoutError; StopRuntimeSession: ReadTimeoutError"
    assert lines(log_text)[0]["note"] == note


def test_a_session_that_can_not_be_stopped_now_is_left_to_the_calls_last_event(
    phone: Phone, aws: PhoneAws, log_text: io.StringIO
) -> None:
    aws.invocations = [agent_says({"outcome": "transfer"})]
    aws.stop = Reply(status=500)

    assert phone.post("next").steps == ["Transfer"]
    assert lines(log_text)[0]["note"] == "transfer; StopRuntimeSession: HTTP 500"


def test_a_session_already_gone_is_as_good_as_stopped(phone: Phone, aws: PhoneAws, log_text: io.StringIO) -> None:
    aws.invocations = [agent_says({"outcome": "ended"})]
    aws.stop = Reply(status=404)

    assert json.loads(phone.post("next").body) == [{"step": "HangUp"}]
    assert lines(log_text)[0]["note"] == "ended; already gone"
