"""A call that waits at Daily, from its webhook to the agent that is called into a room for it."""

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from shared.daily import key
from telephony.carriers import load
from telephony.phone_session import pseudonym, session_id_of
from tests.connect.aws_stub import Reply
from tests.rooms.daily_stub import API_KEY, DOMAIN_ID, DailyStub, Fault, running_daily
from tests.telephony import daily_account
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import CALLER, OUR_NUMBER, SESSION_KEY, TARGET, Answered, Output, Phone, lines
from tests.telephony.daily_account import DOMAIN, HMAC_KEY, OTHER_HMAC_KEY, PREFIX, webhook_event
from tests.telephony.phone_aws import PhoneAws

CALL_ID = "8a2f3b7e-1c55-4d0e-9a53-6d2c1f0e9b77"
CALL = {"To": OUR_NUMBER, "From": CALLER, "callId": CALL_ID, "callDomain": DOMAIN}
SESSION_ID = session_id_of(key=SESSION_KEY.encode(), carrier="daily", call_id=CALL_ID)
ROOM = f"{PREFIX}-{SESSION_ID[:32]}"


@pytest.fixture
def daily() -> Iterator[DailyStub]:
    with running_daily(DailyStub()) as stub:
        yield stub


class Daily:
    """Daily's side of the function."""

    def __init__(self, *, phone: Phone) -> None:
        self._phone = phone

    def post(self, **arguments: Any) -> Answered:
        return self.deliver(webhook_event(**{"fields": CALL, **arguments}))

    def deliver(self, event: dict[str, Any]) -> Answered:
        return self._phone.deliver(event)


@pytest.fixture
def line(phone: Phone, aws: PhoneAws, daily: DailyStub, monkeypatch: pytest.MonkeyPatch) -> Daily:
    """A deployment that has carrier daily beside another."""
    aws.put_secret(daily_account.SECRET_ARN, daily_account.secret())
    variables = {**daily_account.VARIABLES, "SWITCHBOARD_CARRIERS": "vonage,daily", "DAILY_API_URL": daily.url}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(key, "_cache", {})
    monkeypatch.setattr(phone.module, "load", load)
    return Daily(phone=phone)


@pytest.fixture
def unknown_to_the_log(line: Daily, log_text: io.StringIO, output: Output) -> Iterator[None]:
    """Of a call, nothing is written that tells who it is, or lets anybody into it."""
    yield
    written = log_text.getvalue() + output.text()
    secrets = (CALLER, CALLER[1:], OUR_NUMBER, TARGET, CALL_ID, DOMAIN, SESSION_ID, ROOM, API_KEY, HMAC_KEY, "daily.co")
    assert "webhook" in written
    assert not [text for text in secrets if text in written]


@pytest.mark.usefixtures("unknown_to_the_log")
def test_a_call_that_waits_gets_a_room_and_an_agent(
    line: Daily, aws: PhoneAws, daily: DailyStub, log_text: io.StringIO, output: Output
) -> None:
    answered = line.post()

    assert (answered.status, json.loads(answered.body)) == (200, {"status": "ok"})
    assert answered.headers == {"cache-control": "no-store", "content-type": "application/json"}
    (asked,) = daily.asked
    properties = asked.payload["properties"]
    assert (asked.operation, asked.payload["name"], asked.payload["privacy"]) == ("CreateRoom", ROOM, "private")
    assert properties["sip"]["sip_mode"] == "dial-in"
    assert properties["enable_dialout"] is True, "whoever takes the call over is dialed"
    assert properties["exp"] == pytest.approx(time.time() + 1800, abs=60)
    (invoked,) = aws.invoke_requests
    message = invoked.message
    token = message.pop("token")
    assert message == {
        "type": "join",
        "roomUrl": daily.rooms[ROOM]["url"],
        "expires": properties["exp"],
        "body": {},
        "caller": pseudonym(key=SESSION_KEY.encode(), number=CALLER),
        "phone": {"direction": "inbound", "callId": CALL_ID, "callDomain": DOMAIN, "transferTo": TARGET},
    }
    assert invoked.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == SESSION_ID
    claims = jwt.decode(token, API_KEY, algorithms=["HS256"], options={"verify_exp": False})
    assert (claims["r"], claims["d"], claims["o"], claims["exp"]) == (ROOM, DOMAIN_ID, True, properties["exp"])
    assert output.counted() == [{"name": name, "carrier": "daily"} for name in ("WebhooksServed", "CallsAnswered")]
    (said,) = lines(log_text)
    assert (said["status"], said["direction"], said["caller"]) == (200, "inbound", message["caller"])


def test_a_room_of_a_call_lasts_no_longer_than_a_call_may(
    line: Daily, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_MAX_CALL_SECONDS", "600")

    line.post()

    assert daily.rooms[ROOM]["config"]["exp"] == pytest.approx(time.time() + 600, abs=60)


def test_without_somebody_to_hand_over_to_nobody_can_be_dialed(
    line: Daily, aws: PhoneAws, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHBOARD_TRANSFER_TO")

    assert line.post().status == 200
    assert "enable_dialout" not in daily.rooms[ROOM]["config"]
    assert aws.invoke_requests[0].message["phone"]["transferTo"] is None


@pytest.mark.usefixtures("unknown_to_the_log")
@pytest.mark.parametrize(
    ("reason", "arguments", "change"),
    [
        ("unsigned", {}, {"headers": {}}),
        ("malformed", {}, {"headers": {"x-pinless-signature": "0" * 64, "x-pinless-timestamp": "1800000000"}}),
        ("wrong signature", {"key": OTHER_HMAC_KEY}, {}),
        ("wrong signature", {}, {"body": json.dumps({**CALL, "From": "+15550100666"})}),
        ("stale", {"age": 302}, {}),
        ("stale", {"age": -302}, {}),
        ("wrong url", {"query": "call=kX3vN0pQ7sT1uW5yZ2aB4c&proof=" + "0" * 32}, {}),
        ("wrong url", {"path": "/telephony/daily/events"}, {}),
        ("wrong url", {"path": "/telephony/daily/machine"}, {}),
        ("wrong url", {"path": "/telephony/daily/next"}, {}),
    ],
)
def test_an_untrue_webhook_gets_403_and_nothing_else(
    line: Daily,
    aws: PhoneAws,
    daily: DailyStub,
    dynamodb: DynamoDb,
    output: Output,
    reason: str,
    arguments: dict[str, Any],
    change: dict[str, Any],
) -> None:
    answered = line.deliver(webhook_event(fields=CALL, **arguments) | change)

    assert (answered.status, answered.body, answered.headers) == (403, "", {"cache-control": "no-store"})
    assert output.counted() == [{"name": "WebhooksRefused", "carrier": "daily", "reason": reason}]
    assert (dynamodb.operations, aws.invoke_requests, daily.asked) == ([], [], [])


def test_a_webhook_is_served_once(line: Daily, daily: DailyStub, aws: PhoneAws, output: Output) -> None:
    event = webhook_event(fields=CALL)

    assert [line.deliver(event).status for _ in range(3)] == [200, 403, 403]
    assert line.post(age=1).status == 403, "signed anew, it is the same call still"
    assert (len(daily.made), len(aws.invoke_requests)) == (1, 1)
    assert {counted["reason"] for counted in output.counted() if "reason" in counted} == {"replayed"}


def test_two_calls_are_two_rooms(line: Daily, daily: DailyStub) -> None:
    other = {**CALL, "callId": CALL_ID.replace("8", "9")}

    assert (line.post().status, line.post(fields=other).status) == (200, 200)
    assert len(set(daily.made)) == 2


def test_the_key_rotates_without_a_deployment(line: Daily, aws: PhoneAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Daily still signs with the old key while the new one is in the secret already."""
    aws.put_secret(daily_account.SECRET_ARN, daily_account.secret(hmac_key=OTHER_HMAC_KEY))

    assert line.post().status == 200
    assert line.post(fields={**CALL, "callId": "another-call"}, key=OTHER_HMAC_KEY).status == 200
    assert aws.asked_for(daily_account.SECRET_ARN).count("AWSPREVIOUS") == 1


@pytest.mark.usefixtures("unknown_to_the_log")
@pytest.mark.parametrize("body", [{"Test": "test"}, {"test": "test"}, {"To": OUR_NUMBER}])
def test_dailys_test_of_the_url_is_answered_once_it_is_signed(
    line: Daily, aws: PhoneAws, daily: DailyStub, log_text: io.StringIO, output: Output, body: dict[str, str]
) -> None:
    answered = line.post(fields=body)

    assert (answered.status, json.loads(answered.body)) == (200, {"status": "ok"})
    assert (daily.asked, aws.invoke_requests) == ([], [])
    assert output.counted() == [{"name": "WebhooksServed", "carrier": "daily"}]
    (said,) = lines(log_text)
    assert said["note"] == "a test of the URL"
    assert not {"session", "direction", "caller"} & set(said)
    assert line.post(fields=body, key=OTHER_HMAC_KEY).status == 403


@pytest.mark.usefixtures("unknown_to_the_log")
def test_a_secret_that_is_not_filled_in_is_the_operators_to_hear_of(
    line: Daily, aws: PhoneAws, log_text: io.StringIO
) -> None:
    aws.put_secret(daily_account.SECRET_ARN, daily_account.secret(api_key=""))

    assert line.post().status == 503
    (said,) = lines(log_text)
    assert (said["level"], said["code"]) == ("ERROR", "carrier_secret_unusable")
    assert "apiKey must be filled in; see docs/telephony/daily.md" in said["note"]


@pytest.mark.usefixtures("unknown_to_the_log")
def test_a_key_that_daily_refuses_is_counted_for_the_alarm(
    line: Daily, aws: PhoneAws, daily: DailyStub, output: Output
) -> None:
    daily.api_key = "another"

    assert line.post().status == 503
    assert {"name": "DailyKeyRefused", "deployment": PREFIX} in output.counted()
    assert {"name": "WebhooksFailed", "carrier": "daily", "code": "daily_refused_key"} in output.counted()
    assert not aws.invoke_requests


@pytest.mark.usefixtures("unknown_to_the_log")
@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Reply(status=500, headers={"x-amzn-errortype": "InternalServerException"}), 502),
        (Reply(status=424), 502),
        (Reply(body=b'{"error": {"code": "no_daily", "message": "no rooms function"}}'), 501),
    ],
)
def test_an_agent_that_can_not_be_had_leaves_no_room_and_may_be_asked_again(
    line: Daily, aws: PhoneAws, daily: DailyStub, refusal: Reply, status: int
) -> None:
    aws.invocations = [refusal, Reply()]
    event = webhook_event(fields=CALL)

    assert line.deliver(event).status == status
    assert daily.rooms == {}
    assert line.deliver(event).status == 200
    assert set(daily.rooms) == {ROOM}


def test_daily_that_is_busy_for_a_moment_is_asked_again(line: Daily, daily: DailyStub) -> None:
    daily.faults["CreateRoom"] = [Fault(status=429, headers={"retry-after": "0"}), Fault()]

    assert line.post().status == 200
    assert daily.count("CreateRoom") == 2


def test_daily_that_is_busy_for_long_leaves_no_agent_without_time(line: Daily, aws: PhoneAws, daily: DailyStub) -> None:
    daily.faults["CreateRoom"] = [Fault(status=429, headers={"retry-after": "12"})]

    assert line.post().status == 503
    assert (daily.count("CreateRoom"), aws.invoke_requests) == (1, [])


@pytest.mark.parametrize(
    ("fields", "status"),
    [({**CALL, "callId": ""}, 400), ({"From": CALLER}, 400), ({**CALL, "callDomain": "a b"}, 400), ([CALL], 400)],
)
def test_a_webhook_that_names_no_call_is_malformed(
    line: Daily, daily: DailyStub, dynamodb: DynamoDb, fields: Any, status: int
) -> None:
    assert line.post(fields=fields).status == status
    assert (daily.asked, dynamodb.operations) == ([], [])


def test_a_withheld_number_has_no_pseudonym(line: Daily, aws: PhoneAws) -> None:
    assert line.post(fields={**CALL, "From": "anonymous"}).status == 200
    assert aws.invoke_requests[0].message["caller"] == ""
